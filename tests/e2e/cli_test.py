"""The programs as somebody meets them: help, mistakes, files, and the protocol inspector."""

import json
import os
import stat
import subprocess
import unittest
from pathlib import Path

from support import QUICK, LabTest

VECTORS = Path(__file__).resolve().parents[1] / "golden/vectors"


def vectors(name):
    with open(VECTORS / name, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


class Usage(LabTest):
    def test_mistakes_end_with_2_and_one_line_that_names_them(self):
        bad_config = self.lab.folder / "bad.toml"
        relay, client = self.lab.relay_binary, self.lab.client_binary
        for command, named in [
            ([client], "subcommand"), ([client, "dance"], "dance"), ([client, "call"], "fingerprint"),
            ([client, "call", "xyz"], "xyz"), ([client, "listen"], "--accept"),
            ([client, "listen", "--accept", "maybe"], "maybe"), ([client, "inspect", "soup"], "soup"),
            ([client, "call", "0" * 32, "--identity", "/nonexistent/id"], "/nonexistent/id"),
            ([client, "listen", "--accept", "reject", "--play", "/nonexistent.wav"], "/nonexistent.wav"),
            ([client, "ping", "host:port:more"], "host:port:more"),
            ([relay, "--frobnicate"], "--frobnicate"), ([relay, "--listen", "nowhere"], "nowhere"),
            ([relay, "--identity", "/nonexistent/id"], "/nonexistent/id"),
        ]:
            with self.subTest(command=command):
                self.expect_usage_error(command, named)
        for text, named in [
            ("lisen_addr = 1", "lisen_addr"), ("listen_addr = 5", "listen_addr"), ("[[peers]]\nurl = 'a:1'", "fingerprint"),
            ("[[trusted]]\nfingerprint = 'zz'", "fingerprint"), ("max_connections = -1", "max_connections"), ("a = = 1", "bad.toml:1"),
        ]:
            with self.subTest(config=text):
                bad_config.write_text(text + "\n")
                self.expect_usage_error([relay, "--config", bad_config], named)

    def expect_usage_error(self, command, named):
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL,
                              env={**os.environ, "HOME": str(self.lab.folder)})
        self.assertEqual(done.returncode, 2, done)
        self.assertIn(named, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def test_help_and_version_go_to_standard_output(self):
        for binary in (self.lab.relay_binary, self.lab.client_binary):
            for flag in ("--help", "--version"):
                done = subprocess.run([binary, flag], capture_output=True, text=True, timeout=20)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertIn(binary.name, done.stdout)

    def test_a_port_in_use_is_named(self):
        for workers in (1, 2):  # several share a port among themselves, and with nobody else
            with self.subTest(workers=workers):
                first = self.lab.relay(f"relay-{workers}", options={**QUICK, "workers": workers})
                done = subprocess.run([*first.prefix, self.lab.relay_binary, "--listen", first.address, "--identity", self.lab.identity("relay-b")],
                                      capture_output=True, text=True, timeout=20)
                self.assertEqual(done.returncode, 2)
                self.assertIn(first.address, done.stderr)

    def test_relay_ends_cleanly_on_sigterm(self):
        relay = self.lab.relay("relay-a", options=QUICK)
        client = self.listen("callee", relay)
        self.assertEqual(relay.stop(), 0)
        client.wait_event("reconnecting")


class Identity(LabTest):
    def test_words_restore_an_identity(self):
        words = self.lab.run("identity", "export", "--identity", self.lab.identity("me")).stdout
        self.assertEqual(len(words.split()), 24)
        copy = self.lab.folder / "copy.id"
        self.lab.run("identity", "import", words, "--identity", copy)
        self.assertEqual(copy.read_text(), self.lab.identity("me").read_text())

    def test_files_are_private_and_never_overwritten(self):  # [V-66] [D-10]
        path = self.lab.identity("me")
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        before = path.read_text()
        for command in (["create"], ["import", " ".join(["abandon"] * 23 + ["art"])]):
            done = self.lab.run("identity", *command, "--identity", path, check=False)
            self.assertEqual(done.returncode, 2)
        self.assertEqual(path.read_text(), before)

    def test_a_corrupt_file_is_an_error_and_stays(self):  # [V-66]
        path = self.lab.folder / "corrupt.id"
        path.write_text("not hex\n")
        done = self.lab.run("identity", "show", "--identity", path, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("corrupt.id", done.stderr)
        self.assertEqual(path.read_text(), "not hex\n")

    def test_a_wrong_word_is_named(self):
        done = self.lab.run("identity", "import", " ".join(["abandon"] * 23 + ["zebraa"]), "--identity", self.lab.folder / "x.id", check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("zebraa", done.stderr)


class Inspector(LabTest):
    def answers(self, kind, lines):
        done = self.lab.run("inspect", kind, text_in="".join(line + "\n" for line in lines))
        out = done.stdout.split("\n")[:-1]
        self.assertEqual(len(out), len(lines))
        return out

    def test_signals_come_back_canonical(self):
        lines = [v for v in vectors("signals.jsonl") if not v.get("not_a_signal")]
        self.assertEqual(self.answers("signal", [v["json"] for v in lines]), [v["json"] for v in lines])
        as_hex = self.answers("signal", ["hex:" + v["json"].encode().hex() for v in lines])
        self.assertEqual(as_hex, [v["json"] for v in lines])

    def test_media_items_have_the_fields_of_the_vectors(self):
        kinds = {"MediaHeader": "header", "MediaPacket": "packet", "QualityReport": "report", "FederationDatagram": "federation"}
        for vector_kind, kind in kinds.items():
            lines = [v for v in vectors("media.jsonl") if v["kind"] == vector_kind]
            self.assertTrue(lines, vector_kind)
            for vector, answer in zip(lines, self.answers(kind, [v["hex"] for v in lines])):
                with self.subTest(vector["name"]):
                    expected = {key: value for key, value in vector["fields"].items() if key != "room"}
                    self.assertEqual(json.loads(answer), expected)

    def test_identities(self):
        lines = [v for v in vectors("crypto.jsonl") if v["kind"] == "identity"]
        for vector, answer in zip(lines, self.answers("identity", [v["seed"] for v in lines])):
            found = json.loads(answer)
            for key in ("ed25519_pub", "fingerprint", "mnemonic"):
                self.assertEqual(found[key], vector[key], vector["name"])
            self.assertEqual(set(found), {"ed25519_pub", "fingerprint", "mnemonic", "tls_cert_der", "tls_fingerprint"})

    def test_names(self):
        lines = [v for v in vectors("sni.jsonl") if "\n" not in v["input"] and "\r" not in v["input"]]
        for vector, answer in zip(lines, self.answers("sni", [v["input"] for v in lines])):
            found = json.loads(answer)
            self.assertEqual((found["class"], found["room_seen_by_relay"]), (vector["class"], vector["room_seen_by_relay"]), vector["name"])

    def test_a_bad_item_stops_nothing(self):
        good = "000000000000000000000000"
        for kind in ("signal", "header", "packet", "report", "mini", "trunk", "federation", "identity", "sni"):
            out = self.answers(kind, ["", "zz zz", "{}", "..", ""])
            self.assertTrue(all(line.startswith(("error: ", "{")) for line in out), out)
        self.assertEqual(self.answers("federation", [""]), ["error: empty"])
        self.assertTrue(self.answers("header", ["xx", good])[1].startswith("{"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
