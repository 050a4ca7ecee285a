"""Calls through real NATs: network namespaces, nftables, and the real binaries in them.

    relay-b 198.18.0.2 --+
    relay-a 198.18.0.3 --+-- bridge --+-- router 198.18.0.4 == 192.168.4.1 -- 192.168.4.2 caller
                                      +-- router 198.18.0.5 == 192.168.5.1 -- 192.168.5.2 callee
"""

import json
import signal
import unittest

from support import QUICK, InternetTest  # first: it says where lab is
from internet import CONE, SYMMETRIC


class Nat(InternetTest):
    def hold(self, a, b, caller_home, callee_home, *options):
        callee = self.listen("callee", b, prefix=callee_home.prefix)
        caller = self.call("caller", callee, a, *options, prefix=caller_home.prefix)
        return caller, callee

    def hang_up(self, caller):
        caller.send_signal(signal.SIGINT)
        self.assert_exit(caller, 0)

    def test_two_port_restricted_cones_on_two_relays_go_direct(self):  # [V-64] [H-05] [D-17]
        a, b = self.lab.two_relays(options=QUICK)
        homes = self.net.home(CONE), self.net.home(CONE)
        caller, callee = self.hold(a, b, *homes)
        self.wait_talking(caller, callee)
        for side, other in zip((caller, callee), reversed(homes)):
            self.assertEqual(side.wait_event("path_chosen")["path"], "direct")
            self.assertTrue(side.wait_event("path_chosen")["remote"].startswith(f"{other.address}:"))
        self.hang_up(caller)

    def test_two_symmetric_nats_on_one_relay_talk_through_it(self):  # [H-11]
        relay = self.lab.relay("relay-a", options=QUICK)
        self.assert_talk_through_relays(relay, relay)

    def test_two_symmetric_nats_across_two_relays_talk_through_both(self):  # [H-11]
        self.assert_talk_through_relays(*self.lab.two_relays(options=QUICK))

    def assert_talk_through_relays(self, a, b):
        caller, callee = self.hold(a, b, self.net.home(SYMMETRIC), self.net.home(SYMMETRIC))
        self.wait_talking(caller, callee)
        for side, relay in ((caller, a), (callee, b)):  # once the search for a direct path has ended
            chosen = side.wait_event("path_chosen")
            self.assertEqual((chosen["path"], chosen["remote"]), ("relay", relay.address))
        self.hang_up(caller)
        self.assert_ended(callee, "peer_hung_up")
        for side in (caller, callee):
            self.assertGreater(side.wait_event("summary")["frames_received"], 50)
            self.assertLess(side.find("summary")["frames_lost"], 10)
            self.assertIsNone(side.find("path_up", path="direct"), side.transcript())

    def test_cone_and_open_host_go_direct(self):  # [D-17]
        a, b = self.lab.two_relays(options=QUICK)
        caller, callee = self.hold(a, b, self.net.home(CONE), self.net.place("open"))
        self.wait_talking(caller, callee)
        self.assertEqual(caller.wait_event("path_chosen")["path"], "direct")
        self.hang_up(caller)

    def test_reflect_tells_cones_from_symmetric_nats(self):  # [D-15] [H-05]
        a, b = self.lab.two_relays(options=QUICK)
        for nat, expected in ((CONE, "cone"), (SYMMETRIC, "symmetric_port")):
            home = self.net.home(nat)
            done = self.lab.run("reflect", a.address, b.address, "--json", prefix=home.prefix)
            lines = [json.loads(line) for line in done.stdout.splitlines()]
            self.assertEqual(lines[-1]["class"], expected, done.stdout)
            self.assertTrue(all(line["observed"].startswith(f"{home.address}:") for line in lines[:-1]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
