"""What a call takes from whom: from its two parties, on whichever connection they speak at the moment, and from nobody else. Clients that
say exactly what they are told to; on one relay and across two."""

import unittest

from peers import RawPeers
from support import OneRelay, TwoRelays

CALL, OTHER = "cd" * 16, "ef" * 16


class Strangers:
    def setUp(self):
        super().setUp()
        self.a, self.b = self.relays()
        self.alice, self.bob = self.registered("alice", self.a), self.registered("bob", self.b)

    def ring(self):
        self.offer(self.alice, self.bob.fingerprint, CALL)
        offer = self.message(self.bob, "DirectCallOffer")
        self.message(self.alice, "CallRinging")
        return offer

    def accept(self, callee, mode="AcceptTrusted"):
        self.say(callee, "DirectCallAnswer", call_id=CALL, accept_mode=mode, callee_reflexive_addr="8.8.8.8:8")

    def assert_untouched(self):
        for party in (self.alice, self.bob):
            self.still_served(party, 1)
            self.assertEqual(self.messages(party, "Hangup"), [])

    def test_strangers_cannot_touch_a_call(self):  # [V-03] [V-04] [V-05]
        self.assertNotIn("caller_reflexive_addr", self.ring())  # [V-09]
        for relay in {self.a, self.b}:
            mallory = self.registered("mallory", relay)
            self.say(mallory, "CallRinging", call_id=CALL)
            self.say(mallory, "DirectCallAnswer", call_id=CALL, accept_mode="AcceptTrusted", callee_reflexive_addr="6.6.6.6:6")
            self.say(mallory, "DirectCallAnswer", call_id=CALL, accept_mode="Reject")
            self.say(mallory, "MediaPathReport", call_id=CALL, direct_ok=True, race_winner="Direct")
            self.say(mallory, "Hangup", reason="Normal", call_id=CALL)
            self.offer(mallory, self.alice.fingerprint, CALL)  # the same id once more [V-04]
            self.offer(mallory, self.alice.fingerprint, OTHER, caller_fingerprint=self.bob.fingerprint)  # in Bob's name [V-05]
            mallory.wait_until(lambda p: len(self.messages(p, "Hangup")) == 2, 5, "two refusals")
        self.assert_untouched()
        self.accept(self.bob)
        self.assertEqual(self.message(self.alice, "CallSetup")["peer_direct_addr"], "8.8.8.8:8")
        self.assertEqual(self.message(self.bob, "CallSetup")["peer_direct_addr"], "9.9.9.9:999")
        self.assertEqual(self.messages(self.alice, "DirectCallOffer"), [])
        self.assert_untouched()

    def test_privacy_is_enforced_by_the_relay(self):  # [V-73]
        self.ring()
        self.accept(self.bob, "AcceptGeneric")
        for party in (self.alice, self.bob):
            self.assertNotIn("peer_direct_addr", self.message(party, "CallSetup"))
        self.assertNotIn("callee_reflexive_addr", self.message(self.alice, "DirectCallAnswer"))

    def test_a_caller_who_registers_anew_while_it_rings_hears_the_answer(self):  # [V-12]
        self.ring()
        again = self.registered("alice", self.a)
        self.alice.kill()
        self.accept(self.bob)
        self.message(again, "DirectCallAnswer")
        self.message(again, "CallSetup")
        self.message(self.bob, "CallSetup")

    def test_a_callee_who_registers_anew_while_it_rings_answers_from_there(self):  # [V-12]
        self.ring()
        again = self.registered("bob", self.b)
        self.bob.kill()
        self.accept(again)
        self.message(self.alice, "DirectCallAnswer")
        self.message(again, "CallSetup")

    def assert_hears_the_end_after_registering_anew(self, name, relay, old, other):
        self.ring()
        self.accept(self.bob)
        for party in (self.alice, self.bob):
            self.message(party, "CallSetup")
        again = self.registered(name, relay)
        old.kill()
        self.still_served(other, 2)
        self.assertEqual(self.messages(other, "Hangup"), [])
        self.say(other, "Hangup", reason="Normal", call_id=CALL)
        self.assertEqual(self.message(again, "Hangup")["call_id"], CALL)

    def test_a_caller_who_registers_anew_while_talking_keeps_the_call_and_hears_its_end(self):  # [V-12]
        self.assert_hears_the_end_after_registering_anew("alice", self.a, self.alice, self.bob)

    def test_a_callee_who_registers_anew_while_talking_keeps_the_call_and_hears_its_end(self):  # [V-12]
        self.assert_hears_the_end_after_registering_anew("bob", self.b, self.bob, self.alice)


class StrangersOnOneRelay(OneRelay, Strangers, RawPeers):
    pass


class StrangersAcrossTwoRelays(TwoRelays, Strangers, RawPeers):
    pass


if __name__ == "__main__":
    unittest.main(verbosity=2)
