"""Peers that are driven by hand (raw_peer.cpp): clients without manners, and relays that say what no relay of ours says."""

import contextlib
import json
import re
import subprocess
from collections import Counter

from support import LabTest

SEEDS = {"alice": "a1" * 32, "bob": "b2" * 32, "mallory": "c3" * 32}
CODECS = ("Opus24k", "Opus16k", "Opus6k", "Codec2_3200", "Codec2_1200", "ComfortNoise", "Opus32k", "Opus48k", "Opus64k")  # wire.md 3.3
REFRESH = 10  # seconds between two statements of a relay about a room in which nothing changes


def media_packet(seq, payload=bytes.fromhex("f8fffe"), report=b""):
    """20 ms of Opus; what it says by default is silence. `report`: the four bytes of wire.md 3.6."""
    head = bytes([2 if report else 0, 0]) + (seq % 65536).to_bytes(2, "big") + (20 * seq).to_bytes(4, "big") + bytes(4)
    return head + payload + report


def trunk_entries(frame):
    """What a trunk frame brings a member: (source, packet)."""
    at = 1
    while at < len(frame):
        length = int.from_bytes(frame[at + 6:at + 8], "big")
        yield frame[at:at + 6].hex(), frame[at + 8:at + 8 + length]
        at += 8 + length


class RawPeers(LabTest):
    """`self.relay` is whom they connect to, unless another is named."""

    def peer(self, name, server_name, *arguments, relay=None):
        """In the place of that relay."""
        relay = relay or self.relay
        peer = self.lab.process(name, [self.lab.build / "tests/e2e/raw-peer", relay.address, server_name, *arguments],
                                stdin=subprocess.PIPE, prefix=relay.prefix)
        peer.wait_for_line("^@(connected|closed)", stream="out")
        return peer

    def registered(self, name, relay=None):
        peer = self.peer(name, "_signal", relay=relay)
        peer.write_line(f"@register {SEEDS[name]}")
        self.assertTrue(self.message(peer, "RegisterPresenceAck")["success"])
        peer.fingerprint = peer.wait_for_line(r"^@fingerprint (\S+)", stream="out").group(1)
        return peer

    def raw_member(self, name, room, *options):
        """A member of this room; its options are those of room_offer.cpp."""
        peer = self.peer(name, room)
        offer = self.lab.build / "tests/e2e/room-offer"
        self.write(peer, subprocess.run([offer, self.lab.identity(name), self.relay.fingerprint, "00" * 32, room, "--unbound", *options],
                                        check=True, capture_output=True, text=True, timeout=10).stdout.strip())
        self.message(peer, "RoomUpdate")
        return peer

    def federation_peer(self, *caps, name="peer", relay=None):
        """A relay: verified if the other trusts the certificate of this name."""
        peer = self.peer(name, "_federation", "--certificate", self.lab.identity(name).read_text().strip(), relay=relay)
        self.say(peer, "FederationHello", tls_fingerprint=self.lab.relay_fingerprint(name), version=1, relay_build="raw",
                 caps=["call-nack", *caps])
        self.message(peer, "FederationHello")
        return peer

    def say(self, peer, tag, **fields):
        self.write(peer, json.dumps({tag: fields}))

    def write(self, peer, *lines):
        """A peer ends with its connection: what it does not read any more is lost."""
        with contextlib.suppress(BrokenPipeError):
            peer.write_line("\n".join(lines))

    def datagrams(self, peer):
        return [bytes.fromhex(line.split()[1]) for line in list(peer.out) if line.startswith("@datagram")]

    def messages(self, peer, tag):
        found = []
        for line in list(peer.out):
            if line.startswith("{"):
                value = json.loads(line)
                if tag in value:
                    found.append(value[tag])
        return found

    def message(self, peer, tag, timeout=5):
        return peer.wait_until(lambda p: self.messages(p, tag), timeout, tag)[0]

    def still_served(self, peer, stamp):
        """The connection works: a ping that was sent last is answered."""
        self.say(peer, "Ping", timestamp_ms=stamp)
        self.wait_pong(peer, stamp)

    def wait_pong(self, peer, stamp, timeout=8):
        """False when the connection was closed instead."""
        answer = re.compile(rf'^@closed|^{{"Pong":{{"timestamp_ms":{stamp}[,}}]')
        return not peer.wait_for_line(answer, timeout, "out").group().startswith("@")

    def offer(self, caller, target, call_id, **changes):
        fields = {"caller_fingerprint": caller.fingerprint, "caller_alias": None, "target_fingerprint": target,
                  "call_id": call_id, "identity_pub": [1] * 32, "ephemeral_pub": [2] * 32, "signature": [3] * 64,
                  "supported_profiles": [], "caller_reflexive_addr": "9.9.9.9:999", "caller_local_addrs": ["10.9.9.9:999"]}
        self.say(caller, "DirectCallOffer", **{**fields, **changes})

    def room_state(self, origin, hops, seq, *people, room="tea"):
        members = [{"fingerprint": self.lab.fingerprint(who), "alias": who, "source": f"00000000{number:04x}"}
                   for number, who in enumerate(people, start=1)]
        return {"origin_relay_fp": origin, "epoch": 1, "seq": seq, "hops": hops, "room": room, "participants": members}

    def assert_no_storm(self, watcher, relays, seconds):
        """In so many seconds this peer heard of the rooms of exactly these relays, everything once, and unchanged things as the slow refresh
        only."""
        heard = self.messages(watcher, "RoomState")
        stamps = Counter((m["origin_relay_fp"], m["epoch"], m["seq"]) for m in heard)
        self.assertEqual({relay for relay, _, _ in stamps}, {relay.fingerprint for relay in relays})
        self.assertEqual(max(stamps.values()), 1, stamps)
        contents = {relay: [(m["participants"], m.get("tier")) for m in heard if m["origin_relay_fp"] == relay] for relay, _, _ in stamps}
        for relay, said in contents.items():
            repeated = sum(one == other for one, other in zip(said, said[1:]))
            self.assertLessEqual(repeated, seconds / REFRESH + 1, f"{relay}: {said}")
