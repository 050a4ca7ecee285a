"""Relays that lose sight of each other for a while, and what becomes of the calls and rooms between them."""

import time
import unittest

from mesh import RoomMeshTest  # first: through support it says where lab is
from internet import cut, heal
from support import InternetTest

TONES = (310, 470, 610)  # of the three members of a room
GRACE = 25  # seconds that a call waits for its route, counted from when the loss is noticed
PATIENCE = 50  # ... and that people wait for a word, so that it is the relays that end the call


class Chain:
    """Three relays in a row, somebody in a room at each, and a call from the first to the last."""

    def __init__(self, letters, seconds):
        self.first, self.middle, self.last = self.letters = letters
        self.seconds = seconds
        self.links = [self.first + self.middle, self.middle + self.last]
        self.names = (f"caller-{self.first}", f"callee-{self.last}")
        self.survives = seconds < GRACE


class Partitions(InternetTest, RoomMeshTest):
    def settle(self, chain):
        chain.caller, chain.callee = self.hold(chain.first, chain.last, names=chain.names, patience=PATIENCE)
        chain.call = chain.caller.find("answered")["call_id"]
        chain.members = [self.join(f"member-{letter}", self.mesh[letter], "--tone", str(tone), "--record", self.recording(f"member-{letter}"),
                                   ready=False) for letter, tone in zip(chain.letters, TONES)]

    def assert_together(self, chain, timeout=10):
        for member in chain.members:
            self.wait_listed(member, *chain.members, timeout=timeout)
        for member, own in zip(chain.members, TONES):
            self.wait_tones(member.name, set(TONES) - {own}, TONES, timeout)

    def assert_parted(self, chain):
        """No ghosts: each side lists and hears its own [V-40]. How many lists everybody has had by then."""
        for letter, other in (chain.links[0], reversed(chain.links[0])):
            self.wait_link_down(letter, other)
        alone, *others = chain.members
        counts = [self.wait_listed(alone, alone, timeout=2), *(self.wait_listed(member, *others, timeout=2) for member in others)]
        for member, heard in zip(chain.members, (set(), {TONES[2]}, {TONES[1]})):
            self.wait_tones(member.name, heard, TONES, 2)
        return counts

    def heal(self, chain, counts):
        lists = [sum(e["event"] == "participants" for e in member.events) for member in chain.members]
        self.assertEqual(lists, counts, "a list has changed while nothing could be known")
        for side in (chain.caller, chain.callee):
            ended = side.find("ended", call_id=chain.call)
            self.assertEqual(bool(ended and ended["reason"]), not chain.survives, side.transcript())
        heal(self.mesh[chain.first])
        self.wait_links(chain.links, 40)  # whoever dials waits longer after each failure

    def assert_call_as_it_should_be(self, chain):
        if chain.survives:
            for name in chain.names:
                self.wait_loudness(name, True)
            for side in (chain.caller, chain.callee):
                self.assertIsNone(side.find("ended"), side.transcript())
            self.hang_up(chain.caller, chain.callee)
            self.assert_exit(chain.caller, 0)
        else:
            self.assertNotEqual(chain.caller.wait(5), 0)
        again = self.call(f"again-{chain.first}", chain.callee, self.mesh[chain.first], "--relay-only")
        self.wait_talking(again)
        self.hang_up(again, chain.callee)

    def test_after_5_20_and_60_seconds_apart_rooms_meet_again_and_calls_have_gone_on_or_ended(self):  # [H-11] [V-40]
        chains = [Chain("ABC", 5), Chain("DEF", 20), Chain("GHI", 60)]
        self.start_mesh("ABCDEFGHI", sum((chain.links for chain in chains), []), rooms=["tea"], link_grace_s=GRACE)
        for chain in chains:
            self.settle(chain)
        for chain in chains:
            self.assert_together(chain)
        for chain in chains:
            cut(self.mesh[chain.first], self.mesh[chain.middle])
        began = time.monotonic()
        counts = [self.assert_parted(chain) for chain in chains]
        for chain, count in zip(chains, counts):
            with self.subTest(seconds=chain.seconds):
                time.sleep(max(0.0, began + chain.seconds - time.monotonic()))  # a partition takes the time it takes
                self.heal(chain, count)
                self.assert_together(chain)
                self.assert_call_as_it_should_be(chain)
        self.leave(*(member for chain in chains for member in chain.members))


if __name__ == "__main__":
    unittest.main(verbosity=2)
