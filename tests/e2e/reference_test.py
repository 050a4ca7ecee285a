"""Deployed relays at the other end of a link, played by hand: they tell nobody what they can do, say nothing before the answer and
nothing after it, and put eight bytes in front of each packet of media."""

import hashlib
import json
import signal
import unittest

from mesh import RoomMeshTest
from peers import RawPeers
from support import LINK_UP, QUICK

CALL = "77" * 16
BOB = "b0b0:" * 7 + "b0b0"
OTHER_STREAM = 20_000  # what is sent back counts from here: our own packets, as they were, are not heard again


class ReferenceTest(RawPeers, RoomMeshTest):
    """`self.relay` is ours; `self.reference` is the other one."""

    def start_reference(self):
        """One that ours dials, with its certificate pinned."""
        self.own = self.lab.relay_fingerprint("reference")
        place, seed = self.lab.place("reference"), self.lab.identity("reference").read_text().strip()
        self.reference = self.lab.process("reference", [self.lab.build / "tests/e2e/raw-peer", "listen", seed, place.address],
                                          stdin=-1, prefix=place.prefix)
        address = self.reference.wait_for_line(r"^@listening (\S+)", stream="out").group(1)
        self.relay = self.lab.relay("relay-a", options=QUICK, peers=[(address, self.own, 'label = "reference"')], global_rooms=["tea"])
        self.relay.wait_for_line(LINK_UP)

    def forward(self, tag, **fields):
        self.say(self.reference, "FederatedSignalForward", origin_relay_fp=self.own, inner={tag: fields})

    def forwarded(self, tag):
        return [m["inner"][tag] for m in self.messages(self.reference, "FederatedSignalForward") if tag in m["inner"]]

    def wait_forwarded(self, tag):
        return self.reference.wait_until(lambda _: self.forwarded(tag), 5, tag)[0]

    def packets_of(self, room):
        """What came over the link for this room, without its tag."""
        tag = "@datagram " + hashlib.sha256(room.encode()).hexdigest()[:16]
        return [bytes.fromhex(line[len(tag):]) for line in list(self.reference.out) if line.startswith(tag)]

    def datagrams(self):
        return [line for line in list(self.reference.out) if line.startswith("@datagram")]

    def send_back(self, room, count=100):
        """Somebody at the reference says what we said, packet by packet as it comes."""
        tag = hashlib.sha256(room.encode()).digest()[:8]
        for number in range(count):
            packet = self.reference.wait_until(lambda _, n=number: self.packets_of(room)[n:n + 1], 5, f"packet {number}")[0]
            sequence = (int.from_bytes(packet[2:4], "big") + OTHER_STREAM) % 65536
            self.write(self.reference, "@datagram " + (tag + packet[:2] + sequence.to_bytes(2, "big") + packet[4:]).hex())


class CallsToReference(ReferenceTest):
    def setUp(self):
        super().setUp()
        self.start_reference()

    def call_bob(self, *options):
        """Up to the offer."""
        caller = self.call("caller", BOB, self.relay, "--relay-only", "--allow-unsealed", *options)
        offer = self.wait_forwarded("DirectCallOffer")
        self.assertEqual((offer["target_fingerprint"], offer["caller_fingerprint"]), (BOB, caller.fingerprint))
        self.assertFalse(offer.get("caller_reflexive_addr") or offer.get("caller_local_addrs"), offer)
        caller.wait_event("ringing")  # a relay of this kind never says so
        return caller, offer["call_id"]

    def test_a_call_to_somebody_there_is_heard_both_ways(self):  # [H-11] [V-06]
        caller, call_id = self.call_bob("--tone", "660", "--record", self.recording("caller"))
        self.forward("DirectCallAnswer", call_id=call_id, accept_mode="AcceptGeneric", callee_build_version="abc1234")
        self.assertFalse(caller.wait_event("answered")["sealed"])
        self.send_back(f"call-{call_id}")
        caller.wait_event("first_audio_heard")
        self.wait_tones("caller", {660}, {660, 440})
        caller.send_signal(signal.SIGINT)
        self.assert_exit(caller, 0)
        self.assertEqual(self.wait_forwarded("Hangup")["call_id"], call_id)

    def test_a_call_from_somebody_there_is_heard_both_ways(self):  # [H-11]
        callee = self.listen("callee", self.relay, "--allow-unsealed", "--relay-only", "--tone", "440", "--record", self.recording("callee"))
        self.forward("DirectCallOffer", caller_fingerprint=BOB, caller_alias="Bob", target_fingerprint=callee.fingerprint, call_id=CALL,
                     identity_pub=[0] * 32, ephemeral_pub=[0] * 32, signature=[], supported_profiles=[], caller_build_version="abc1234")
        incoming = callee.wait_event("incoming")
        self.assertEqual((incoming["peer"], incoming["alias"], incoming["sealed"]), (BOB, "Bob", False))
        answer = self.wait_forwarded("DirectCallAnswer")
        self.assertEqual(answer["call_id"], CALL)
        self.assertNotIn("callee_reflexive_addr", answer)
        self.send_back(f"call-{CALL}")
        callee.wait_event("first_audio_heard")
        self.wait_tones("callee", {440}, {660, 440})
        callee.send_signal(signal.SIGINT)
        self.assertEqual(self.wait_forwarded("Hangup"), {"reason": "Normal", "call_id": CALL})

    def test_its_reject_is_a_hang_up_with_or_without_the_call(self):  # [V-07]
        for number, with_id in enumerate((True, False)):
            with self.subTest(with_id=with_id):
                caller = self.call(f"caller-{number}", BOB, self.relay, "--relay-only", "--allow-unsealed", identity="caller")
                caller.wait_event("ringing")
                call_id = self.reference.wait_until(lambda _, n=number: self.forwarded("DirectCallOffer")[n:], 5, "offer")[0]["call_id"]
                self.forward("Hangup", reason="Normal", **({"call_id": call_id} if with_id else {}))
                self.assert_ended(caller, "declined")
                self.assert_exit(caller, 5)

    def test_nobody_is_there_and_nothing_is_said_of_it(self):  # [V-10]
        caller = self.call("caller", BOB, self.relay, "--allow-unsealed", "--ring-timeout", "1")
        caller.wait_event("ringing")
        self.assert_ended(caller, "no_answer", 5)
        self.assertEqual(self.wait_forwarded("Hangup")["call_id"], self.wait_forwarded("DirectCallOffer")["call_id"])

    def test_whoever_wants_sealed_calls_only_refuses_what_it_answers(self):
        caller = self.call("caller", BOB, self.relay, "--relay-only")
        call_id = self.wait_forwarded("DirectCallOffer")["call_id"]
        self.forward("DirectCallAnswer", call_id=call_id, accept_mode="AcceptGeneric", callee_build_version="abc1234")
        self.assert_ended(caller, "identity_refused")
        self.assertEqual(self.wait_forwarded("Hangup")["call_id"], call_id)

    def test_it_sees_and_ends_no_call_between_two_of_our_people(self):  # [V-13] [V-33]
        callee = self.listen("callee", self.relay, "--relay-only")
        caller = self.call("caller", callee, self.relay, "--relay-only")
        self.wait_talking(caller, callee)
        call_id = caller.find("answered")["call_id"]
        self.forward("Hangup", reason="Normal")
        self.forward("Hangup", reason="Normal", call_id=call_id)
        self.forward("DirectCallAnswer", call_id=call_id, accept_mode="Reject")
        self.still_served(self.reference, 1)
        self.assertEqual(self.datagrams(), [])
        self.assertEqual(self.forwarded("DirectCallOffer"), [])
        for side in (caller, callee):
            self.assertIsNone(side.find("ended"), side.transcript())
        caller.send_signal(signal.SIGINT)
        self.assert_ended(callee, "peer_hung_up")


class RoomsWithReference(ReferenceTest):
    def members_at_reference(self, *names):
        return [{"fingerprint": self.lab.fingerprint(name), "alias": name, "relay_label": None} for name in names]

    def told_people(self):
        """Whom the reference was told of last."""
        last = []
        for line in list(self.reference.out):
            message = json.loads(line) if line.startswith("{") else {}
            if "GlobalRoomActive" in message:
                last = message["GlobalRoomActive"]["participants"]
            elif "GlobalRoomInactive" in message:
                last = []
        return sorted(person["fingerprint"] for person in last)

    def share_a_room(self, label="reference"):
        """One member here, and one there."""
        ada = self.join("ada", self.relay, "--tone", "310", "--record", self.recording("ada"))
        self.reference.wait_until(lambda _: self.told_people() == [ada.fingerprint], 5, "word of ada")
        self.say(self.reference, "GlobalRoomActive", room="tea", participants=self.members_at_reference("guest"))
        guest = ada.wait_event("member_joined", alias="guest")
        self.assertEqual(guest["relay"], label)
        self.send_back("tea")
        self.wait_tones("ada", {310}, {310, 470})
        return ada

    def leave_the_room(self, ada):
        bert = self.join("bert", self.relay)
        self.reference.wait_until(lambda _: self.told_people() == sorted([ada.fingerprint, bert.fingerprint]), 5, "word of both")
        self.wait_people(bert, 3)
        self.leave(bert)
        self.wait_people(ada, 2)  # a leave here hides nobody there [V-42]
        self.say(self.reference, "GlobalRoomInactive", room="tea")
        self.wait_people(ada, 1)
        self.leave(ada)
        self.reference.wait_until(lambda _: self.told_people() == [], 5, "word of nobody")

    def test_a_global_room_is_shared_with_one_that_we_dial(self):  # [V-39] [V-42] [V-72]
        self.start_reference()
        ada = self.share_a_room()
        self.leave_the_room(ada)

    def test_its_members_go_with_the_link(self):  # [V-40]
        self.start_reference()
        ada = self.share_a_room()
        self.reference.kill()
        self.wait_people(ada, 1)
        self.leave(ada)

    def test_the_hashed_name_of_a_room_is_the_room(self):  # [H-31] [V-72]
        self.start_reference()
        ada = self.join("ada", self.relay)
        hashed = hashlib.sha256(b"featherchat-group:tea").hexdigest()[:32]
        self.say(self.reference, "GlobalRoomActive", room=hashed, participants=self.members_at_reference("guest"))
        self.wait_people(ada, 2)
        self.leave(ada)

    def dial_in(self, **options):
        """A reference that dials ours: without a certificate, it only claims who it is."""
        self.own = self.lab.relay_fingerprint("reference")
        self.relay = self.lab.relay("relay-a", options={**QUICK, **options}, trusted=[(self.own, 'label = "reference"', "delegate = true")],
                                    global_rooms=["tea"])
        self.reference = self.peer("reference", "_federation")
        self.say(self.reference, "FederationHello", tls_fingerprint=self.own)

    def test_one_that_dials_us_is_refused(self):  # [V-01]
        self.dial_in()
        self.reference.wait_for_line(r"^@closed (CertificateRefused|Application 0x13|HandshakeFailed)", stream="out")

    def test_one_that_dials_us_shares_rooms_and_no_calls_where_the_operator_allows_it(self):  # [V-01]
        self.dial_in(allow_unauthenticated_federation=True)
        self.relay.wait_for_line("unverified")
        ada = self.share_a_room(f"unverified {self.own[:11]}")
        callee = self.listen("callee", self.relay, "--allow-unsealed")
        self.forward("DirectCallOffer", caller_fingerprint=BOB, caller_alias="Bob", target_fingerprint=callee.fingerprint, call_id=CALL,
                     identity_pub=[0] * 32, ephemeral_pub=[0] * 32, signature=[], supported_profiles=[])
        caller = self.call("caller", BOB, self.relay, "--allow-unsealed")
        self.assert_ended(caller, "unreachable")
        self.still_served(self.reference, 1)
        self.assertIsNone(callee.find("incoming"), callee.transcript())
        self.assertEqual(self.forwarded("DirectCallOffer"), [])
        self.leave_the_room(ada)

    def test_a_claimed_fingerprint_takes_nothing_from_the_relay_that_owns_it(self):  # [V-01] [V-11]
        self.dial_in(allow_unauthenticated_federation=True)
        self.relay.wait_for_line("unverified")
        owner = self.federation_peer("routes", "media-v2", name="reference")
        self.say(owner, "RoomState", **self.room_state(self.own, 1, 1, "owner"))
        ada = self.join("ada", self.relay)
        ada.wait_until(lambda m: m.find("member", alias="owner") or m.find("member_joined", alias="owner"), 5, "word of the owner's member")
        again = self.peer("impostor", "_federation")
        self.say(again, "FederationHello", tls_fingerprint=self.own)
        self.still_served(again, 1)
        self.still_served(owner, 2)
        self.say(again, "GlobalRoomInactive", room="tea")
        self.say(again, "FederatedSignalForward", origin_relay_fp=self.own, inner={"Hangup": {"reason": "Normal"}})
        again.kill()
        self.still_served(owner, 3)
        self.assertIsNone(ada.find("member_left", alias="owner"))
        self.leave(ada)


if __name__ == "__main__":
    unittest.main(verbosity=2)
