"""Processes that die and links that break, in each state of a call."""

import signal
import unittest

from support import LabTest, OneRelay, TwoRelays


class Crashes:
    def test_caller_is_killed_while_it_rings(self):  # [V-07] [V-10]
        a, b = self.relays()
        callee, _ = self.at_terminal("callee", b, accept="ask")
        caller = self.call("caller", callee, a)
        callee.wait_event("incoming")
        caller.kill()
        self.assert_ended(callee, "peer_cancelled", 12)

    def test_callee_is_killed_while_it_rings(self):  # [V-10]
        a, b = self.relays()
        callee, _ = self.at_terminal("callee", b, accept="ask")
        caller = self.call("caller", callee, a)
        callee.wait_event("incoming")
        callee.kill()
        caller.wait_event("ended", 12)
        self.assert_exit(caller, 5)

    def test_caller_is_killed_while_talking(self):
        a, b = self.relays()
        callee = self.listen("callee", b)
        caller = self.call("caller", callee, a)
        self.wait_talking(caller, callee)
        caller.kill()
        callee.wait_event("ended", 15)
        again = self.call("again", callee, a, "--duration", "0.5")
        self.wait_talking(again)
        self.assert_exit(again, 0)

    def test_callee_is_killed_while_talking(self):
        a, b = self.relays()
        callee = self.listen("callee", b)
        caller = self.call("caller", callee, a)
        self.wait_talking(caller, callee)
        callee.kill()
        caller.wait_event("ended", 15)
        self.assertIn(caller.wait(5), (0, 6))

    def test_the_callers_relay_dies_while_it_rings(self):
        a, b = self.relays()
        callee, _ = self.at_terminal("callee", b, accept="ask")
        caller = self.call("caller", callee, a)
        callee.wait_event("incoming")
        a.kill()
        caller.wait_event("ended", 15)
        if a is not b:
            callee.wait_event("ended", 15)

    def test_a_direct_call_survives_the_death_of_the_relays(self):  # [D-12]
        a, b = self.relays()
        callee = self.listen("callee", b)
        caller = self.call("caller", callee, a)
        self.wait_talking(caller, callee)
        for side in (caller, callee):
            self.assertEqual(side.wait_event("path_chosen")["path"], "direct")
        a.kill()
        b.kill()
        for side in (caller, callee):
            side.wait_event("reconnecting", 15)  # the relay is missed ...
            self.assertIsNone(side.find("ended"), side.transcript())  # ... but not needed
        caller.send_signal(signal.SIGINT)
        self.assert_ended(callee, "peer_hung_up")

    def test_a_restarted_relay_is_found_again(self):  # [H-03]
        a, b = self.relays()
        callee = self.listen("callee", b)
        b.kill()
        b = self.lab.restart(b)
        callee.wait_until(lambda c: len([e for e in c.events if e["event"] == "registered"]) >= 2, 20, "second registration")
        caller = self.call("caller", callee, b, "--duration", "0.5")
        self.wait_talking(caller)
        self.assert_exit(caller, 0)


class CrashesOnOneRelay(OneRelay, Crashes, LabTest):
    pass


class CrashesAcrossTwoRelays(TwoRelays, Crashes, LabTest):
    def test_the_link_is_lost_while_it_rings(self):
        a, b = self.relays()
        callee, _ = self.at_terminal("callee", b, accept="ask")
        caller = self.call("caller", callee, a)
        callee.wait_event("incoming")
        b.kill()
        caller.wait_event("ended", 15)
        self.assert_exit(caller, 5)


if __name__ == "__main__":
    unittest.main(verbosity=2)
