"""make_corpus.py VECTORS OUT: every golden vector as a file of its own, the form that fuzzers want."""

import json
import sys
from pathlib import Path

vectors, out = Path(sys.argv[1]), Path(sys.argv[2])
texts, binaries, words = out / "json", out / "bytes", out / "words"
names, frames = out / "names", out / "frames"
steps_of = {name: out / name for name in ("switch", "speakers", "relay", "gossip", "ws")}
for folder in (texts, binaries, words, names, frames, *steps_of.values()):
    folder.mkdir(parents=True, exist_ok=True)

for file in sorted(vectors.glob("*.jsonl")):
    for number, line in enumerate(file.read_text().splitlines()):
        vector, name = json.loads(line), f"{file.stem}-{number}"
        if "json" in vector:
            (texts / name).write_text(vector["json"])
            # Steps as frame_fuzz.cpp reads them: the first stream in two halves, around the whole second one.
            frame = vector["json"].encode()[:200]
            frame = len(frame).to_bytes(4, "big") + frame
            half = len(frame) // 2
            steps = [(3, 0, frame[:half]), (5, 1, frame), (5, 0, frame[half:])]
            (frames / name).write_bytes(b"".join(bytes([a, b, len(c)]) + c for a, b, c in steps))
        if "json_hex" in vector:
            (texts / name).write_bytes(bytes.fromhex(vector["json_hex"]))
        if "input" in vector and file.stem == "sni":
            (names / name).write_text(vector["input"])
        if "hex" in vector:
            (binaries / name).write_bytes(bytes.fromhex(vector["hex"]))
        if "packet" in vector:
            (binaries / name).write_bytes(bytes.fromhex(vector["packet"]))
        if "mnemonic" in vector:
            (words / name).write_text(vector["mnemonic"])


def chunk(data):
    data = data.encode("latin-1") if isinstance(data, str) else bytes(data)
    return [len(data), *data]


def seed(target, name, *steps):
    (steps_of[target] / name).write_bytes(bytes(byte for step in steps for byte in step))


# Steps as switch_fuzz.cpp reads them: a room of four seats and three links of each kind, and packets of all of them.
PACKET = [0, 0, 0, 1, 0, 0, 0, 20, 0, 0, 0, 0, 9, 9]
LINKS = [[2, 0, 1], [2, 1, 3], [2, 2, 0], [2, 3, 5]]


def tagged(conn, form, seq, hops=1, flags=0, relay=(0xBB, 8), room=0):
    packet = PACKET[:3] + [seq] + PACKET[4:]
    return [7, conn, form, room, *relay, 1, hops, flags, *chunk(packet)]


seed("switch", "room", *LINKS, [0, 0, 4, 0x0F, 0x0F], [7, 0, 0, *chunk(PACKET)], [7, 1, 0, *chunk(PACKET)],
     tagged(8, 1, 1), tagged(9, 2, 2), tagged(9, 3, 3, hops=8), tagged(9, 2, 4, flags=1), tagged(11, 1, 5, relay=(0xBB, 11)),
     [7, 10, 0, *chunk([0, ord("r"), 0, 0, 0, 0, 0, 0] + PACKET)], [7, 2, 0, *chunk(PACKET)], [4, 3],
     [7, 2, 0, *chunk([2] + PACKET[1:] + [1, 2, 3, 4])], [4, 14], [3, 9], [1, 0])
seed("switch", "call", *LINKS, [0, 1, 1, 1, 0], *[[7, 0, 0, *chunk(PACKET)]] * 5, [0, 1, 1, 3, 0], [7, 1, 0, *chunk(PACKET)],
     [0, 1, 3, 1, 1], [7, 0, 0, *chunk(PACKET)], tagged(8, 1, 1, room=1), [5, 4], [0, 1, 1, 1, 1], [4, 10], [1, 1])
seed("switch", "trunk", *LINKS[:2], [0, 0, 0, 0xFF, 0x03],
     *[[7, conn, 0, *chunk(PACKET)] for conn in (0, 1, 2, 3, 0, 1)], [5, 6], [7, 4, 0, *chunk(PACKET)], tagged(8, 1, 6),
     [4, 3], [5, 0], [7, 5, 0, *chunk(PACKET)], [4, 4], [6, 9, *chunk([0xFD, 0, 18, 0, ord("r")]), *chunk(PACKET)])

# As speakers_fuzz.cpp does: made packets, raw ones, and time.
OPUS = [0xF8, 0xFF, 0xFE]
seed("speakers", "trunk", *[[3, 3, source, 1, *chunk(OPUS)] for source in (1, 2, 3)], [0, 5], [3, 3, 1, 2, *chunk(OPUS)],
     [0, 9], [1, 30], [3, 0x83, 1, 200, *chunk(OPUS)], [3, 7, 1, 3, *chunk([1, 2])], [0, 2])
seed("speakers", "bare", *[[3, 11, 0, first, *chunk(OPUS)] for first in (0, 40, 80, 0, 1)], [0, 4],
     [2, *chunk(PACKET)], [2, *chunk([0xFD, 1, 2, 3, 4, 0, 1, 0, 14] + PACKET)], [0, 1])
seed("speakers", "source", *[[3, 0, 1, first * 9, *chunk(OPUS)] for first in range(10)], [1, 25], [3, 0, 1, 100, *chunk(OPUS)],
     [0, 0])

# As relay_core_fuzz.cpp does. Words: 0x80 to 0x85 relays, 0x86 to 0x88 people, then call ids, a room, a key, an address.
OFFER = ('{"DirectCallOffer":{"caller_fingerprint":"%s","target_fingerprint":"%s","caller_alias":null,"call_id":"%s",'
         '"identity_pub":\x8c,"ephemeral_pub":\x8c,"signature":[],"supported_profiles":[]}}')
ANSWER = ('{"DirectCallAnswer":{"call_id":"%s","accept_mode":"AcceptTrusted","identity_pub":null,"ephemeral_pub":null,'
          '"signature":null,"chosen_profile":null}}')
RINGING, HANGUP = '{"CallRinging":{"call_id":"%s"}}', '{"Hangup":{"reason":"Normal","call_id":"%s"}}'
LOST, REROUTED = '{"RouteLost":{"call_id":"%s"}}', '{"CallRerouted":{"call_id":"%s","attempt":1}}'
C1, C2 = "\x89", "\x8a"
STATE = '{"RelayState":{"origin_relay_fp":"%s","epoch":0,"seq":1,"hops":%d,"neighbours":[%s]}}'
MAP = [[0, 0, *chunk(STATE % ("\x80", 1, '"\x84","\x85"'))], [0, 0, *chunk(STATE % ("\x85", 2, '"\x80","\x81"'))],
       [0, 1, *chunk(STATE % ("\x81", 1, '"\x84","\x85"'))]]


def said(place, text):
    return [0, place, *chunk(text)]


def routed(place, text, form=0x60, to=6):
    return [2, place, form, to, *chunk(text)]


seed("relay", "local", said(4, OFFER % ("\x86", "\x87", C1)), said(5, ANSWER % C1), [5, 3], said(4, HANGUP % C1))
seed("relay", "in", *MAP, routed(0, OFFER % ("\x85", "\x86", C1), 0x61), said(4, RINGING % C1), said(4, ANSWER % C1), [5, 10],
     routed(0, LOST % C1, 0x61), [6, 0], [5, 12], routed(1, OFFER % ("\x85", "\x86", C1), 0x61, 14), [5, 8],
     routed(1, HANGUP % C1, 0x61))
seed("relay", "out", *MAP, said(4, OFFER % ("\x86", "\x88", C2)), [6, 6], [5, 9],
     routed(0, RINGING % C2, 0x61, 4), routed(0, ANSWER % C2, 0x61, 4), [5, 11], routed(0, REROUTED % C2, 0x61, 4),
     [6, 0], [5, 10], [7, 0, 0], [5, 14], routed(1, HANGUP % C2, 0x61, 4))
seed("relay", "through", *MAP, routed(0, OFFER % ("\x87", "\x88", C1), 0x60, 1), [5, 4], routed(1, RINGING % C1),
     routed(1, ANSWER % C1), [6, 0], [5, 6], routed(1, LOST % C1), [5, 16])
seed("relay", "reference", [4, 3, *chunk(OFFER % ("\x88", "\x86", C1))], said(4, ANSWER % C1), [5, 5],
     said(3, '{"GlobalRoomActive":{"room":"\x8b","participants":[{"fingerprint":"\x88","alias":null,"relay_label":null}]}}'),
     said(0, '{"RoomState":{"origin_relay_fp":"\x80","epoch":0,"seq":1,"hops":1,"room":"hall","participants":[]}}'),
     [5, 15], [4, 3, *chunk(HANGUP % C1)])

# As gossip_fuzz.cpp does. Fields: who says it, its origin, epoch, seq, hops, and what there is.
UP = [[0, 0, 1], [0, 1, 1], [0, 2, 0], [0, 3, 0xC0]]
seed("gossip", "map", *UP, [6, 0, 0, 0, 1, 1, 3, 5, 1, 8], [6, 1, 1, 0, 1, 1, 2, 5, 0], [6, 0, 8, 0, 1, 2, 1, 0],
     [6, 2, 2, 0, 1, 1, 1, 5], [3, 7], [6, 0, 5, 1, 9, 2, 0], [2, 0], [3, 9], [0, 0, 1], [3, 15])
seed("gossip", "rooms", *UP, [6, 0, 0, 0, 1, 1, 2, 5, 8], [6, 0, 8, 0, 1, 2, 1, 0], [9, 0, 0, 0, 1, 1, 0, 2, 1, 10, 9],
     [9, 0, 8, 0, 1, 2, 0, 1, 4], [11, 3, 0, 1, 2, 3, 7], [5, 2, 1, 9, 3], [3, 9], [2, 0], [3, 8], [5, 131], [11, 3, 0, 0],
     [9, 1, 5, 0, 9, 2, 0, 0], [3, 14])
seed("gossip", "users", *UP, [6, 0, 0, 0, 1, 1, 2, 5, 8], [6, 0, 8, 0, 1, 2, 1, 0], [5, 0], [5, 4], [12, 0, 0, 0, 1, 1, 8, 2, 1, 2],
     [12, 0, 0, 0, 2, 1, 0, 1, 3], [14, 0, 8, 0, 3, 2, 4, 0, 9], [3, 11], [15, 0, 8], [15, 0, 5],
     [12, 0, 8, 0, 3, 2, 16, 2, 1, 2], [12, 0, 8, 0, 3, 2, 18, 1, 3], [14, 1, 5, 1, 7, 2, 0, 0, 4], [2, 0], [3, 16], [5, 5])

# As ws_framing_fuzz.cpp does: frames of a client, masked with zeros, and messages of ours in between.
def masked(first, payload, mask=True):
    data = payload.encode("latin-1") if isinstance(payload, str) else bytes(payload)
    return [first, len(data) + 128, 0, 0, 0, 0, *data] if mask else [first, len(data), *data]


def hears(*frames):
    return [5, *chunk(sum(frames, []))]


PIECES = masked(0x01, "gr\xc3") + masked(0x89, []) + masked(0x80, "\xbc")
seed("ws", "talk", hears(masked(0x81, "gr\xc3\xbc"), masked(0x82, [1, 2, 3])), [0], [1, *chunk([9, 9])], [2], [4],
     hears(masked(0x8A, [7]), masked(0x89, [8])), [4], hears(masked(0x88, [3, 232, 98])), [4], [0], [4])
seed("ws", "pieces", *(hears([byte]) for byte in PIECES), [4], hears(masked(0x02, [1] * 120)), hears(masked(0x00, [2] * 100)),
     hears(masked(0x80, [3] * 100)), [4])
seed("ws", "ended", [0], [3, 9], [0], [4], hears(masked(0x82, [1])), hears(masked(0x88, [11, 193])), [4])
seed("ws", "unmasked", hears(masked(0x81, "x", mask=False)), [4])
(out / "stamp").touch()
