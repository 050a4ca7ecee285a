"""Who is believed: relays by their certificate, people by their signature."""

import re
import unittest

from support import LINK_UP, QUICK, LabTest


class Trust(LabTest):
    def test_a_relay_with_another_certificate_is_refused_with_an_explanation(self):  # [D-48]
        relay = self.lab.relay("relay-a", options=QUICK)
        first = self.listen("callee", relay)
        first.stop()
        impostor = self.stopped_and_replaced(relay)
        second = self.listen("callee", impostor, ready=False)
        self.assertIn("another certificate", second.wait_event("relay_changed")["text"])
        self.assert_exit(second, 4)
        for command in (["ping", impostor.address], ["version", impostor.address]):
            done = self.lab.run(*command, "--known-relays", self.lab.folder / "callee.relays", check=False, prefix=impostor.prefix)
            self.assertEqual(done.returncode, 4, done.stderr)
            self.assertIn("another certificate", done.stderr)

    def stopped_and_replaced(self, relay):
        """A relay with another identity at the same place."""
        relay.stop()
        return self.lab.relay("relay-x", options=QUICK, at=relay)

    def test_a_peer_with_another_fingerprint_gets_no_link(self):  # [V-01] [V-60]
        wrong = self.lab.relay_fingerprint("somebody-else")
        b = self.lab.relay("relay-b", options=QUICK, trusted=[self.lab.relay_fingerprint("relay-a")])
        a = self.lab.relay("relay-a", options=QUICK, peers=[(b.address, wrong)])
        a.wait_for_line(r"(?i)pin")
        caller = self.call("caller", self.lab.fingerprint("nobody"), a)
        self.assert_ended(caller, "unreachable")
        self.assertFalse([line for line in a.err + b.err if re.search(LINK_UP, line)])

    def test_a_relay_that_nobody_trusts_gets_no_link(self):  # [V-01] [V-70]
        b = self.lab.relay("relay-b", options=QUICK)
        a = self.lab.relay("relay-a", options=QUICK, peers=[(b.address, b.fingerprint)])
        b.wait_for_line(r"not trusted|unknown relay")
        caller = self.call("caller", self.lab.fingerprint("nobody"), a)
        self.assert_ended(caller, "unreachable")
        self.assertFalse([line for line in b.err if re.search(LINK_UP, line)])

    def test_mutual_peers_keep_one_link(self):  # [V-11]
        fingerprint = {name: self.lab.relay_fingerprint(name) for name in ("relay-a", "relay-b")}
        # B must know A's address before A is up: A takes the place of a relay that has just ended.
        scout = self.lab.relay("scout", options=QUICK)
        scout.stop()
        b = self.lab.relay("relay-b", options=QUICK, peers=[(scout.address, fingerprint["relay-a"])])
        a = self.lab.relay("relay-a", options=QUICK, peers=[(b.address, fingerprint["relay-b"])], at=scout)
        a.wait_for_line(LINK_UP)
        b.wait_for_line(LINK_UP)
        callee = self.listen("callee", b, "--calls", "1")
        caller = self.call("caller", callee, a, "--duration", "0.5")
        self.wait_talking(caller, callee)
        self.assert_exit(caller, 0)

    def test_the_newest_registration_of_an_identity_is_called(self):  # [V-12]
        relay = self.lab.relay("relay-a", options=QUICK)
        old = self.listen("old", relay, identity="callee")
        new = self.listen("new", relay, identity="callee")
        old.wait_event("replaced")
        self.assert_exit(old, 4)
        caller = self.call("caller", new, relay, "--duration", "0.5")
        self.wait_talking(caller, new)
        self.assert_exit(caller, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
