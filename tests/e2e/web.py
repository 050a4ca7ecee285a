"""Clients by WebSocket: a small one for any server, a member of a room, and one request for what is refused."""

import base64
import hashlib
import json
import os
import socket
import struct
import subprocess
import threading
import time

from support import LabError  # first: it says where lab is
from internet import inside

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
TRUNK = 0xFD


def endpoint(relay):
    """Where this relay listens for WebSockets."""
    host, port = relay.wait_for_line(r"^websocket=(\S+)", stream="out").group(1).rsplit(":", 1)
    return host, int(port)


def connect(relay, timeout):
    with inside(relay):
        return socket.create_connection(endpoint(relay), timeout)


def request_head(path, upgrade=True):
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [f"GET {path} HTTP/1.1", "Host: relay"]
    if upgrade:
        lines += ["Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
    return "\r\n".join([*lines, "", ""]).encode(), key


def status_of(relay, path, upgrade=True):
    """The status that one request gets."""
    with connect(relay, 5) as connection:
        connection.sendall(request_head(path, upgrade)[0])
        return int(connection.recv(64).split()[1])


def frame(opcode, payload, fin=True):
    """As a client writes it; the mask is a fixed one, which is allowed to tests alone."""
    size, mask = len(payload), b"\x11\x22\x33\x44"
    length = bytes([128 | size]) if size < 126 else struct.pack(">BH", 254, size) if size < 65536 else struct.pack(">BQ", 255, size)
    repeated = mask * (size // 4 + 1)
    return bytes([opcode | (128 if fin else 0)]) + length + mask + bytes(a ^ b for a, b in zip(payload, repeated))


class WebSocket:
    """What comes is read on a thread of its own: `texts`, `binaries`, and at the end `ended`: (close code or None, reason)."""

    def __init__(self, relay, path):
        self.texts, self.binaries, self.ended = [], [], None
        self.on_binary = None
        self._changed = threading.Condition()
        self._connection = connect(relay, 10)
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._stream = self._connection.makefile("rb")
        head, key = request_head(path)
        self._connection.sendall(head)
        self._check_answer(key)
        self._connection.settimeout(None)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _check_answer(self, key):
        lines = []
        while not lines or lines[-1]:
            lines.append(self._stream.readline().decode().rstrip("\r\n"))
        wanted = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
        if " 101 " not in lines[0] or not any(line.lower() == f"sec-websocket-accept: {wanted}".lower() for line in lines):
            raise LabError(f"no WebSocket: {lines}")

    def _read(self):
        end = (None, "connection ended")
        try:
            while True:
                first, second = self._stream.read(2)
                size = second & 127
                if size > 125:
                    size = int.from_bytes(self._stream.read(2 if size == 126 else 8), "big")
                payload = self._stream.read(size)
                opcode = first & 15
                if opcode == CLOSE:
                    end = (int.from_bytes(payload[:2], "big") if payload else None, payload[2:].decode())
                    self.send_raw(frame(CLOSE, payload[:2]))
                    break
                self._take(opcode, payload)
        except (OSError, ValueError) as problem:  # the connection is gone, in the middle of a frame or not
            end = end if end[0] else (None, str(problem))
        with self._changed:
            self.ended = end
            self._changed.notify_all()

    def _take(self, opcode, payload):
        if opcode == PING:
            self.send_raw(frame(PONG, payload))
        if opcode == BINARY and self.on_binary:
            self.on_binary(payload)
        with self._changed:
            if opcode == TEXT:
                self.texts.append(json.loads(payload))
            elif opcode == BINARY:
                self.binaries.append(payload)
            self._changed.notify_all()

    def wait_until(self, condition, timeout, what):
        deadline = time.monotonic() + timeout
        with self._changed:
            while not (value := condition()):
                if self.ended and what != "end" or not self._changed.wait(deadline - time.monotonic()):
                    raise LabError(f"no {what} within {timeout} s; ended: {self.ended}; {len(self.binaries)} packets; texts: {self.texts[-5:]}")
            return value

    def wait_text(self, tag, timeout=10):
        """The first message of this kind."""
        return self.wait_until(lambda: next((t[tag] for t in self.texts if tag in t), None), timeout, tag)

    def wait_ended(self, timeout=10):
        return self.wait_until(lambda: self.ended, timeout, "end")

    def send_raw(self, data):
        self._connection.sendall(data)

    def send_text(self, text):
        self.send_raw(frame(TEXT, text.encode()))

    def send_binary(self, data):
        self.send_raw(frame(BINARY, data))

    def leave(self):
        self.send_raw(frame(CLOSE, struct.pack(">H", 1000)))
        self.wait_ended()

    def cut(self):
        """Ends the TCP connection without a word, by a reset."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.dispose()

    def dispose(self):
        """Lets go of the connection, if it is still there."""
        try:
            self._connection.shutdown(socket.SHUT_RD)  # wakes the reader
        except OSError:
            pass  # it has ended
        self._reader.join(5)
        self._stream.close()
        self._connection.close()


class WebMember(WebSocket):
    """Somebody who wants a seat in a room; `join` says so."""

    def __init__(self, lab, who, relay, room="tea"):
        super().__init__(relay, f"/ws/{room}")
        self.lab, self.name, self.room, self.fingerprint = lab, who, room, lab.fingerprint(who)
        self.hello = self.wait_until(lambda: self.texts, 10, "hello")[0]

    def offer(self, *options, challenge=None, relay=None, room=None):
        """A CallOffer for this connection; or for another one."""
        tool = self.lab.build / "tests/e2e/room-offer"
        return subprocess.run([tool, self.lab.identity(self.name), relay or self.hello["relay"], challenge or self.hello["challenge"],
                               room or self.room, "--alias", self.name, *options], capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    def join(self, *options):
        self.send_text(self.offer(*options))
        self.wait_text("CallAnswer")
        return self

    def listed(self):
        """The newest list: aliases by fingerprint."""
        lists = [t["RoomUpdate"] for t in self.texts if "RoomUpdate" in t]
        return {p["fingerprint"]: p["alias"] for p in lists[-1]["participants"]} if lists else {}

    def wait_listed(self, *people, timeout=10):
        wanted = {person.fingerprint for person in people}
        self.wait_until(lambda: set(self.listed()) == wanted, timeout, f"list of {[person.name for person in people]}")

    def wait_packets(self, count, timeout=10):
        """So many more than there are now."""
        before = len(self.binaries)
        self.wait_until(lambda: len(self.binaries) >= before + count, timeout, f"{count} packets")
        return self.binaries[before:]

    def echo(self):
        """From now on says what it hears. With one speaker in the room that is a clean stream of audio."""
        self.on_binary = self.send_binary


class WebPeople:
    """Mixed into tests with a lab: web members that are gone afterwards."""

    def visit(self, who, relay, room="tea"):
        """Somebody who has no seat yet."""
        member = WebMember(self.lab, who, relay, room)
        self.addCleanup(member.dispose)
        return member

    def web(self, who, relay, *options, room="tea"):
        """A member that is in the room."""
        return self.visit(who, relay, room).join(*options)


def packets_in(trunk_frame):
    """What a trunk frame toward a member holds: (source in hex, packet) of each entry."""
    assert trunk_frame[0] == TRUNK, trunk_frame[:20]
    entries, rest = [], trunk_frame[1:]
    while rest:
        size = int.from_bytes(rest[6:8], "big")
        entries.append((rest[:6].hex(), rest[8:8 + size]))
        rest = rest[8 + size:]
    return entries
