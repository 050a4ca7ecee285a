"""What the end-to-end tests share. They run the real binaries, see scripts/lab.py: each relay in a network namespace of its own, and people
in that of their relay. Where namespaces are not allowed, everything is on loopback."""

import os
import pty
import signal
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from internet import Internet, namespaces_allowed  # noqa: E402
from lab import LINK_UP, Lab, LabError, build_folder  # noqa: E402

__all__ = ["LINK_UP", "QUICK", "InternetTest", "Lab", "LabError", "LabTest", "OneRelay", "RoomTest", "TwoRelays"]

QUICK = {"idle_timeout_s": 3, "reconnect_grace_s": 2, "link_grace_s": 3, "offers_per_minute": 0}


class LabTest(unittest.TestCase):
    """A fresh lab for every test, gone afterwards. `prefix` among the keywords: where somebody runs, if not with their relay."""

    def setUp(self):
        self.net = Internet()
        self.addCleanup(self.net.close)
        self.lab = Lab(build_folder(), self.net.place if namespaces_allowed() else None)
        self.addCleanup(self.lab.__exit__)

    def listen(self, name, relay, *options, accept="trusted", ready=True, patience=3, **keywords):
        """`patience`: seconds of silence that end a connection or a call."""
        client = self.lab.client(name, "listen", "--relay", relay.address, "--accept", accept,
                                 "--idle-timeout", patience, *options, **{"prefix": relay.prefix, **keywords})
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

    def call(self, name, target, relay, *options, patience=3, **keywords):
        fingerprint = target if isinstance(target, str) else target.fingerprint
        return self.lab.client(name, "call", fingerprint, "--relay", relay.address, "--idle-timeout", patience,
                               *options, **{"prefix": relay.prefix, **keywords})

    def wait_talking(self, *clients, timeout=10):
        for client in clients:
            client.wait_event("first_audio_heard", timeout)

    def assert_ended(self, client, reason, timeout=5):
        event = client.wait_event("ended", timeout)
        self.assertEqual(event["reason"], reason, client.transcript())
        return event

    def assert_exit(self, client, code, timeout=5):
        self.assertEqual(client.wait(timeout), code, client.transcript())


class InternetTest(LabTest):
    """Links are cut or NATs are built: skipped, and said so, where that is not allowed."""

    @classmethod
    def setUpClass(cls):
        if not namespaces_allowed():
            raise unittest.SkipTest("this machine allows no network namespaces or nftables rules (run as root): not tested")


class RoomTest(LabTest):
    """Tests with people in rooms."""

    def join(self, who, relay, *options, room="tea", ready=True, patience=3, **keywords):
        member = self.lab.client(who, "room", room, "--relay", relay.address, "--alias", who.split("-")[0],
                                 "--idle-timeout", patience, *options, **{"prefix": relay.prefix, **keywords})
        if ready:
            member.wait_event("room_joined")
        return member

    def leave(self, *members):
        for member in members:
            member.send_signal(signal.SIGINT)
        for member in members:
            self.assert_exit(member, 0)

    def wait_people(self, member, count, timeout=10):
        """Until the newest list has so many."""
        def newest(_):
            lists = [e for e in member.events if e["event"] == "participants"]
            return lists and lists[-1]["count"] == count and lists[-1]
        return member.wait_until(newest, timeout, f"list of {count}")

    def wait_listed(self, member, *people, timeout=10):
        """Until the newest list names exactly these; how many lists there were by then."""
        wanted = sorted(person.fingerprint for person in people)
        def newest(_):
            lists = [e for e in member.events if e["event"] == "participants"]
            return sorted(lists[-1]["fingerprints"]) == wanted and len(lists) if lists else 0
        return member.wait_until(newest, timeout, f"list of {[person.name for person in people]}")

    def heard_from(self, listener, *speakers, timeout=10):
        """Audio may come before the list that says whose it is: then the list's `source` tells."""
        def heard(speaker):
            sources = {e["source"] for e in listener.events if e["event"] in ("member", "member_joined")
                       and e["fingerprint"] == speaker.fingerprint}
            return any(e["event"] == "speaker_heard" and (e["fingerprint"] == speaker.fingerprint or e["speaker"] in sources)
                       for e in listener.events)
        for speaker in speakers:
            listener.wait_until(lambda _, s=speaker: heard(s), timeout, f"audio of {speaker.name} {speaker.fingerprint}")


class OneRelay:
    """Mixed into tests that hold on one relay: both people register at the same."""

    def relays(self, **options):
        relay = self.lab.relay("relay-a", options={**QUICK, **options})
        return relay, relay


class TwoRelays:
    """Mixed into tests that hold across two: the caller on A, the callee on B."""

    def relays(self, **options):
        return self.lab.two_relays(options={**QUICK, **options})
