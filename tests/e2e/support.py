"""What the end-to-end tests share. They run the real binaries on loopback; see scripts/lab.py."""

import os
import pty
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from lab import LINK_UP, Lab, LabError, build_folder  # noqa: E402

__all__ = ["LINK_UP", "QUICK", "Lab", "LabError", "LabTest", "OneRelay", "TwoRelays"]

QUICK = {"idle_timeout_s": 3, "reconnect_grace_s": 2, "link_grace_s": 3, "offers_per_minute": 0}


class LabTest(unittest.TestCase):
    """A fresh lab for every test, gone afterwards."""

    def setUp(self):
        self.lab = Lab(build_folder())
        self.addCleanup(self.lab.__exit__)

    def listen(self, name, relay, *options, accept="trusted", ready=True, **keywords):
        client = self.lab.client(name, "listen", "--relay", relay.address, "--accept", accept,
                                 "--idle-timeout", "3", *options, **keywords)
        if ready:
            client.wait_event("registered")
        return client

    def at_terminal(self, name, relay, *options, accept="trusted", **keywords):
        """A listening client whose standard input is a terminal, and a function that types a line there."""
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        client = self.listen(name, relay, *options, accept=accept, stdin=theirs, **keywords)
        os.close(theirs)
        return client, lambda line: os.write(ours, (line + "\n").encode())

    def call(self, name, target, relay, *options, **keywords):
        fingerprint = target if isinstance(target, str) else target.fingerprint
        return self.lab.client(name, "call", fingerprint, "--relay", relay.address, "--idle-timeout", "3",
                               *options, **keywords)

    def wait_talking(self, *clients, timeout=10):
        for client in clients:
            client.wait_event("first_audio_heard", timeout)

    def assert_ended(self, client, reason, timeout=5):
        event = client.wait_event("ended", timeout)
        self.assertEqual(event["reason"], reason, client.transcript())
        return event

    def assert_exit(self, client, code, timeout=5):
        self.assertEqual(client.wait(timeout), code, client.transcript())


class OneRelay:
    """Mixed into tests that hold on one relay: both people register at the same."""

    def relays(self, **options):
        relay = self.lab.relay("relay-a", options={**QUICK, **options})
        return relay, relay


class TwoRelays:
    """Mixed into tests that hold across two: the caller on A, the callee on B."""

    def relays(self, **options):
        return self.lab.two_relays(options={**QUICK, **options})
