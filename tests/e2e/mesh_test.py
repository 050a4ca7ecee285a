"""Calls and rooms over several relays: chains, diamonds, triangles, and relays that die or change their mind."""

import itertools
import time
import unittest

from call_test import Calls  # first: through support it says where lab is
from internet import cut, heal
from lab import LOOPBACK
from mesh import MeshTest, RoomMeshTest
from peers import RawPeers
from support import QUICK, InternetTest

CHAIN = ["AB", "BC"]
DIAMOND = ["AB", "AC", "BD", "CD"]
TRIANGLE = ["AB", "AC", "BC"]


class CallsAcrossThreeRelays(Calls, MeshTest):
    """All that holds on one relay and across two: the caller on the first, the callee on the last of three."""

    def relays(self, **options):
        a, _, c = self.start_mesh("ABC", CHAIN, **options)
        return a, c


class LongCalls(MeshTest):
    def chain(self, letters):
        self.start_mesh(letters, [left + right for left, right in zip(letters, letters[1:])])

    def test_a_call_over_three_relays_is_heard_both_ways_and_the_callee_hangs_up(self):  # [H-11]
        self.chain("ABC")
        caller, callee = self.hold("A", "C")
        self.hang_up(callee, caller)
        self.assert_exit(caller, 0)
        for side in (caller, callee):
            self.assertLess(side.find("summary")["frames_lost"], 5)
            self.assertIsNone(side.find("path_up", path="direct"))
        for relay in self.mesh.values():
            relay.wait_for_line("call .* ended: normal", 3)

    def test_a_call_over_eight_relays_is_heard_both_ways(self):  # [H-11]
        self.chain("ABCDEFGH")
        caller, callee = self.hold("A", "H")
        self.hang_up(caller, callee)
        self.assertLess(callee.wait_event("summary")["frames_lost"], 5)

    def test_relays_beside_the_route_have_no_part_in_the_call(self):  # [V-34]
        self.start_mesh("ABCD", ["AB", "BC", "BD"])
        caller, callee = self.hold("A", "C")
        self.hang_up(caller, callee)
        self.mesh["B"].wait_for_line("call .* ended")
        self.assertFalse([line for line in self.mesh["D"].err if "call " in line])

    def test_who_moves_to_another_relay_is_called_there(self):
        self.start_mesh("ABC", CHAIN)
        before = self.listen("before", self.mesh["C"], identity="callee")
        before.stop()
        after = self.listen("after", self.mesh["B"], identity="callee")
        registered = after.wait_event("registered")["time_ms"]
        caller = self.call("caller", after, self.mesh["A"])
        self.wait_talking(caller, after)
        self.assertLess(after.find("incoming")["time_ms"] - registered, 1000)
        self.hang_up(caller, after)

    def leave_a_dead_phone(self, dead_at, now_at, callers_at, *options):
        self.start_mesh("ABC", CHAIN)
        before = self.listen("before", self.mesh[dead_at], *options, identity="callee")
        before.kill()
        after = self.listen("after", self.mesh[now_at], *options, identity="callee")
        for letter in callers_at:
            caller = self.call(f"caller-{letter}", after, self.mesh[letter])
            self.wait_talking(caller)
            incoming = after.find("incoming", call_id=caller.find("calling")["call_id"])
            self.assertLess(incoming["time_ms"] - caller.find("calling")["time_ms"], 2000, caller.transcript())
            self.hang_up(caller, after)

    def test_who_leaves_a_dead_phone_behind_is_called_at_the_new_place_from_everywhere(self):
        self.leave_a_dead_phone("C", "B", "CAB")  # at C somebody has to find out that the phone is dead

    def test_so_is_who_wants_not_to_be_announced(self):
        self.leave_a_dead_phone("C", "A", "CB", "--no-announce")

    def test_so_is_who_leaves_it_on_the_way(self):
        self.leave_a_dead_phone("B", "C", "AB", "--no-announce")


class TwoPhones(MeshTest):
    """A person who is registered at two relays: both phones are called, one has the call."""

    def assert_one_phone_has_the_call(self, letters):
        self.start_mesh(letters, [left + right for left, right in itertools.combinations(letters, 2)])
        phones = [self.at_terminal(f"phone-{letter}", self.mesh[letter], accept="ask", identity="callee") for letter in letters[1:3]]
        caller = self.call("caller", phones[0][0], self.mesh["A"])
        for phone, _ in phones:
            phone.wait_event("incoming")
        caller.wait_event("ringing")
        rings = lambda: [(phone, type_line) for phone, type_line in phones if not phone.find("ended")]
        caller.wait_until(lambda _: len(rings()) == 1, 5, "phone that stops ringing")
        [(phone, type_line)] = rings()
        type_line("t")
        self.wait_talking(caller, phone)
        self.hang_up(caller, phone)
        self.assertEqual(sum(bool(phone.find("answered")) for phone, _ in phones), 1)

    def test_of_two_phones_in_a_triangle_one_has_the_call(self):
        self.assert_one_phone_has_the_call("ABC")

    def test_of_two_phones_in_a_full_mesh_of_five_one_has_the_call(self):
        self.assert_one_phone_has_the_call("ABCDE")


class Repairs(MeshTest):
    def kill(self, letter):
        self.mesh[letter].kill()
        return time.monotonic()

    def test_when_a_relay_in_the_middle_dies_the_call_goes_on_around_it_and_back(self):
        for letter in "ADB":  # C is missing: the route has to be over B
            self.start_relay(letter, DIAMOND)
        self.wait_links(["AB", "BD"])
        caller, callee = self.hold("A", "D")
        self.start_relay("C", DIAMOND)
        self.wait_links(["AC", "CD"])
        self.assertLess(self.wait_resumed(self.kill("B")), 6)
        self.mesh["A"].wait_for_line("has found another route")
        self.restart_relay("B")
        self.wait_links(["AB", "BD"])
        self.assertLess(self.wait_resumed(self.kill("C")), 6)
        self.hang_up(caller, callee)
        self.assert_exit(caller, 0)
        again = self.call("again", callee, self.mesh["A"], "--relay-only")
        self.wait_talking(again)
        self.hang_up(again, callee)

    def test_a_call_without_another_way_ends_for_both_and_the_next_one_works_after_the_restart(self):
        self.start_mesh("ABC", CHAIN)
        caller, callee = self.hold("A", "C")
        self.kill("B")
        for side in (caller, callee):
            self.assertTrue(side.wait_event("ended", 12)["reason"])
        self.assertNotEqual(caller.wait(5), 0)
        self.restart_relay("B")
        self.wait_links(CHAIN)
        again = self.call("again", callee, self.mesh["A"], "--relay-only")
        self.wait_talking(again)
        self.hang_up(again, callee)

    def test_a_call_waits_for_a_relay_that_comes_back_soon(self):
        self.start_mesh("ABC", CHAIN, link_grace_s=20)
        caller, callee = self.hold("A", "C")
        killed = self.kill("B")
        self.restart_relay("B")
        self.assertLess(self.wait_resumed(killed), 9)
        self.hang_up(caller, callee)

    def test_when_the_relay_of_the_callee_dies_the_caller_is_told(self):
        self.start_mesh("ABC", CHAIN)
        caller, callee = self.hold("A", "C")
        self.kill("C")
        self.assertTrue(caller.wait_event("ended", 12)["reason"])
        self.restart_relay("C")
        self.wait_links(CHAIN)
        callee.wait_until(lambda c: sum(e["event"] == "registered" for e in c.events) == 2, 15, "second registration")
        again = self.call("again", callee, self.mesh["A"], "--relay-only")
        self.wait_talking(again)
        self.hang_up(again, callee)


class RoomsAcrossRelays(RawPeers, RoomMeshTest):
    def test_six_people_on_a_chain_hear_each_other_and_the_dead_relays_vanish_and_come_back(self):
        self.start_mesh("ABC", CHAIN, rooms=["tea"])
        people = self.fill("ABC")
        everybody = sum(people.values(), [])
        self.assert_all_hear_all(everybody)
        self.mesh["C"].kill()
        self.wait_loudness("C1", False)
        for member in people["A"] + people["B"]:
            self.wait_loudness(member.name, True, 1)
            self.assertEqual(set(self.wait_people(member, 4)["fingerprints"]),
                             {other.fingerprint for other in people["A"] + people["B"]})
            for gone in people["C"]:
                member.wait_event("member_left", fingerprint=gone.fingerprint)
        self.restart_relay("C")
        for member in everybody:
            self.wait_people(member, 6, 20)
            self.wait_loudness(member.name, True)
        self.leave(*everybody)

    def test_the_two_ends_of_a_chain_are_together_over_a_hub_without_members(self):  # [H-30] [H-31] [V-42]
        self.start_mesh("ABC", CHAIN, rooms=["tea"])
        ada = self.join("ada", self.mesh["A"], "--tone", "310", "--record", self.recording("ada"))
        cleo = self.join("cleo", self.mesh["C"], "--tone", "470", "--record", self.recording("cleo"), "--hashed")
        self.room = [ada, cleo]
        guest = self.join("guest", self.mesh["C"])
        self.assert_ends_are_together(guest)
        for listener, other, label in ((ada, cleo, "C"), (ada, guest, "C"), (cleo, ada, "A"), (guest, ada, "A")):
            named = {e["relay"] for e in listener.events if e["event"] in ("member", "member_joined") and e["fingerprint"] == other.fingerprint}
            self.assertEqual(named, {label}, listener.transcript())
        self.leave(guest)
        left = ada.wait_event("member_left", fingerprint=guest.fingerprint)
        self.assertLess(left["time_ms"] - guest.find("room_ended")["time_ms"], 2000)
        self.assert_ends_are_together()
        self.mesh["B"].kill()
        for member in self.room:
            self.wait_listed(member, member)
            self.wait_loudness(member.name, False)
        self.restart_relay("B")
        self.wait_links(CHAIN)
        self.assert_ends_are_together()
        self.leave(*self.room)

    def assert_ends_are_together(self, *guests):
        for member, heard in zip(self.room, (470, 310)):
            self.wait_listed(member, *self.room, *guests)
            self.wait_tones(member.name, {heard}, (310, 470))

    def test_in_a_triangle_nobody_is_heard_twice(self):  # [V-53] [V-36] [V-37] [V-42]
        watcher = (self.lab.relay_fingerprint("watcher"), "delegate = true")
        self.start_mesh("ABC", TRIANGLE, rooms=["tea"], guests=[watcher])
        watcher, began = self.federation_peer("routes", "media-v2", name="watcher", relay=self.mesh["A"]), time.monotonic()
        people = self.fill("ABC")
        everybody = sum(people.values(), [])
        self.assert_all_hear_all(everybody)
        self.leave(everybody[-1])
        for member in everybody[:-1]:  # those on the same relay too keep the others in the list
            self.assertEqual(set(self.wait_people(member, 5)["fingerprints"]), {other.fingerprint for other in everybody[:-1]})
        self.assert_no_storm(watcher, self.mesh.values(), time.monotonic() - began)
        self.leave(*everybody[:-1])
        self.assert_heard_once(*everybody)

    def test_relays_with_and_without_trunking_share_a_room(self):  # [V-44]
        self.start_relay("A", ["AB"], rooms=["tea"], trunking_enabled=False)
        self.start_relay("B", ["AB"], rooms=["tea"])
        self.wait_links(["AB"])
        tones = {"ada": 310, "anna": 470, "bert": 610, "boris": 790}
        members = [self.join(name, self.mesh[name[0].upper()], "--tone", str(tone), "--record", self.recording(name)) for name, tone in tones.items()]
        for member in members:
            self.wait_people(member, 4)
            self.wait_tones(member.name, {*tones.values()} - {tones[member.name]}, tones.values())
        self.leave(*members)
        for member in members:
            summary = member.find("summary")
            heard, never = ("bare_packets", "trunk_frames")[::1 if member.name[0] == "a" else -1]
            self.assertGreater(summary[heard], 20, member.transcript())
            self.assertEqual((summary[never], summary["malformed"]), (0, 0), member.transcript())

    def test_a_room_that_is_not_global_stays_on_its_relay(self):
        self.start_mesh("AB", ["AB"], rooms=["tea"])
        here, there = (self.join(who, self.mesh[letter], room="coffee") for who, letter in (("ada", "A"), ("brian", "B")))
        witness = [self.join(who, self.mesh[letter]) for who, letter in (("carol", "A"), ("dora", "B"))]
        self.wait_people(witness[0], 2)  # news has had the time to travel
        for member in (here, there):
            self.assertEqual(len([e for e in member.events if e["event"] == "participants"]), 1)
            self.assertEqual(member.find("participants")["count"], 1)
        self.leave(here, there, *witness)


class BrokenLinks(InternetTest, RoomMeshTest):
    """A triangle of relays: the link between two that live on breaks and heals."""

    def setUp(self):
        super().setUp()
        self.start_mesh("ABC", TRIANGLE, rooms=["tea"])

    def cut(self):
        cut(self.mesh["A"], self.mesh["C"])
        return time.monotonic()

    def test_a_call_goes_on_over_the_third_relay_and_stays_when_the_link_heals(self):
        caller, callee = self.hold("A", "C")
        self.assertLess(self.wait_resumed(self.cut()), 6)
        self.mesh["A"].wait_for_line("has found another route", 1)
        heal(self.mesh["A"])
        self.wait_links(["AC"])
        for name in ("caller", "callee"):
            self.wait_loudness(name, True, 1)
        self.hang_up(caller, callee)
        self.mesh["B"].wait_for_line("call .* ended: normal", 3)

    def test_a_room_goes_on_over_the_third_relay(self):
        ada = self.join("ada", self.mesh["A"], "--tone", "440", "--record", self.recording("caller"))
        cleo = self.join("cleo", self.mesh["C"], "--tone", "660", "--record", self.recording("callee"))
        bert = self.join("bert", self.mesh["B"])
        for member in (ada, cleo, bert):
            self.wait_people(member, 3)
        self.heard_from(bert, ada, cleo)
        for name in ("caller", "callee"):
            self.wait_loudness(name, True)
        self.wait_link("A", "C")
        self.cut()
        self.wait_link_down("A", "C")
        self.wait_link_down("C", "A")
        for name in ("caller", "callee"):
            self.wait_loudness(name, True, 3)
        for member in (ada, bert, cleo):
            self.assertIsNone(member.find("member_left"), member.transcript())
        heal(self.mesh["A"])
        self.wait_links(["AC"])
        for name in ("caller", "callee"):
            self.wait_loudness(name, True, 3)
        self.leave(ada, bert, cleo)


class Reloads(MeshTest):
    READ = "lists of the configuration were read again"

    def test_a_removed_peer_loses_its_link_and_its_calls_end(self):
        self.start_mesh("AB", ["AB"])
        caller, callee = self.hold("B", "A")
        self.reload("A", self.config_text("A", []))
        self.mesh["A"].wait_for_line(self.READ)
        ended = [side.wait_event("ended", 3) for side in (caller, callee)]
        self.assertTrue(all(e["reason"] not in ("hung_up", "peer_hung_up") for e in ended), ended)
        self.assertNotEqual(caller.wait(5), 0)
        self.wait_link_down("B", "A", 3)
        again = self.call("again", callee, self.mesh["B"])
        self.assert_ended(again, "unreachable")

    def test_a_peer_and_a_room_that_are_added_work_at_once(self):
        self.start_relay("B", ["AB"], rooms=["tea"])
        self.start_relay("A", [])
        there = self.join("there", self.mesh["B"], "--tone", "440")
        here = self.join("here", self.mesh["A"], "--tone", "880")
        self.reload("A", self.config_text("A", ["AB"], rooms=["tea"]))
        self.mesh["A"].wait_for_line(self.READ)
        self.wait_links(["AB"])
        self.heard_from(here, there)
        self.heard_from(there, here)
        self.wait_people(here, 2)
        self.leave(here, there)

    def test_a_broken_file_changes_nothing(self):
        self.start_mesh("AB", ["AB"], rooms=["tea"])
        caller, callee = self.hold("A", "B")
        broken = (self.config_text("A", []) + "[[peers]]\nurl = 5\n", "listen_addr = [", self.config_text("A", []) + "nonsense = 1\n")
        for count, text in enumerate(broken, start=1):
            self.reload("A", text)
            self.mesh["A"].wait_until(lambda r: sum("nothing is changed" in line for line in r.err) == count, 5, "refusal")
        third = self.call("third", callee, self.mesh["A"])  # the link is still there
        self.assert_ended(third, "busy")
        for name in ("caller", "callee"):
            self.wait_loudness(name, True, 1)
        self.hang_up(caller, callee)
        self.assertFalse([line for line in self.mesh["A"].err if "is down" in line or self.READ in line])


class Names(RoomMeshTest):
    """What the operator's file calls relays and rooms."""

    def test_a_peer_is_found_by_its_host_name(self):  # [V-55]
        # Both on one loopback: "localhost" is the one name that is known everywhere.
        a = self.lab.relay("A", at=LOOPBACK, **self.settings("A", ["AB"]))
        port = a.address.rsplit(":", 1)[1]
        self.lab.relay("B", at=LOOPBACK, options=QUICK, peers=[(f"localhost:{port}", a.fingerprint, 'label = "A"')])
        a.wait_for_line("federation: link to B is up")

    def test_the_case_of_a_room_matters_nowhere(self):  # [V-56]
        self.start_mesh("AB", ["AB"], rooms=["Tea-Time"])
        members = [self.join("ada", self.mesh["A"], "--tone", "410", room="tea-time", ready=False),
                   self.join("bert", self.mesh["B"], "--tone", "520", room="TEA-TIME", ready=False),
                   self.join("carol", self.mesh["B"], "--tone", "630", "--hashed", room="tEa-Time", ready=False)]
        self.assert_all_hear_all(members)
        self.leave(*members)


if __name__ == "__main__":
    unittest.main(verbosity=2)
