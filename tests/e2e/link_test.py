"""The link between two relays breaks and heals, in each state of a call."""

import signal
import unittest

from support import QUICK, InternetTest  # first: it says where lab is
from internet import cut, heal


class Link(InternetTest):
    def setUp(self):
        super().setUp()
        self.a, self.b = self.lab.two_relays(options=QUICK)
        self.homes = {name: self.net.place(name).prefix for name in ("caller", "callee")}  # else a direct call would be cut, too

    def cut(self):
        cut(self.a, self.b)

    def start_call(self, accept):
        if accept == "ask":
            callee, _ = self.at_terminal("callee", self.b, accept="ask", prefix=self.homes["callee"])
        else:
            callee = self.listen("callee", self.b, accept=accept, prefix=self.homes["callee"])
        return self.call("caller", callee, self.a, prefix=self.homes["caller"]), callee

    def test_a_ringing_call_ends_for_both_when_the_link_is_lost(self):
        caller, callee = self.start_call("ask")
        callee.wait_event("incoming")
        self.cut()
        caller.wait_event("ended", 12)
        callee.wait_event("ended", 12)
        self.assert_exit(caller, 5)

    def test_a_direct_call_does_not_need_the_link(self):  # [D-12]
        caller, callee = self.start_call("trusted")
        self.wait_talking(caller, callee)
        self.cut()
        self.a.wait_for_line("federation: link .* is down", 15)
        self.b.wait_for_line("federation: link .* is down", 15)
        for side in (caller, callee):
            self.assertIsNone(side.find("ended"), side.transcript())
        caller.send_signal(signal.SIGINT)
        self.assert_ended(callee, "peer_hung_up")

    def test_calls_work_again_after_the_link_has_healed(self):
        self.cut()
        self.a.wait_for_line("federation: link .* is down", 15)
        heal(self.a)
        self.a.wait_until(lambda relay: sum("is up" in line for line in relay.err) >= 2, 30, "second link")
        caller, callee = self.start_call("trusted")
        self.wait_talking(caller, callee)
        caller.send_signal(signal.SIGINT)
        self.assert_exit(caller, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
