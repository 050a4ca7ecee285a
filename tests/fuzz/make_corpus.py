"""make_corpus.py VECTORS OUT: every golden vector as a file of its own, the form that fuzzers want."""

import json
import sys
from pathlib import Path

vectors, out = Path(sys.argv[1]), Path(sys.argv[2])
texts, binaries, words = out / "json", out / "bytes", out / "words"
names, frames = out / "names", out / "frames"
for folder in (texts, binaries, words, names, frames):
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
(out / "stamp").touch()
