"""Five relays, each linked to each: who comes and goes, and relays that die one after the other."""

import itertools
import time
import unittest

from mesh import RoomMeshTest
from peers import RawPeers

LETTERS = "ABCDE"
LINKS = [left + right for left, right in itertools.combinations(LETTERS, 2)]
TONES = dict(zip(LETTERS, (310, 470, 610, 790, 970)))


class FullMeshOfFive(RawPeers, RoomMeshTest):
    def setUp(self):
        super().setUp()
        watcher = (self.lab.relay_fingerprint("watcher"), 'label = "watcher"', "delegate = true")
        for letter in LETTERS:
            self.start_relay(letter, LINKS, rooms=["tea"], guests=[watcher] if letter == "A" else ())
        self.wait_links(LINKS)
        self.relay = self.mesh["A"]
        self.members = [self.join_with_tone(f"member-{letter}", letter, TONES[letter]) for letter in LETTERS]

    def join_with_tone(self, name, letter, tone):
        member = self.join(name, self.mesh[letter], "--tone", str(tone), "--record", self.recording(name), ready=False)
        member.tone = tone
        return member

    def assert_together(self, *members, timeout=10):
        """Everybody has everybody in the newest list and hears everybody else."""
        tones = {member.tone for member in members}
        for member in members:
            self.wait_listed(member, *members, timeout=timeout)
        for member in members:
            self.wait_tones(member.name, tones - {member.tone}, [*TONES.values(), *tones], timeout)

    def assert_listed_soon(self, since, *members):
        """The list of now came to everybody within 2 s."""
        for member in members:
            self.wait_listed(member, *members, timeout=4)
            newest = [e for e in member.events if e["event"] == "participants"][-1]
            self.assertLess(newest["time_ms"] - since["time_ms"], 2000, member.transcript())

    def test_one_who_comes_and_goes_is_listed_within_two_seconds_and_everybody_is_heard_once(self):  # [V-36] [V-37] [V-39]
        self.assert_together(*self.members)
        watcher, began = self.federation_peer("routes", "media-v2", name="watcher"), time.monotonic()
        late = self.join_with_tone("late", "C", 1190)
        everybody = [*self.members, late]
        self.assert_listed_soon(late.wait_event("room_joined"), *everybody)
        self.assert_together(*everybody)
        self.leave(late)
        self.assert_listed_soon(late.find("room_ended"), *self.members)
        self.assert_together(*self.members)
        self.assert_no_storm(watcher, self.mesh.values(), time.monotonic() - began)
        self.leave(*self.members)
        summaries = {member.name: member.find("summary") for member in everybody}
        for member in everybody:
            summary, others = summaries[member.name], [summaries[other.name] for other in everybody if other is not member]
            self.assertEqual((summary["speakers"], summary["malformed"], summary["bare_packets"]), (5, 0, 0), member.transcript())
            self.assertLessEqual(summary["frames_received"] + summary["late"], sum(other["frames_sent"] for other in others))

    def die_and_come_back(self, letter):
        """The others have right lists meanwhile, and everybody has afterwards."""
        self.mesh[letter].kill()
        alive = [member for member in self.members if member.name != f"member-{letter}"]
        self.assert_together(*alive)
        self.restart_relay(letter)
        self.wait_links([pair for pair in LINKS if letter in pair])
        self.assert_together(*self.members, timeout=20)

    def test_each_relay_may_die_and_come_back_and_only_its_own_calls_end(self):  # [V-36] [V-40]
        self.assert_together(*self.members)
        caller, callee = self.hold("A", "C")
        for letter in "BDE":
            with self.subTest(letter):
                self.die_and_come_back(letter)
                for side in (caller, callee):
                    self.wait_loudness(side.name, True, 1)
                    self.assertIsNone(side.find("ended"), side.transcript())
        for letter in "AC":
            with self.subTest(letter):
                call = caller.find("answered")["call_id"]
                self.die_and_come_back(letter)
                for side in (caller, callee):
                    self.assertTrue(side.wait_event("ended", 12, call_id=call)["reason"])
                self.assertNotEqual(caller.wait(5), 0)
                if letter == "C":
                    callee.wait_until(lambda c: sum(e["event"] == "registered" for e in c.events) == 2, 15, "second registration")
                caller = self.call(f"caller-after-{letter}", callee, self.mesh["A"], "--relay-only")
                self.wait_talking(caller)
        self.hang_up(caller, callee)
        self.leave(*self.members)


if __name__ == "__main__":
    unittest.main(verbosity=2)
