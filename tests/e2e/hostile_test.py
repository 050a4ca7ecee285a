"""What a relay makes of peers that lie, break rules, or come from another time."""

import json
import signal
import unittest

from peers import SEEDS, RawPeers
from support import LINK_UP, QUICK, RoomTest


class Hostile(RawPeers, RoomTest):
    def setUp(self):
        super().setUp()
        self.relay = self.lab.relay("relay-a", options=QUICK, trusted=[self.lab.relay_fingerprint("peer")], global_rooms=["tea"])

    def test_unknown_and_malformed_messages_harm_nobody(self):  # [H-01] [V-14] [V-19]
        for peer in (self.registered("alice"), self.peer("probe", "_probe")):
            for line in ('{"FutureThing":{"x":1}}', '"Nonsense"', "{}", "not json", '{"Ping":5}', "[" * 200):
                peer.write_line(line)
            peer.write_line("@hex 00000000")
            peer.write_line("@hex ffffffff00")
            peer.write_line("@hex 0000")
            self.still_served(peer, 41)

    def test_registration_needs_the_key(self):  # [V-02]
        good = self.registered("bob")
        thief = self.peer("thief", "_signal")
        thief.write_line(f"@unsigned {SEEDS['bob']}")
        self.assertEqual(self.message(thief, "RegisterPresenceAck"), {"success": False, "error": "bad signature", **self.build(thief)})
        thief.wait_for_line("^@closed Application 0x12", stream="out")
        self.still_served(good, 7)
        caller = self.registered("alice")
        self.offer(caller, good.fingerprint, "ab" * 16)
        self.message(good, "DirectCallOffer")

    def build(self, peer):
        ack = self.messages(peer, "RegisterPresenceAck")[0]
        return {key: ack[key] for key in ("relay_build", "caps") if key in ack}

    def test_federation_needs_a_trusted_certificate(self):  # [V-01]
        for arguments in ([], ["--certificate", "d4" * 32]):
            peer = self.peer("stranger", "_federation", *arguments)
            peer.wait_for_line(r"^@closed (CertificateRefused|Application 0x13|HandshakeFailed)", stream="out")

    def test_cross_relay_loop_prevention_drops_self_sourced_forward(self):  # [V-13]
        bob, peer = self.registered("bob"), self.federation_peer()
        offer = {"DirectCallOffer": {
            "caller_fingerprint": self.lab.fingerprint("somebody"), "caller_alias": None, "target_fingerprint": bob.fingerprint,
            "call_id": "99" * 16, "identity_pub": [1] * 32, "ephemeral_pub": [2] * 32, "signature": [], "supported_profiles": []}}
        for origin in (self.relay.fingerprint, self.lab.relay_fingerprint("third"), "nonsense"):
            self.say(peer, "FederatedSignalForward", inner=offer, origin_relay_fp=origin)
        self.still_served(bob, 1)
        self.assertEqual(self.messages(bob, "DirectCallOffer"), [])
        # The very same offer under the right name rings.
        self.say(peer, "FederatedSignalForward", inner=offer, origin_relay_fp=self.lab.relay_fingerprint("peer"))
        self.assertEqual(self.message(bob, "DirectCallOffer")["call_id"], "99" * 16)
        self.assertEqual(self.message(peer, "FederatedSignalForward")["inner"], {"CallRinging": {"call_id": "99" * 16}})
        self.relay.stop()  # the operator is told what was dropped, and why
        self.relay.wait_for_line("signals dropped: forward-own-origin=1 forward-wrong-origin=2$")

    def test_a_link_survives_what_it_does_not_understand(self):  # [V-14] [H-01]
        bob, peer = self.registered("bob"), self.federation_peer()
        for line in ('{"FutureThing":{"x":1}}', "not json", '{"FederatedSignalForward":{"inner":"Nonsense","origin_relay_fp":"x"}}'):
            peer.write_line(line)
        self.say(peer, "FederatedSignalForward", origin_relay_fp=self.lab.relay_fingerprint("peer"), inner={"DirectCallOffer": {
            "caller_fingerprint": self.lab.fingerprint("somebody"), "target_fingerprint": bob.fingerprint, "call_id": "55" * 16,
            "identity_pub": [1] * 32, "ephemeral_pub": [2] * 32, "signature": [], "supported_profiles": []}})
        self.message(bob, "DirectCallOffer")

    def test_a_peer_that_is_no_delegate_speaks_for_nobody_else(self):
        peer, third = self.federation_peer("routes", "media-v2"), self.lab.relay_fingerprint("third")
        own = self.lab.relay_fingerprint("peer")
        ada = self.join("ada", self.relay)
        for origin, neighbours in ((own, [self.relay.fingerprint, third]), (third, [own, self.relay.fingerprint])):
            self.say(peer, "RelayState", origin_relay_fp=origin, epoch=1, seq=1, hops=1 if origin == own else 2, neighbours=neighbours)
        self.say(peer, "RoomState", **self.room_state(third, 2, 1, "ghost"))
        self.say(peer, "RoomState", **self.room_state(self.relay.fingerprint, 2, 99, "ghost"))
        self.say(peer, "RoomState", **self.room_state(own, 1, 1, "guest"))
        self.wait_people(ada, 2)  # the peer's own member is believed; what came before it was not
        self.assertEqual({e["alias"] for e in ada.events if e["event"] == "member_joined"}, {"guest"})
        peer.kill()
        self.wait_people(ada, 1)
        self.leave(ada)

    def send_forgeries(self, peer, **fields):
        """Up to 300 signals that nobody has signed, no faster than the relay reads; fewer when the link is closed."""
        for number in range(1, 301):
            self.say(peer, "RoutedSignal", route_id=f"{number:032x}", attempt=0, hops_left=7, proof=[7] * 96, signature=[9] * 64,
                     body=json.dumps({"CallRinging": {"call_id": "ab" * 16}}), **fields)
            if number % 20 == 0:
                self.say(peer, "Ping", timestamp_ms=number)
                if not self.wait_pong(peer, number):
                    return

    def test_forged_signals_do_not_part_the_honest_relays_that_they_pass(self):
        fingerprint = {name: self.lab.relay_fingerprint(name) for name in ("peer", "relay-b", "relay-c")}
        b = self.relay = self.lab.relay("relay-b", options=QUICK, 
                                         trusted=[(fingerprint[name], "delegate = true") for name in ("peer", "relay-c")])
        c = self.lab.relay("relay-c", options=QUICK, peers=[(b.address, fingerprint["relay-b"], "delegate = true")])
        b.wait_for_line(LINK_UP)
        c.wait_for_line(LINK_UP)
        peer = self.federation_peer("routes", "media-v2")
        self.send_forgeries(peer, origin_relay_fp=fingerprint["peer"], path=[fingerprint["peer"]], target_relay_fp=fingerprint["relay-c"])
        caller = self.call("caller", self.listen("callee", b), c, "--duration", "0.5")  # the link b - c is still there
        self.assertEqual(caller.wait(10), 0, c.transcript())
        self.assertFalse([line for line in c.err if "keeps sending" in line], c.transcript())

    def test_a_peer_that_floods_with_forgeries_loses_its_link_and_local_calls_go_on(self):  # [V-14]
        callee = self.listen("callee", self.relay)
        caller = self.call("caller", callee, self.relay, "--relay-only")
        self.wait_talking(caller, callee)
        peer, own = self.federation_peer("routes", "media-v2"), self.lab.relay_fingerprint("peer")
        third = self.lab.relay_fingerprint("third")
        self.send_forgeries(peer, origin_relay_fp=third, path=[third, own])
        peer.wait_for_line("^@closed Application 0x17", stream="out")
        self.relay.wait_for_line("keeps sending what it may not")
        caller.send_signal(signal.SIGINT)
        self.assert_ended(callee, "peer_hung_up")
        self.assertLess(callee.find("summary")["frames_lost"], 10, callee.transcript())

    def hello_in_room(self, guest):
        self.say(guest, "CallOffer", identity_pub=[1] * 32, ephemeral_pub=[2] * 32, signature=[3] * 64, supported_profiles=[], alias=None)

    def test_rooms_for_members_and_of_unknown_calls_are_refused(self):  # [V-32]
        members_only = f'[[rooms]]\nname = "club"\nmembers = ["{self.lab.fingerprint("member")}"]\n'
        self.relay.config.write_text(self.relay.config.read_text() + members_only)
        self.relay.send_signal(signal.SIGHUP)
        self.relay.wait_for_line("lists of the configuration were read again")
        for room in ("club", "call-" + "12" * 16):
            with self.subTest(room):
                guest = self.peer("guest", room)
                self.hello_in_room(guest)
                guest.wait_for_line(r"^@closed Application 0x1[29]", stream="out")

    def test_an_open_room_does_not_believe_a_hello_with_a_wrong_signature(self):  # [V-02]
        guest = self.peer("guest", "general")
        self.hello_in_room(guest)
        guest.wait_for_line(r"^@closed Application 0x19 .*bad signature", stream="out")


if __name__ == "__main__":
    unittest.main(verbosity=2)
