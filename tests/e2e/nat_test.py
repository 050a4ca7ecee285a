"""Calls through real NATs: network namespaces, nftables, and the real binaries in them.

    relay-a 198.18.0.2 --+
    relay-b 198.18.0.3 --+-- wan bridge --+-- router-1 198.18.0.11 == 192.168.1.1 -- 192.168.1.2 caller
                                          +-- router-2 198.18.0.12 == 192.168.2.1 -- 192.168.2.2 callee
"""

import json
import signal
import unittest

from internet import CONE, SYMMETRIC, InternetTest


class Nat(InternetTest):
    def hold(self, a, b, caller_home, callee_home, *options):
        callee = self.listen("callee", b, prefix=callee_home)
        caller = self.call("caller", callee, a, *options, prefix=caller_home)
        return caller, callee

    def hang_up(self, caller):
        caller.send_signal(signal.SIGINT)
        self.assert_exit(caller, 0)

    def test_two_port_restricted_cones_on_two_relays_go_direct(self):  # [V-64] [H-05] [D-17]
        a, b = self.two_public_relays()
        caller, callee = self.hold(a, b, self.net.home(1, CONE), self.net.home(2, CONE))
        self.wait_talking(caller, callee)
        for side in (caller, callee):
            self.assertEqual(side.wait_event("path_chosen")["path"], "direct")
            self.assertTrue(side.wait_event("path_chosen")["remote"].startswith("198.18.0.1"))
        self.hang_up(caller)

    def test_two_symmetric_nats_on_one_relay_talk_through_it(self):  # [H-11]
        relay = self.relay_at("relay-a", "198.18.0.2")
        self.assert_talk_through_relays(relay, relay)

    def test_two_symmetric_nats_across_two_relays_talk_through_both(self):  # [H-11]
        self.assert_talk_through_relays(*self.two_public_relays())

    def assert_talk_through_relays(self, a, b):
        caller, callee = self.hold(a, b, self.net.home(1, SYMMETRIC), self.net.home(2, SYMMETRIC))
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
        a, b = self.two_public_relays()
        caller, callee = self.hold(a, b, self.net.home(1, CONE), self.net.server("open", "198.18.0.50"))
        self.wait_talking(caller, callee)
        self.assertEqual(caller.wait_event("path_chosen")["path"], "direct")
        self.hang_up(caller)

    def test_reflect_tells_cones_from_symmetric_nats(self):  # [D-15] [H-05]
        a, b = self.two_public_relays()
        for number, (nat, expected) in enumerate([(CONE, "cone"), (SYMMETRIC, "symmetric_port")], start=1):
            done = self.lab.run("reflect", a.address, b.address, "--json", prefix=self.net.home(number, nat))
            lines = [json.loads(line) for line in done.stdout.splitlines()]
            self.assertEqual(lines[-1]["class"], expected, done.stdout)
            self.assertTrue(all(line["observed"].startswith(f"198.18.0.{10 + number}:") for line in lines[:-1]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
