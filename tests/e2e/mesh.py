"""Several relays with links between them, and what tests ask of the calls and rooms on them."""

import array
import math
import signal
import time

from support import QUICK, LabError, RoomTest  # first: it says where lab is
from lab import relay_config

LOUD = 1000  # far below a tone, far above what concealment fades to
HEARD = 500  # the same for one tone among several


class MeshTest(RoomTest):
    """Relays with names of one letter, and links such as "AB". Whoever starts later dials whoever is up."""

    def setUp(self):
        super().setUp()
        self.mesh = {}

    # --- relays

    def settings(self, letter, links, rooms=(), guests=(), **options):
        """`guests`: entries of `trusted` beside the neighbours."""
        neighbours = [other for pair in links if letter in pair for other in pair if other != letter]
        about = {other: (self.lab.relay_fingerprint(other), f'label = "{other}"', "delegate = true") for other in neighbours}
        dialled = [other for other in neighbours if other in self.mesh]
        return {"options": {**QUICK, **options}, "global_rooms": rooms,
                "peers": [(self.mesh[other].address, *about[other]) for other in dialled],
                "trusted": [about[other] for other in neighbours if other not in dialled] + list(guests)}

    def start_relay(self, letter, links, **more):
        self.mesh[letter] = self.lab.relay(letter, **self.settings(letter, links, **more))
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

    def hold(self, caller_at, callee_at, *options, names=("caller", "callee"), patience=3):
        """A call through relays only, in which both hear a tone. Both record."""
        calls, listens = names
        callee = self.listen(listens, self.mesh[callee_at], "--tone", "440", "--record", self.recording(listens), patience=patience)
        caller = self.call(calls, callee, self.mesh[caller_at], "--relay-only", "--tone", "660",
                           "--record", self.recording(calls), *options, patience=patience)
        self.wait_talking(caller, callee)
        for name in names:
            self.wait_loudness(name, True)
        return caller, callee

    def hang_up(self, side, other):
        """One side ends the call that both are in. A listening program ends with it."""
        call = side.wait_until(lambda s: [e["call_id"] for e in s.events if e["event"] == "answered"
                                          and other.find("answered", call_id=e["call_id"])], 5, "call with the other")[-1]
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
    def newest(path, milliseconds=200):
        """The newest samples of a recording that is still being written; none while there are too few."""
        wanted = 48 * milliseconds * 2
        size = path.stat().st_size // 2 * 2 if path.exists() else 0
        if size < wanted:
            return array.array("h")
        with open(path, "rb") as file:
            file.seek(size - wanted)
            return array.array("h", file.read(wanted))

    def loudness(self, path):
        samples = self.newest(path)
        return (sum(s * s for s in samples) / len(samples)) ** 0.5 if samples else 0

    @staticmethod
    def has_tone(samples, hertz):
        """Goertzel's sum: how much of this frequency there is."""
        samples = samples[::6]  # 8 kHz will do
        factor, before, last = 2 * math.cos(2 * math.pi * hertz / 8000), 0.0, 0.0
        for sample in samples:
            before, last = last, sample + factor * last - before
        power = before * before + last * last - factor * before * last
        return len(samples) > 0 and 2 * max(power, 0) ** 0.5 / len(samples) > HEARD

    def tones_in(self, path, among):
        """Which of these frequencies are heard just now."""
        samples = self.newest(path)
        return {hertz for hertz in among if self.has_tone(samples, hertz)}

    def gaps(self, path, hertz, seconds):
        """How many tenths of the last seconds were without this tone."""
        milliseconds, tenth = int(seconds * 1000), 4800
        self.look_until(lambda: self.newest(path, milliseconds), seconds + 1, lambda: f"{path}: too short")
        samples = self.newest(path, milliseconds)
        return sum(not self.has_tone(samples[start:start + tenth], hertz) for start in range(0, len(samples), tenth))

    def look_until(self, condition, timeout, what):
        """Nobody is told when a file grows: it is looked at again and again. Returns when the condition was true."""
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                raise LabError(f"{what()} within {timeout} s\n" + "\n".join(process.transcript() for process in self.lab.processes))
            time.sleep(0.02)
        return time.monotonic()

    def wait_loudness(self, name, loud, timeout=10):
        """Until the newest of the recording is loud, or silent."""
        return self.look_until(lambda: (self.loudness(self.recording(name)) > LOUD) == loud, timeout,
                               lambda: f"{name}: not {'heard' if loud else 'silent'}")

    def wait_tones(self, name, wanted, among, timeout=10):
        """Until exactly the wanted of these tones are in the newest of the recording."""
        return self.look_until(lambda: self.tones_in(self.recording(name), among) == set(wanted), timeout,
                               lambda: f"{name}: hears {self.tones_in(self.recording(name), among)} and not {set(wanted)}")


class RoomMeshTest(MeshTest):
    def fill(self, letters):
        """Two members on each relay; everybody sends a tone."""
        people = {letter: [self.join(f"{letter}{number}", self.mesh[letter], "--tone", str(300 + 110 * number),
                                     "--record", self.recording(f"{letter}{number}"), ready=False)
                           for number in (1, 2)] for letter in letters}
        for member in sum(people.values(), []):
            member.wait_event("room_joined")
        return people

    def assert_all_hear_all(self, members, timeout=10):
        for member in members:
            self.wait_people(member, len(members), timeout)
            self.heard_from(member, *(other for other in members if other is not member), timeout=timeout)

    def assert_heard_once(self, *members):
        """No echo, no copy: as many speakers as there are others, and next to nothing refused or lost."""
        for member in members:
            summary = member.find("summary")
            self.assertEqual((summary["malformed"], summary["bare_packets"]), (0, 0), member.transcript())
            self.assertEqual(summary["speakers"], len(members) - 1, member.transcript())
            self.assertIsNone(member.find("speaker_heard", fingerprint=member.fingerprint))
