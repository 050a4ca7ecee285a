"""Several relays on loopback with links between them, and what tests ask of the calls and rooms on them."""

import array
import signal
import time

from support import QUICK, LabError, RoomTest  # first: it says where lab is
from lab import relay_config

LOUD = 1000  # far below a tone, far above what concealment fades to


class MeshTest(RoomTest):
    """Relays with names of one letter, and links such as "AB". Whoever starts later dials whoever is up."""

    def setUp(self):
        super().setUp()
        self.mesh = {}

    # --- relays

    def settings(self, letter, links, rooms=(), **options):
        neighbours = [other for pair in links if letter in pair for other in pair if other != letter]
        about = {other: (self.lab.relay_fingerprint(other), f'label = "{other}"', "delegate = true") for other in neighbours}
        dialled = [other for other in neighbours if other in self.mesh]
        return {"options": {**QUICK, **options}, "global_rooms": rooms,
                "peers": [(self.mesh[other].address, *about[other]) for other in dialled],
                "trusted": [about[other] for other in neighbours if other not in dialled]}

    def place(self, letter):
        """Where the relay runs: keywords of Lab.relay."""
        return {}

    def start_relay(self, letter, links, **more):
        self.mesh[letter] = self.lab.relay(letter, **self.place(letter), **self.settings(letter, links, **more))
        return self.mesh[letter]

    def start_mesh(self, letters, links, **more):
        """Returns when every link is up at both ends."""
        for letter in letters:
            self.start_relay(letter, links, **more)
        self.wait_links(links)
        return [self.mesh[letter] for letter in letters]

    def wait_links(self, links, timeout=15):
        for left, right in links:
            self.wait_link(left, right, timeout)
            self.wait_link(right, left, timeout)

    def wait_link(self, letter, other, timeout=15):
        """Until the newest word of this relay about that link is that it is up."""
        def is_up(relay):
            said = [line for line in relay.err if f"federation: link to {other} is" in line]
            return said and said[-1].endswith("is up")
        self.mesh[letter].wait_until(is_up, timeout, f"link to {other}")

    def wait_link_down(self, letter, other, timeout=8):
        self.mesh[letter].wait_for_line(f"federation: link to {other} is down", timeout)

    def restart_relay(self, letter):
        self.mesh[letter] = self.lab.restart(self.mesh[letter])
        return self.mesh[letter]

    def reload(self, letter, text):
        self.mesh[letter].config.write_text(text)
        self.mesh[letter].send_signal(signal.SIGHUP)

    def config_text(self, letter, links, **more):
        """What this relay's file would say if it had these links."""
        return relay_config(self.lab.identity(letter), self.mesh[letter].address, **self.settings(letter, links, **more))

    # --- calls and what is heard

    def hold(self, caller_at, callee_at, *options):
        """A call through relays only, in which both hear a tone. Both record."""
        callee = self.listen("callee", self.mesh[callee_at], "--tone", "440", "--record", self.recording("callee"))
        caller = self.call("caller", callee, self.mesh[caller_at], "--relay-only", "--tone", "660",
                           "--record", self.recording("caller"), *options)
        self.wait_talking(caller, callee)
        for name in ("caller", "callee"):
            self.wait_loudness(name, True)
        return caller, callee

    def hang_up(self, side, other):
        """One side ends the call that both are in. A listening program ends with it."""
        call = [e["call_id"] for e in side.events if e["event"] == "answered" and other.find("answered", call_id=e["call_id"])][-1]
        side.send_signal(signal.SIGINT)
        for one, reason in ((side, "hung_up"), (other, "peer_hung_up")):
            self.assertEqual(one.wait_event("ended", 5, call_id=call)["reason"], reason, one.transcript())

    def wait_resumed(self, killed):
        """Silence on both sides, then the tones again; what that took since `killed`."""
        for loud in (False, True):
            for name in ("caller", "callee"):
                moment = self.wait_loudness(name, loud)
        return moment - killed

    def recording(self, name):
        return self.lab.folder / f"{name}.pcm"

    @staticmethod
    def loudness(path, milliseconds=200):
        """Of the newest part of a recording that is still being written; 0 while there is too little of it."""
        wanted = 48 * milliseconds * 2
        size = path.stat().st_size // 2 * 2 if path.exists() else 0
        if size < wanted:
            return 0
        with open(path, "rb") as file:
            file.seek(size - wanted)
            samples = array.array("h", file.read(wanted))
        return (sum(s * s for s in samples) / len(samples)) ** 0.5

    def wait_loudness(self, name, loud, timeout=10):
        """Until the newest of the recording is loud, or silent. Nobody is told when a file grows: it is looked at again and again."""
        deadline = time.monotonic() + timeout
        while (self.loudness(self.recording(name)) > LOUD) != loud:
            if time.monotonic() > deadline:
                raise LabError(f"{name}: not {'heard' if loud else 'silent'} within {timeout} s\n" +
                               "\n".join(process.transcript() for process in self.lab.processes))
            time.sleep(0.02)
        return time.monotonic()
