"""Every way in which a call can go, on one relay and across two."""

import signal
import unittest

from support import LabTest, OneRelay, TwoRelays


class Calls:
    def test_accepted_call_goes_direct_sealed_and_is_heard_both_ways(self):  # [H-04] [H-06] [D-09]
        a, b = self.relays()
        callee = self.listen("callee", b, "--calls", "1", "--tone", "440")
        caller = self.call("caller", callee, a, "--tone", "660", "--duration", "2")
        self.wait_talking(caller, callee)
        for side in (caller, callee):
            self.assertEqual(side.wait_event("path_chosen")["path"], "direct")
            self.assertTrue(side.find("answered")["sealed"])
        self.assertEqual(caller.find("check_code")["digits"], callee.find("check_code")["digits"])
        self.assert_ended(caller, "hung_up")
        self.assert_ended(callee, "peer_hung_up")
        self.assert_exit(caller, 0)
        self.assert_exit(callee, 0)
        self.assertGreater(callee.find("summary")["frames_received"], 50)
        self.assertLess(callee.find("summary")["frames_lost"], 5)

    def test_callee_hangs_up(self):  # [H-04] [V-07]
        a, b = self.relays()
        callee = self.listen("callee", b, "--duration", "1")
        caller = self.call("caller", callee, a)
        self.assert_ended(callee, "hung_up", 10)
        self.assert_ended(caller, "peer_hung_up")
        self.assert_exit(caller, 0)

    def test_reject_reaches_the_caller(self):  # [V-07]
        a, b = self.relays()
        callee = self.listen("callee", b, accept="reject")
        caller = self.call("caller", callee, a)
        self.assert_ended(caller, "declined")
        self.assert_exit(caller, 5)
        self.assert_ended(callee, "refused_by_us")

    def test_cancel_stops_the_ringing(self):  # [V-07]
        a, b = self.relays()
        callee = self.ringing_callee(b)
        caller = self.call("caller", callee, a)
        callee.wait_event("incoming")
        caller.wait_event("ringing")
        caller.send_signal(signal.SIGINT)
        self.assert_ended(callee, "peer_cancelled")
        self.assert_ended(caller, "cancelled")

    def test_unanswered_call_ends_for_both_after_the_ring_timeout(self):  # [V-10]
        a, b = self.relays()
        callee = self.ringing_callee(b)
        caller = self.call("caller", callee, a, "--ring-timeout", "1.5")
        callee.wait_event("incoming")
        self.assert_ended(caller, "no_answer", 5)
        self.assert_exit(caller, 5)
        self.assert_ended(callee, "peer_cancelled", 5)

    def test_relay_ends_an_unanswered_call(self):  # [V-10]
        a, b = self.relays(ring_timeout_s=1.5)
        callee = self.ringing_callee(b)
        caller = self.call("caller", callee, a)
        callee.wait_event("incoming")
        caller.wait_event("ended", 6)
        callee.wait_event("ended", 6)
        self.assert_exit(caller, 5)

    def test_busy_callee(self):  # [V-62] [D-41]
        a, b = self.relays()
        callee = self.listen("callee", b)
        first = self.call("caller", callee, a)
        self.wait_talking(first, callee)
        second = self.call("third", callee, a)
        self.assert_ended(second, "busy")
        self.assert_exit(second, 5)
        callee.wait_event("missed_call")
        self.assertIsNone(first.find("ended"), first.transcript())
        first.send_signal(signal.SIGINT)
        self.assert_ended(callee, "peer_hung_up")

    def test_private_answer_shows_no_address(self):  # [V-73] [D-19] [H-11]
        a, b = self.relays()
        callee = self.listen("callee", b, accept="private")
        self.assert_carried_by_relays(self.call("caller", callee, a), callee)

    def test_relay_only_call_is_carried_by_the_relays(self):  # [H-11]
        a, b = self.relays()
        callee = self.listen("callee", b)
        self.assert_carried_by_relays(self.call("caller", callee, a, "--relay-only"), callee)

    def assert_carried_by_relays(self, caller, callee):
        self.wait_talking(caller, callee)
        for side in (caller, callee):
            self.assertEqual(side.wait_event("path_chosen")["path"], "relay")
            self.assertTrue(side.find("answered")["sealed"])
            self.assertTrue(side.find("set_up")["relay_carries"])
        caller.send_signal(signal.SIGINT)
        self.assert_ended(callee, "peer_hung_up")
        self.assert_exit(caller, 0)
        for side in (caller, callee):
            self.assertIsNone(side.find("path_up", path="direct"), side.transcript())

    def test_unknown_person(self):
        a, _ = self.relays()
        caller = self.call("caller", self.lab.fingerprint("nobody"), a)
        self.assert_ended(caller, "unreachable", 8)
        self.assert_exit(caller, 5)

    def test_two_people_who_call_each_other_meet_in_one_call(self):  # [V-62] [D-41]
        a, b = self.relays()
        (left, type_left), (right, type_right) = self.at_terminal("left", a), self.at_terminal("right", b)
        type_left(f"c {right.fingerprint}")
        type_right(f"c {left.fingerprint}")
        self.wait_talking(left, right)
        shared = left.find("first_audio_heard")["call_id"]
        self.assertEqual(right.find("first_audio_heard")["call_id"], shared)
        type_left("q")
        # Who dials when the other's call has just been answered has a call of its own that ends at once.
        self.assertEqual(right.wait_event("ended", 5, call_id=shared)["reason"], "peer_hung_up", right.transcript())

    def test_asked_at_the_terminal(self):
        a, b = self.relays()
        callee, type_line = self.at_terminal("callee", b, accept="ask")
        caller = self.call("caller", callee, a)
        callee.wait_event("question")
        type_line("t")
        self.wait_talking(caller, callee)
        type_line("q")
        self.assert_ended(caller, "peer_hung_up")

    def test_ten_calls_in_a_row_each_have_audio(self):  # [H-17] [D-11]
        a, b = self.relays()
        callee = self.listen("callee", b)
        for number in range(10):
            caller = self.call(f"caller{number}", callee, a, "--duration", "0.4", identity="caller")
            self.wait_talking(caller)
            self.assertEqual(caller.wait_event("path_chosen")["path"], "direct")
            self.assert_exit(caller, 0)
        self.assertEqual(len([e for e in callee.events if e["event"] == "first_audio_heard"]), 10)

    def ringing_callee(self, relay):
        """Somebody who lets it ring."""
        return self.at_terminal("callee", relay, accept="ask")[0]


class CallsOnOneRelay(OneRelay, Calls, LabTest):
    pass


class CallsAcrossTwoRelays(TwoRelays, Calls, LabTest):
    pass


if __name__ == "__main__":
    unittest.main(verbosity=2)
