"""Three scenarios that this protocol's history has names for, with the real binaries. The same names run the real cores in tests/relay;
`cross_relay_loop_prevention_drops_self_sourced_forward` is in hostile_test.py, because it takes a peer that lies."""

import socket
import unittest

from support import LabTest, TwoRelays  # first: it says where lab is
from internet import inside


def free_address(relay):
    """Where this relay is."""
    with inside(relay), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((relay.address.rsplit(":", 1)[0], 0))
        return "%s:%d" % probe.getsockname()


class History(TwoRelays, LabTest):
    def test_cross_relay_offer_forwards_and_stashes_peer_relay_fp(self):  # [H-20]
        """The callee's relay knows from which link an offer came: answer and hang-up find the way back."""
        a, b = self.relays()
        callee = self.listen("callee", b)
        caller = self.call("caller", callee, a)
        offered = callee.wait_event("incoming")
        self.assertEqual(offered["peer"], caller.fingerprint)
        self.assertEqual(offered["call_id"], caller.wait_event("calling")["call_id"])
        caller.wait_event("ringing")
        caller.wait_event("answered")
        callee.send_signal(2)
        self.assert_ended(caller, "peer_hung_up")

    def test_cross_relay_answer_crosswires_peer_direct_addrs(self):
        """Each side is told the address of the other, not its own."""
        a, b = self.relays()
        addresses = {"caller": free_address(a), "callee": free_address(b)}
        callee = self.listen("callee", b, "--bind", addresses["callee"])
        caller = self.call("caller", callee, a, "--bind", addresses["caller"])
        self.assertEqual(caller.wait_event("path_chosen")["remote"], addresses["callee"])
        self.assertEqual(callee.wait_event("path_chosen")["remote"], addresses["caller"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
