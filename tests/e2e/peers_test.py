"""Linked relays that flood, and linked relays that lie: what they do to others, which is next to nothing."""

import contextlib
import hashlib
import hmac
import itertools
import json
import subprocess
import threading
import time
import unittest
from collections import Counter

from mesh import RoomMeshTest
from peers import RawPeers, media_packet

TONES = {"ada": 310, "bert": 470}
PROMPT = 1000  # milliseconds from dialling to ringing while a relay is busy with a flood
SALT = bytes(range(16))


def tagged(room, source, packet, hops=1):
    """As it crosses a link; `source`: 12 hex digits."""
    return hashlib.sha256(room.encode()).digest()[:8] + bytes.fromhex(source) + bytes([hops, 0]) + packet


def blinded(fingerprint):
    """Somebody's entry in a `UserState`."""
    return hmac.new(SALT, bytes.fromhex(fingerprint.replace(":", "")), hashlib.sha256).hexdigest()[:16]


class PeerTest(RawPeers, RoomMeshTest):
    """Relays of ours in a row, and at the first of them a link to one that is driven by hand."""

    def start_row(self, letters, delegate=False, watched=False):
        self.links = [left + right for left, right in zip(letters, letters[1:])]
        entry = (self.lab.relay_fingerprint("peer"), 'label = "peer"', *(["delegate = true"] if delegate else []))
        guests = [entry] + [(self.lab.relay_fingerprint("watcher"), "delegate = true")] * watched
        for letter in letters:
            self.start_relay(letter, self.links, rooms=["tea"], guests=guests if letter == "A" else ())
        self.wait_links(self.links)
        self.relay = self.mesh["A"]
        self.own = self.lab.relay_fingerprint("peer")

    def fill_room(self, letters="AB"):
        self.ada, self.bert = self.room = [
            self.join(name, self.mesh[letter], "--tone", str(tone), "--record", self.recording(name), ready=False)
            for letter, (name, tone) in zip(letters, TONES.items())]
        self.assert_room_is_well()

    def assert_room_is_well(self, *guests):
        """Those two hear each other, and the list of the first has nobody else but these guests."""
        self.wait_listed(self.ada, *self.room, *guests)
        self.wait_listed(self.bert, *self.room)
        self.wait_tones("ada", {TONES["bert"]}, TONES.values())
        self.wait_tones("bert", {TONES["ada"]}, TONES.values())

    def say_neighbours(self, peer, origin, seq, *neighbours, epoch=1):
        self.say(peer, "RelayState", origin_relay_fp=origin, epoch=epoch, seq=seq, hops=1 if origin == self.own else 2,
                 neighbours=list(neighbours))

    def assert_call(self, name, callee, within, *options):
        caller = self.call(name, callee, self.mesh["A"], *options)
        self.wait_talking(caller, callee)
        self.assertLess(caller.find("ringing")["time_ms"] - caller.find("calling")["time_ms"], within, caller.transcript())
        self.hang_up(caller, callee)
        self.assert_exit(caller, 0)

    def offers_heard_by(self, peer):
        found = [m["inner"] for m in self.messages(peer, "FederatedSignalForward")]
        found += [json.loads(m["body"]) for m in self.messages(peer, "RoutedSignal")]
        return [inner["DirectCallOffer"] for inner in found if "DirectCallOffer" in inner]


class FloodTest(PeerTest):
    """For two or three seconds, as much as the relay takes. Each flood is bounded in messages, too."""

    SECONDS, MOST, BATCH = 2.5, 40_000, 100
    DELEGATE = False

    def setUp(self):
        super().setUp()
        self.start_row("AB", delegate=self.DELEGATE)
        self.caller, self.callee = self.hold("A", "B")
        self.free = self.listen("free", self.mesh["B"])
        self.fill_room()
        self.flooder = self.federation_peer("routes", "media-v2")
        self.say_neighbours(self.flooder, self.own, 1, self.relay.fingerprint)
        self.sent = 0

    def enter_room(self):
        """With a member of its own, so that the room's media crosses the link both ways."""
        self.say(self.flooder, "RoomState", **self.room_state(self.own, 1, 1, "guest"))
        self.flooder.wait_for_line("^@datagram", 5, "out")

    @contextlib.contextmanager
    def flood(self, lines, most=MOST, batch=BATCH, per_second=None):
        """Inside, the peer says these: as fast as it can, or at this rate. Gives a function: whether it goes on."""
        def run():
            began = time.monotonic()
            for self.sent in range(batch, most + 1, batch):
                self.write(self.flooder, *itertools.islice(lines, batch))
                late = time.monotonic() - began
                if late > self.SECONDS:
                    break
                if per_second:
                    time.sleep(max(0.0, self.sent / per_second - late))
        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield thread.is_alive
        finally:
            thread.join()

    def assert_calls_while(self, going):
        """One call after the other, as if nothing were."""
        for number in itertools.count():
            self.assert_call(f"during-{number}", self.free, PROMPT, "--relay-only")
            if not going():
                return

    def assert_unharmed(self):
        for name in ("caller", "callee"):
            self.wait_loudness(name, True, 2)
        for name, hertz in (("ada", TONES["bert"]), ("bert", TONES["ada"]), ("caller", 440), ("callee", 660)):
            self.assertLessEqual(self.gaps(self.recording(name), hertz, self.SECONDS), 2, name)
        self.hang_up(self.caller, self.callee)
        self.leave(*self.room)
        for letter, other in ("AB", "BA"):
            self.assertFalse([line for line in self.mesh[letter].err if f"link to {other} is down" in line], self.mesh[letter].transcript())
        self.assertLess(self.callee.find("summary")["frames_lost"], 25, self.callee.transcript())  # of rooms: what the flooder lost, too


class Floods(FloodTest):
    def news(self):
        """What a relay may say, with a change in each: of its map, its users, its members; and calls for nobody."""
        rooms = [self.room_state(self.own, 1, 0, *guests) for guests in ([], ["guest"])]
        for number in itertools.count(2):
            yield json.dumps({"RelayState": {"origin_relay_fp": self.own, "epoch": 1, "seq": number, "hops": 1,
                                             "neighbours": [self.relay.fingerprint] * (number % 2)}})
            yield json.dumps({"RoomState": {**rooms[number % 2], "seq": number}})
            yield json.dumps({"UserState": {"origin_relay_fp": self.own, "epoch": 1, "version": number, "hops": 1, "salt": SALT.hex(),
                                            "part": 0, "parts": 1, "add": f"{number:016x}"}})
            yield json.dumps({"FederatedSignalForward": {"origin_relay_fp": self.own, "inner": {"DirectCallOffer": {
                "caller_fingerprint": self.ada.fingerprint, "target_fingerprint": self.ada.fingerprint, "call_id": f"{number:032x}",
                "identity_pub": [1] * 32, "ephemeral_pub": [2] * 32, "signature": [], "supported_profiles": []}}}})
            yield json.dumps({"Ping": {"timestamp_ms": number}})
            yield '{"FutureThing":{"x":1}}'

    def test_a_flood_of_signals_delays_no_call_and_disturbs_no_room(self):  # [V-14] [V-21] [H-24]
        with self.flood(self.news()) as going:
            self.assert_calls_while(going)
        self.assertGreater(self.sent, 1000)
        self.flooder.kill()
        self.assert_room_is_well()
        self.assert_call("afterwards", self.free, PROMPT)
        self.assert_unharmed()

    def packets(self, rooms, sources):
        """Silence for each of these rooms in the name of each of these sources, and garbage."""
        for seq in itertools.count():
            for room, source in itertools.product(rooms, sources):
                yield "@datagram " + tagged(room, source, media_packet(seq)).hex()
            yield f"@datagram {seq % 65536:04x}"

    def test_a_flood_of_media_disturbs_neither_calls_nor_rooms(self):  # [V-14] [V-43]
        self.enter_room()
        call = "call-" + self.caller.find("answered")["call_id"]
        sources = [relay.replace(":", "")[:8] + f"{stream:04x}" for relay, stream in itertools.product((self.own, self.relay.fingerprint), (1, 2))]
        with self.flood(self.packets(("tea", call, "elsewhere"), sources), per_second=8000) as going:  # more than a link may bring
            self.assert_calls_while(going)
        self.assertGreater(self.sent, 1000)
        self.flooder.kill()
        self.assert_room_is_well()
        self.assert_unharmed()
        for side in (self.caller, self.callee):
            self.assertEqual(side.find("summary")["refused_unauthentic"], 0, "strangers have spoken into a call")


class FloodsOfADelegate(Floods):
    """What it says is passed on to others."""

    DELEGATE = True


class Burdens(PeerTest):
    def test_a_delegate_that_invents_crowds_cuts_no_link_between_others(self):  # [V-21]
        self.start_row("AB", delegate=True)
        free = self.listen("free", self.mesh["B"])
        self.fill_room()
        peer = self.federation_peer("routes", "media-v2")
        self.say_neighbours(peer, self.own, 1, self.relay.fingerprint)
        crowd = [{"fingerprint": f"{number:0128x}", "alias": "a" * 128, "relay_label": "b" * 128, "source": "c" * 128} for number in range(256)]
        for number in range(200):  # 29 MB, more than waits for a link
            origin = ":".join(f"{byte:02x}" for byte in hashlib.sha256(bytes([number])).digest())
            self.say(peer, "RoomState", origin_relay_fp=origin, epoch=1, seq=1, hops=2, room="tea", participants=crowd)
        self.say(peer, "Ping", timestamp_ms=1)
        self.wait_pong(peer, 1, 30)
        self.assert_call("during", free, PROMPT, "--relay-only")
        self.assert_room_is_well()
        self.leave(*self.room)
        free.stop()
        # All of that is told again to a relay that comes back.
        self.mesh["B"].kill()
        self.wait_link_down("A", "B")
        self.restart_relay("B")
        self.wait_links(["AB"])
        self.assert_call("afterwards", self.listen("again", self.mesh["B"], identity="free"), PROMPT, "--relay-only")
        downs = [line for line in self.relay.err if "link to B is down" in line]
        self.assertEqual(len(downs), 1, self.relay.transcript())


class Impostors(FloodTest):
    def test_a_peer_cannot_silence_the_member_of_another_relay_in_its_name(self):  # [V-28] [V-37]
        self.enter_room()
        source = next(e["source"] for e in self.ada.events if e["event"] in ("member", "member_joined") and e["fingerprint"] == self.bert.fingerprint)
        # Few, and half of them far ahead of the true ones, wherever those are.
        forged = ("@datagram " + tagged("tea", source, media_packet(seq // 2 + seq % 2 * 32768)).hex() for seq in itertools.count())
        with self.flood(forged, batch=4, per_second=200):
            began = time.monotonic()
            while time.monotonic() - began < self.SECONDS:
                self.wait_tones("ada", {TONES["bert"]}, TONES.values(), 0.3)
        self.flooder.kill()
        self.assert_room_is_well()
        self.assert_unharmed()


class Lies(PeerTest):
    def claim_user(self, peer, person):
        self.say_neighbours(peer, self.own, 1, self.relay.fingerprint)
        self.say(peer, "UserState", origin_relay_fp=self.own, epoch=1, version=1, hops=1, salt=SALT.hex(), part=0, parts=1,
                 add=blinded(person.fingerprint))
        self.still_served(peer, 1)

    def test_a_call_reaches_its_callee_although_another_relay_claims_to_have_them(self):  # [V-25]
        self.start_row("ABC", watched=True)
        callee = self.listen("callee", self.mesh["C"])
        watcher = self.federation_peer("routes", name="watcher")
        watcher.wait_until(lambda w: [m for m in self.messages(w, "UserState") + self.messages(w, "UserDigest")
                                      if m["origin_relay_fp"] == self.mesh["C"].fingerprint and (m.get("add") or m.get("count"))],
                           5, "word of the callee")  # what the watcher is told the first relay knows
        watcher.wait_until(lambda w: [m for m in self.messages(w, "RelayState") if m["origin_relay_fp"] == self.mesh["B"].fingerprint
                                      and self.mesh["C"].fingerprint in m["neighbours"]], 5, "word of the way there")
        peer = self.federation_peer("routes", "media-v2")
        self.claim_user(peer, callee)
        self.assert_call("first", callee, PROMPT)
        self.assert_call("second", callee, PROMPT, "--relay-only")
        offers = self.offers_heard_by(peer)
        self.assertEqual(len(offers), 2)  # it was asked, and shown nobody's address
        for offer in offers:
            self.assertFalse(offer.get("caller_reflexive_addr") or offer.get("caller_local_addrs"), offer)

    def far_callee(self):
        """So far that their relay's word does not reach the caller's: the liar is the only one who claims to have them."""
        self.start_row("ABCDE")
        callee = self.listen("callee", self.mesh["E"])
        peer = self.federation_peer("routes", "media-v2")
        self.claim_user(peer, callee)
        return callee, peer

    def test_a_call_that_was_sought_at_the_wrong_relay_first_is_as_direct_as_any(self):
        callee, peer = self.far_callee()
        caller = self.call("caller", callee, self.mesh["A"])
        self.wait_talking(caller, callee)
        self.assertEqual(len(self.offers_heard_by(peer)), 1)
        for side in (caller, callee):
            self.assertEqual(side.wait_event("path_chosen")["path"], "direct", side.transcript())
        self.hang_up(caller, callee)

    def test_a_call_goes_elsewhere_when_the_relay_that_claims_the_callee_says_nothing(self):  # [V-25]
        callee, peer = self.far_callee()
        self.assert_call("first", callee, 2000 + PROMPT)
        self.assertEqual(len(self.offers_heard_by(peer)), 1)

    def test_a_call_goes_elsewhere_at_once_when_the_relay_that_claims_the_callee_refuses(self):  # [V-25]
        callee, peer = self.far_callee()
        caller = self.call("caller", callee, self.mesh["A"])
        self.say_to_next_offer(peer, ("Hangup", {"reason": "Error"}))
        self.wait_talking(caller, callee)
        self.assertLess(caller.find("ringing")["time_ms"] - caller.find("calling")["time_ms"], PROMPT, caller.transcript())
        self.hang_up(caller, callee)

    def forward(self, peer, tag, **fields):
        self.say(peer, "FederatedSignalForward", origin_relay_fp=self.own, inner={tag: fields})

    def say_to_next_offer(self, peer, *messages):
        """As soon as the peer has been asked."""
        call_id = peer.wait_until(lambda p: self.offers_heard_by(p), 5, "offer")[0]["call_id"]
        for tag, fields in messages:
            self.forward(peer, tag, call_id=call_id, **fields)

    def assert_liar_keeps_no_call(self, *messages):
        """Its callee is reached once the relay that claims to have them has not proved it for 2 s."""
        callee, peer = self.far_callee()
        caller = self.call("caller", callee, self.mesh["A"])
        self.say_to_next_offer(peer, *messages)
        self.wait_talking(caller, callee)
        late = caller.find("answered")["time_ms"] - caller.find("calling")["time_ms"]
        self.assertLess(late, 2000 + PROMPT, caller.transcript())
        self.assertFalse(any(offer.get("caller_reflexive_addr") for offer in self.offers_heard_by(peer)), "addresses were shown")
        self.hang_up(caller, callee)
        self.assert_exit(caller, 0)

    def test_a_relay_that_rings_on_without_having_the_callee_does_not_keep_the_call(self):  # [V-25]
        self.assert_liar_keeps_no_call(("CallRinging", {}))

    def test_a_relay_that_answers_without_having_the_callee_does_not_keep_the_call(self):  # [V-25]
        accept = {"accept_mode": "AcceptGeneric", "identity_pub": [1] * 32, "ephemeral_pub": [2] * 32, "signature": [3] * 64}
        self.assert_liar_keeps_no_call(("CallRinging", {}), ("DirectCallAnswer", accept))

    def test_a_relay_that_forges_the_callees_word_does_not_keep_the_call(self):  # [V-25]
        self.assert_liar_keeps_no_call(("CallRinging", {"identity_pub": [1] * 32, "signature": [3] * 64}))

    def test_a_relay_that_refuses_in_the_callees_name_does_not_end_the_call(self):  # [V-25]
        self.assert_liar_keeps_no_call(("CallRinging", {}), ("DirectCallAnswer", {"accept_mode": "Reject"}))

    def test_a_call_and_a_room_take_no_way_over_neighbours_that_a_relay_merely_claims(self):
        self.start_row("ABC", delegate=True)
        callee = self.listen("callee", self.mesh["C"])
        peer = self.federation_peer("routes", "media-v2")
        self.say_neighbours(peer, self.own, 1, self.relay.fingerprint, self.mesh["C"].fingerprint, self.mesh["B"].fingerprint)
        self.say(peer, "RoomState", **self.room_state(self.own, 1, 1))
        self.still_served(peer, 1)
        self.fill_room("AC")
        self.assert_call("first", callee, PROMPT, "--relay-only")
        self.assertEqual(self.offers_heard_by(peer), [])
        self.leave(*self.room)

    def lying_delegate(self):
        self.start_row("ABC", delegate=True)
        self.callee = self.listen("callee", self.mesh["C"])
        self.fill_room("AC")
        peer, self.last = self.federation_peer("routes", "media-v2"), self.mesh["C"].fingerprint
        self.say_neighbours(peer, self.own, 1, self.relay.fingerprint, self.last)
        return peer

    def test_what_a_delegate_invents_about_the_neighbours_of_a_relay_is_put_right_by_that_relay(self):
        peer = self.lying_delegate()
        self.say_neighbours(peer, self.last, 1_000, self.own)  # "C is linked to me and to nobody else"
        self.still_served(peer, 1)
        self.assert_room_is_well()
        self.assert_call("first", self.callee, PROMPT, "--relay-only")
        self.assertEqual(self.offers_heard_by(peer), [])
        self.leave(*self.room)

    def test_what_a_delegate_invents_about_the_members_of_a_relay_is_put_right_by_that_relay(self):
        peer = self.lying_delegate()
        self.say(peer, "RoomState", **self.room_state(self.last, 2, 1_000, "ghost"))
        self.ada.wait_event("member_joined", alias="ghost")  # delegates are believed ...
        self.wait_listed(self.ada, *self.room, timeout=15)  # ... until that relay speaks for itself, every 10 s
        self.assert_room_is_well()
        self.leave(*self.room)

    def test_who_is_no_delegate_invents_no_members_of_another_relay_and_removes_none(self):  # [V-25] [V-40]
        self.start_row("AB")
        self.fill_room()
        peer, b = self.federation_peer("routes", "media-v2"), self.mesh["B"].fingerprint
        self.say_neighbours(peer, self.own, 1, self.relay.fingerprint)
        self.say_neighbours(peer, b, 99, self.own)
        for origin, seq, people in ((b, 99, ["ghost"]), (b, 100, []), (self.relay.fingerprint, 101, ["ghost"]),
                                    (self.lab.relay_fingerprint("third"), 1, ["ghost"])):
            self.say(peer, "RoomState", **self.room_state(origin, 2, seq, *people))
        self.say(peer, "RoomState", **self.room_state(self.own, 1, 1, "guest"))  # its own, which it may have
        guest = self.ada.wait_event("member_joined", alias="guest")
        self.assertEqual(guest["relay"], "peer")
        self.bert.wait_until(lambda m: m.find("participants"), 5, "list")
        peer.kill()
        self.assert_room_is_well()
        for member in self.room:
            strangers = [e for e in member.events if e["event"] in ("member_joined", "member_left") and e["alias"] == "ghost"]
            self.assertEqual(strangers, [], member.transcript())
        self.assertIsNone(self.ada.find("member_left", fingerprint=self.bert.fingerprint))
        self.assertIsNone(self.bert.find("member_joined", alias="guest"))  # nobody passes on what it says
        self.leave(*self.room)


class Copies(PeerTest):
    """A relay with several workers; each link, and the member, may be with any of them."""

    LINKS, PACKETS = 6, 100

    def link(self, name):
        peer = self.federation_peer("routes", "media-v2", name=name)
        peer.own = self.lab.relay_fingerprint(name)
        peer.prefix = peer.own.replace(":", "")[:8]
        self.say(peer, "RelayState", origin_relay_fp=peer.own, epoch=1, seq=1, hops=1, neighbours=[self.relay.fingerprint])
        self.say(peer, "RoomState", **self.room_state(peer.own, 1, 1, name))
        return peer

    def test_copies_of_a_packet_over_many_links_reach_a_member_once(self):  # [V-36]
        names = [f"peer-{number}" for number in range(self.LINKS)]
        self.relay = self.start_relay("A", [], rooms=["tea"], workers=4,
                                      guests=[(self.lab.relay_fingerprint(name), "delegate = true") for name in names])
        peers = [self.link(name) for name in names]
        member = self.raw_member("member", "tea")
        member.wait_until(lambda m: any(u["count"] == self.LINKS + 1 for u in self.messages(m, "RoomUpdate")), 10, "list of all")
        def say(peer, source, packet):
            self.write(peer, "@datagram " + tagged("tea", source, packet, hops=2).hex())
        def wait_heard(packet):
            member.wait_until(lambda _: packet in self.datagrams(member), 10, "packet")
        for seq in range(self.PACKETS):
            for peer in peers:
                say(peer, peers[0].prefix + "0001", media_packet(seq))
            if seq % 10 == 9:  # no more at once than queues take
                wait_heard(media_packet(seq))
        lasts = [media_packet(1, peer.name.encode()) for peer in peers]
        for peer, last in zip(peers, lasts):
            say(peer, peer.prefix + "0002", last)
        for last in lasts:  # by then all copies have been judged
            wait_heard(last)
        self.assertEqual(Counter(self.datagrams(member)), Counter([*map(media_packet, range(self.PACKETS)), *lasts]))


class Crowds(PeerTest):
    PART = 8192  # entries in one message, at most

    def test_a_link_stays_up_when_there_are_tens_of_thousands_of_users_to_tell_of(self):
        entry = lambda name: (self.lab.relay_fingerprint(name), f'label = "{name}"', "delegate = true")
        self.relay, self.own = self.start_relay("A", ["AB"], guests=[entry("peer")]), self.lab.relay_fingerprint("peer")
        far, count = [self.lab.relay_fingerprint(name) for name in ("far-1", "far-2", "far-3")], 10_000
        peer = self.federation_peer("routes")
        self.say_neighbours(peer, self.own, 1, self.relay.fingerprint, *far)
        for number, origin in enumerate(far):
            self.say_neighbours(peer, origin, 1, self.own)
            entries = [f"{(number << 32) + user:016x}" for user in range(count - 1)] + [blinded(self.lab.fingerprint(f"user-{number}"))]
            parts = [entries[start:start + self.PART] for start in range(0, count, self.PART)]
            for part, names in enumerate(parts):
                self.say(peer, "UserState", origin_relay_fp=origin, epoch=1, version=1, hops=2, salt=SALT.hex(), part=part,
                         parts=len(parts), add="".join(names))
        self.still_served(peer, 1)
        self.start_relay("B", ["AB"])
        self.wait_links(["AB"])
        for number in range(len(far)):
            target = self.lab.fingerprint(f"user-{number}")
            self.call(f"caller-{number}", target, self.mesh["B"], "--ring-timeout", "1")
            peer.wait_until(lambda p, t=target: [o for o in self.offers_heard_by(p) if o["target_fingerprint"] == t], 5, "offer")
        for letter in "AB":
            self.assertFalse([line for line in self.mesh[letter].err if "is down" in line], self.mesh[letter].transcript())


if __name__ == "__main__":
    unittest.main(verbosity=2)
