"""Relays and clients as processes: what the demo and the end-to-end tests are made of.

Nothing here waits blindly: every wait is for a condition and has a deadline.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple


LINK_UP = r"federation: link .* is up"  # what a relay logs


class LabError(Exception):
    """Something that should have happened did not; the text says what, and shows the output of the process."""


class Place(NamedTuple):
    """Where a process runs and what it listens on. `prefix`: the command that runs another one there."""

    prefix: list
    address: str


LOOPBACK = Place([], "127.0.0.1:0")


class Process:
    """A child process whose standard output and error are collected line by line."""

    def __init__(self, name, argv, cwd=None, stdin=subprocess.DEVNULL, env=None, prefix=()):
        self.name = name
        self.prefix = prefix
        self.argv = [str(a) for a in (*prefix, *argv)]
        self.out, self.err = [], []
        self._changed = threading.Condition()
        self._child = subprocess.Popen(
            self.argv, cwd=cwd, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, bufsize=1, env=env)
        self._readers = [threading.Thread(target=self._collect, args=(stream, lines), daemon=True)
                         for stream, lines in ((self._child.stdout, self.out), (self._child.stderr, self.err))]
        for reader in self._readers:
            reader.start()

    def _collect(self, stream, lines):
        for line in stream:
            with self._changed:
                lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    @property
    def pid(self):
        return self._child.pid

    def running(self):
        return self._child.poll() is None

    def write_line(self, text):
        self._child.stdin.write(text + "\n")
        self._child.stdin.flush()

    def wait_until(self, condition, timeout, what):
        """The first true value of condition(self), looked at whenever a line arrives."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                value = condition(self)
                if value:
                    return value
                left = deadline - time.monotonic()
                if left <= 0:
                    raise LabError(f"{self.name}: no {what} within {timeout} s\n{self.transcript()}")
                if not self.running() and not any(r.is_alive() for r in self._readers):
                    raise LabError(f"{self.name}: ended with {self._child.returncode} before {what}\n{self.transcript()}")
                self._changed.wait(min(left, 0.1))

    def wait_for_line(self, pattern, timeout=10, stream="err"):
        expression = re.compile(pattern)
        lines = self.err if stream == "err" else self.out
        return self.wait_until(lambda _: next((m for m in map(expression.search, lines) if m), None),
                               timeout, f"line like {pattern!r}")

    def send_signal(self, number):
        if self.running():
            self._child.send_signal(number)

    def wait(self, timeout=10):
        """The exit code."""
        try:
            code = self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            raise LabError(f"{self.name}: still running after {timeout} s\n{self.transcript()}") from None
        for reader in self._readers:
            reader.join(5)
        for stream in (self._child.stdout, self._child.stderr):
            stream.close()
        return code

    def kill(self):
        self.send_signal(signal.SIGKILL)
        return self.wait(5)

    def stop(self, timeout=5):
        """Ends it politely, and for certain."""
        self.send_signal(signal.SIGTERM)
        try:
            return self.wait(timeout)
        except LabError:
            return self.kill()

    def transcript(self, last=40):
        lines = [f"  out| {l}" for l in self.out[-last:]] + [f"  err| {l}" for l in self.err[-last:]]
        return " ".join(self.argv) + "\n" + "\n".join(lines)


class Relay(Process):
    """A wzp-relay. `address` and `fingerprint` are known once it is up. It is a place, too."""

    def __init__(self, lab, name, config, prefix):
        self.config = config
        super().__init__(name, [lab.relay_binary, "--config", config], prefix=prefix)
        self.fingerprint = self.wait_for_line(r"^tls_fingerprint=(\S+)", stream="out").group(1)
        self.address = self.wait_for_line(r"^listening=(\S+)", stream="out").group(1)


def relay_config(identity, listen, options=None, peers=(), trusted=(), global_rooms=()):
    """The text of a configuration. `peers`: (url, fingerprint, further lines ...).
    `trusted`: fingerprints, or (fingerprint, further lines ...). `global_rooms`: names."""
    lines = [f'listen_addr = "{listen}"', f'identity = "{identity}"']
    lines += [f"{key} = {json.dumps(value)}" for key, value in (options or {}).items()]
    for url, fingerprint, *more in peers:
        lines += ["[[peers]]", f'url = "{url}"', f'fingerprint = "{fingerprint}"', *more]
    for entry in trusted:
        fingerprint, *more = [entry] if isinstance(entry, str) else entry
        lines += ["[[trusted]]", f'fingerprint = "{fingerprint}"', *more]
    for name in global_rooms:
        lines += ["[[global_rooms]]", f'name = "{name}"']
    return "\n".join(lines) + "\n"


class Client(Process):
    """A wzp-client with --json: `events` holds one dictionary a line."""

    def __init__(self, lab, name, arguments, identity=None, stdin=subprocess.DEVNULL, prefix=()):
        self.identity = lab.identity(identity or name)
        self.fingerprint = lab.fingerprint(identity or name)
        super().__init__(name, [lab.client_binary, *arguments, "--json", "--identity", self.identity,
                                "--known-relays", lab.folder / f"{identity or name}.relays",
                                "--known-people", lab.folder / f"{identity or name}.people"], stdin=stdin, prefix=prefix)

    @property
    def events(self):
        found = []
        for line in list(self.out):
            if line.startswith("{"):
                found.append(json.loads(line))
        return found

    def find(self, event, **fields):
        return next((e for e in self.events if e["event"] == event and
                     all(e.get(key) == value for key, value in fields.items())), None)

    def wait_event(self, event, timeout=10, **fields):
        return self.wait_until(lambda _: self.find(event, **fields), timeout, f"event {event} {fields or ''}")


class Lab:
    """A temporary folder, identities, and the processes in it. A context manager: leaving it ends them all.
    `place`: gives the relay of this name a place; all are on loopback without it."""

    def __init__(self, build, place=None):
        self.build = Path(build)
        self.place = place or (lambda name: LOOPBACK)
        self.relay_binary = self.build / "apps/relay/wzp-relay"
        self.client_binary = self.build / "apps/client/wzp-client"
        for binary in (self.relay_binary, self.client_binary):
            if not binary.exists():
                raise LabError(f"{binary} is missing: build first")
        self.folder = Path(tempfile.mkdtemp(prefix="wzp-lab-"))
        self.processes = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        relays = [process for process in self.processes if isinstance(process, Relay)]
        for group in relays, self.processes:  # relays first: they wait until somebody has taken their farewell
            for process in group:
                process.send_signal(signal.SIGTERM)
            for process in group:
                process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *arguments, timeout=30, check=True, text_in=None, prefix=()):
        """One short wzp-client command: its CompletedProcess."""
        done = subprocess.run([*prefix, self.client_binary, *map(str, arguments)], capture_output=True, text=True,
                              timeout=timeout, input=text_in, stdin=None if text_in is not None else subprocess.DEVNULL)
        if check and done.returncode != 0:
            raise LabError(f"{' '.join(map(str, done.args))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def identity(self, name):
        path = self.folder / f"{name}.id"
        if not path.exists():
            self.run("identity", "create", "--identity", path)
        return path

    def fingerprint(self, name):
        shown = json.loads(self.run("identity", "show", "--json", "--identity", self.identity(name)).stdout)
        return shown["fingerprint"]

    def relay_fingerprint(self, name):
        shown = json.loads(self.run("identity", "show", "--json", "--identity", self.identity(name)).stdout)
        return shown["tls_fingerprint"]

    def relay(self, name, at=None, **settings):
        """`at`: a place other than the one it would get; that of a relay, for instance, which has ended."""
        at = at or self.place(name)
        config = self.folder / f"{name}.toml"
        config.write_text(relay_config(self.identity(name), at.address, **settings))
        return self._keep(Relay(self, name, config, at.prefix))

    def restart(self, relay):
        """The same relay again at the same place, after it has ended."""
        relay.config.write_text(re.sub(r"(?m)^listen_addr = .*$", f'listen_addr = "{relay.address}"', relay.config.read_text()))
        return self._keep(Relay(self, relay.name, relay.config, relay.prefix))

    def client(self, name, *arguments, **options):
        return self._keep(Client(self, name, arguments, **options))

    def process(self, name, argv, **options):
        """Any other program."""
        return self._keep(Process(name, argv, **options))

    def two_relays(self, options=None):
        """Relay A, which dials B; B trusts A. Returns when the link is up."""
        fingerprint = {name: self.relay_fingerprint(name) for name in ("relay-a", "relay-b")}
        b = self.relay("relay-b", options=options, trusted=[fingerprint["relay-a"]])
        a = self.relay("relay-a", options=options, peers=[(b.address, fingerprint["relay-b"])])
        a.wait_for_line(LINK_UP)
        b.wait_for_line(LINK_UP)
        return a, b

    def mesh(self, links, options=None, global_rooms=()):
        """Relays by name, each the delegate of its neighbours. `links`: (who dials, who is dialled), without a circle
        of dialling. Returns when all links are up at both ends."""
        names = sorted({name for link in links for name in link})
        fingerprint = {name: self.relay_fingerprint(name) for name in names}
        about = lambda name: (fingerprint[name], f'label = "{name}"', "delegate = true")
        up = {}
        while len(up) < len(names):  # whoever is dialled must have its port first
            ready = [n for n in names if n not in up and all(dialled in up for dialler, dialled in links if dialler == n)]
            if not ready:
                raise LabError(f"relays dial each other in a circle: {links}")
            for name in ready:
                up[name] = self.relay(
                    name, options=options, global_rooms=global_rooms,
                    peers=[(up[dialled].address, *about(dialled)) for dialler, dialled in links if dialler == name],
                    trusted=[about(dialler) for dialler, dialled in links if dialled == name])
        for name, relay in up.items():
            count = sum(name in link for link in links)
            relay.wait_until(lambda r: sum(bool(re.search(LINK_UP, line)) for line in r.err) >= count,
                             10, f"line like {LINK_UP!r}, {count} times")
        return up

    def compare(self, reference, recording):
        """What `wzp-client compare` finds: similarity, threshold, same_speech, lag_ms, speech_seconds."""
        return json.loads(self.run("compare", "--json", reference, recording, timeout=60).stdout)

    def _keep(self, process):
        self.processes.append(process)
        return process


def build_folder():
    """Where the binaries are: WZP_BUILD, or the release build of this checkout."""
    root = Path(__file__).resolve().parent.parent
    return Path(os.environ.get("WZP_BUILD", root / "build/release"))
