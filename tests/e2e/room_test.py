"""Rooms of several people on one relay: who hears whom, who is listed, and what harms nobody."""

import itertools
import json
import os
import signal
import subprocess
import time
import unittest

from support import QUICK, InternetTest, LabTest, RoomTest  # first: it says where lab is
from internet import lose
from peers import CODECS, RawPeers, media_packet, trunk_entries

SPEECH = {  # who: voice, what is said
    "ada": ("en+m3", "Hello, this is Ada. I am reading this so that you can hear whether every word arrives. "
                     "The quick brown fox jumps over the lazy dog, and then it walks home along the river, slowly."),
    "brian": ("en-us+f3", "Good morning Ada, Brian here. Twenty five ships left the harbour before sunrise "
                          "with timber, salt and oranges on board; seven of them came back in autumn."),
    "carol": ("en-gb+m7", "Carol speaking. Please bring the blue suitcase, two umbrellas and my grandmother's clock. "
                          "Whatever happens tomorrow, nobody touches the bakery or its old iron door."),
}


def is_silent(path):
    """Whether a WAV file of ours holds next to nothing."""
    samples = memoryview(path.read_bytes()[44:]).cast("h")
    return all(abs(s) < 100 for s in samples)


class Rooms(RoomTest):
    def relay(self, **options):
        return self.lab.relay("relay-a", options={**QUICK, **options})

    def speak(self, who):
        path = self.lab.folder / f"{who}_speech.wav"
        voice, text = SPEECH[who]
        subprocess.run(["espeak-ng", "-v", voice, "-s", "150", "-w", str(path), text], check=True)
        return path

    def similarity(self, reference, recording):
        done = self.lab.run("compare", "--json", reference, recording, check=False)
        return json.loads(done.stdout)

    def assert_says(self, reference, recording, same):
        found = self.similarity(reference, recording)
        check = self.assertGreaterEqual if same else self.assertLess
        check(found["similarity"], found["threshold"], f"{reference.name} in {recording}")

    # --- audio

    def test_three_people_each_hear_the_two_others_and_not_themselves(self):
        relay = self.relay()
        members, seconds = {}, 16
        folder = self.lab.folder
        for who in SPEECH:
            self.lab.identity(who)  # made beforehand, so that all join within a moment
            self.speak(who)
        for who in SPEECH:
            members[who] = self.join(who, relay, "--play", folder / f"{who}_speech.wav", "--repeat",
                                     "--record", folder / f"{who}_mix.wav", "--record-each", folder / f"{who}_each",
                                     "--record-sent", folder / f"{who}_sent.wav", "--duration", seconds)
        for who, member in members.items():
            self.heard_from(member, *(m for w, m in members.items() if w != who))
        for member in members.values():
            self.assert_exit(member, 0, seconds + 10)
        for who, member in members.items():
            files = {path.stem: path for path in (folder / f"{who}_each").iterdir()}
            others = {w: m.fingerprint.replace(":", "") for w, m in members.items() if w != who}
            self.assertEqual(set(files), set(others.values()), member.transcript())
            for other, stem in others.items():
                self.assert_says(folder / f"{other}_sent.wav", files[stem], True)
                for somebody in SPEECH:
                    if who == "ada" and somebody != other:  # the measure tells the speakers apart
                        self.assert_says(folder / f"{somebody}_sent.wav", files[stem], False)
            summary = member.find("summary")
            self.assertEqual((summary["speakers"], summary["malformed"], summary["bare_packets"]), (2, 0, 0))
            self.assertGreater(summary["frames_received"], 2 * 10 * 40)
            self.assertLess(summary["frames_lost"], 20)

    def test_one_speaker_among_silent_listeners_is_heard_in_the_mix(self):
        relay = self.relay()
        folder = self.lab.folder
        listeners = [self.join(who, relay, "--record", folder / f"{who}_mix.wav") for who in ("brian", "carol")]
        ada = self.join("ada", relay, "--play", self.speak("ada"), "--record-sent", folder / "sent.wav",
                        "--record", folder / "own.wav", "--duration", "9")
        self.assert_exit(ada, 0, 15)
        self.leave(*listeners)
        for who in ("brian", "carol"):
            self.assert_says(folder / "sent.wav", folder / f"{who}_mix.wav", True)
        self.assertTrue(is_silent(folder / "own.wav"), "our own voice came back")  # [V-37]
        self.assertGreater(ada.find("summary")["frames_sent"], 200)

    def test_rooms_do_not_hear_each_other(self):
        relay = self.relay()
        tea = self.join("ada", relay, "--tone", "440")
        coffee = self.join("brian", relay, "--record", self.lab.folder / "coffee.wav", room="coffee")
        again = self.join("carol", relay, room="TEA")  # case does not matter
        self.heard_from(again, tea)
        self.assertEqual(coffee.wait_event("participants")["count"], 1)
        self.leave(tea, coffee, again)
        self.assertTrue(is_silent(self.lab.folder / "coffee.wav"))

    # --- people

    def test_those_who_come_and_go_are_listed(self):  # [V-42]
        relay = self.relay()
        ada = self.join("ada", relay)
        ada.wait_event("member", fingerprint=ada.fingerprint, is_self=True)
        self.assertIn("could listen", ada.find("not_sealed")["text"])
        brian = self.join("brian", relay)
        joined = ada.wait_event("member_joined", fingerprint=brian.fingerprint)
        self.assertEqual((joined["alias"], joined["is_self"]), ("brian", False))
        self.assertEqual(len(joined["source"]), 12)
        self.assertIsNone(brian.find("member_joined"))
        brian.wait_event("member", fingerprint=ada.fingerprint)
        self.assertEqual(set(self.wait_people(ada, 2)["fingerprints"]), {ada.fingerprint, brian.fingerprint})
        self.leave(brian)
        ada.wait_event("member_left", fingerprint=brian.fingerprint)
        self.wait_people(ada, 1)
        self.assertEqual(brian.find("room_ended")["reason"], "left")
        self.leave(ada)

    def test_a_killed_member_leaves_after_the_idle_timeout(self):
        relay = self.relay()
        ada, brian = self.join("ada", relay), self.join("brian", relay)
        self.wait_people(ada, 2)
        brian.kill()
        ada.wait_event("member_left", 8, fingerprint=brian.fingerprint)
        self.leave(ada)

    def test_list_shows_who_is_there_and_leaves(self):
        relay = self.relay()
        ada, brian = self.join("ada", relay), self.join("brian", relay)
        looker = self.join("carol", relay, "--list", ready=False)
        self.assert_exit(looker, 0)
        listed = {e["fingerprint"] for e in looker.events if e["event"] == "member"}
        self.assertEqual(listed, {ada.fingerprint, brian.fingerprint, looker.fingerprint})
        ada.wait_event("member_left", fingerprint=looker.fingerprint)
        self.leave(ada, brian)

    def test_raw_and_hashed_names_are_one_room(self):  # [V-72]
        for first, second in (([], ["--hashed"]), (["--hashed"], [])):
            with self.subTest(first=first):
                number = len(self.lab.processes)
                relay = self.lab.relay(f"relay-{number}", options=QUICK)
                ada = self.join(f"ada-{number}", relay, "--tone", "440", *first)
                brian = self.join(f"brian-{number}", relay, "--tone", "880", *second)
                self.wait_people(ada, 2)
                self.wait_people(brian, 2)
                self.heard_from(ada, brian)
                self.heard_from(brian, ada)
                self.leave(ada, brian)

    # --- bounds and harm

    def test_a_full_room_admits_nobody_until_somebody_leaves(self):  # [V-32]
        relay = self.relay(max_room_participants=2)
        ada, brian = self.join("ada", relay), self.join("brian", relay)
        late = self.join("carol", relay, ready=False)
        self.assert_exit(late, 5)
        self.assertEqual(late.find("room_ended")["reason"], "not_admitted")
        self.assertIsNone(late.find("room_joined"))
        self.assertIsNone(late.find("reconnecting"))
        self.leave(brian)
        self.wait_people(ada, 1)
        self.leave(self.join("carol-2", relay), ada)

    def test_ten_who_join_at_once_get_as_many_seats_as_there_are(self):  # [V-32]
        relay = self.relay(max_room_participants=4)
        for number in range(10):
            self.lab.identity(f"member-{number}")
        members = [self.join(f"member-{n}", relay, ready=False) for n in range(10)]
        for member in members:
            member.wait_until(lambda m: m.find("room_joined") or m.find("room_ended"), 15, "outcome")
        inside = [m for m in members if m.find("room_joined")]
        self.assertEqual(len(inside), 4)
        self.wait_people(inside[0], 4)
        self.leave(*inside)

    def test_a_stopped_member_harms_nobody(self):  # [V-22]
        relay = self.relay(idle_timeout_s=30)
        ada = self.join("ada", relay, "--tone", "440", "--record", self.lab.folder / "ada.wav")
        stopped = self.join("stopped", relay)
        brian = self.join("brian", relay, "--tone", "880")
        self.wait_people(ada, 3)
        stopped.send_signal(signal.SIGSTOP)
        self.addCleanup(stopped.send_signal, signal.SIGCONT)
        for number in range(60):  # joins and leaves that the stopped one is told of, and never reads
            looker = self.join(f"looker-{number}", relay, "--list", ready=False, identity="looker")
            self.assert_exit(looker, 0)
        carol = self.join("carol", relay, "--duration", "3")
        self.heard_from(carol, ada, brian)
        ada.wait_event("member_joined", fingerprint=carol.fingerprint)
        self.assert_exit(carol, 0)
        summary = carol.find("summary")
        self.assertGreater(summary["frames_received"], 2 * 50 * 2)
        self.assertLess(summary["frames_lost"], 15)
        stopped.send_signal(signal.SIGCONT)
        self.leave(ada, brian)

    def test_a_member_comes_back_after_its_relay_did(self):
        relay = self.relay()
        ada = self.join("ada", relay, "--tone", "440")
        brian = self.join("brian", relay, "--tone", "880")
        self.heard_from(ada, brian)
        relay.kill()
        ada.wait_event("reconnecting", 10)
        self.lab.restart(relay)
        ada.wait_event("room_joined", 20, again=True)
        brian.wait_event("room_joined", 20, again=True)
        self.wait_people(ada, 2)
        self.leave(ada, brian)

    def test_no_relay_is_a_clear_end(self):
        relay = self.relay()
        relay.stop()
        ada = self.join("ada", relay, ready=False)
        self.assert_exit(ada, 3, 10)
        self.assertEqual(ada.find("room_ended")["reason"], "not_connected")


class Advice(RawPeers, RoomTest):
    """Who has a bad path makes everybody send less. Ada and Brian are clients; one that complains is driven by hand, and so is a watcher, who
    reads trunk frames, for those tell who sent what."""

    GOOD, BAD = bytes([8, 0, 0, 200]), bytes([51, 0, 0, 200])  # reports: 3 % and 20 % lost
    BETTER = ("Opus32k", "Opus48k", "Opus64k")

    def setUp(self):
        super().setUp()
        self.relay = self.lab.relay("relay-a", options=QUICK)
        self.clients = [self.join("ada", self.relay, "--tone", "440"), self.join("brian", self.relay, "--tone", "880")]
        self.watcher = self.raw_member("watcher", "tea", "--cap", "trunk")
        self.complainer = self.raw_member("complainer", "tea")
        self.packets = itertools.count()
        people = self.messages(self.watcher, "RoomUpdate")[-1]["participants"]
        self.sources = [next(p["source"] for p in people if p["fingerprint"] == client.fingerprint) for client in self.clients]

    def codecs_of(self, source):
        """The codecs that it has sent in one after the other."""
        packets = [packet for frame in self.datagrams(self.watcher) for whose, packet in trunk_entries(frame) if whose == source]
        return [codec for codec, _ in itertools.groupby(CODECS[packet[0] >> 2 & 15] for packet in packets)]

    def both_send(self, *codecs):
        return all(self.codecs_of(source)[-1:] in [[codec] for codec in codecs] for source in self.sources)

    def report(self, report, codec, timeout=8):
        """Packets with this report, one every tenth of a second, until both clients send in that codec."""
        deadline = time.monotonic() + timeout
        while not self.both_send(codec):
            self.assertLess(time.monotonic(), deadline, [self.codecs_of(source) for source in self.sources])
            self.write(self.complainer, "@datagram " + media_packet(next(self.packets), report=report).hex())
            time.sleep(0.1)

    def directives(self, client):
        return [(e["codec"], e["text"]) for e in client.events if e["event"] == "quality_directive"]

    def test_everybody_obeys_while_somebody_has_a_bad_path(self):  # [H-25]
        self.report(self.GOOD, "Opus24k")
        self.report(self.BAD, "Opus6k")
        late = self.join("late", self.relay)
        self.assertEqual(late.wait_event("quality_directive", 2)["codec"], "Opus6k")
        self.report(self.GOOD, "Opus24k")
        for client, source in zip(self.clients, self.sources):
            self.assertEqual(self.directives(client), [("Opus6k", "weakest link: Catastrophic"), ("Opus6k", "weakest link: Degraded"),
                                                       ("Opus24k", "weakest link: Good")])
            self.assertEqual(self.codecs_of(source), ["Opus24k", "Opus6k", "Opus24k"])
        self.leave(late, *self.clients)

    def test_who_reports_no_more_holds_nobody_back(self):  # [V-47]
        self.report(self.BAD, "Opus6k")
        began = time.monotonic()
        self.watcher.wait_until(lambda _: not self.both_send("Opus6k"), 13, "better codec")
        self.assertGreater(time.monotonic() - began, 9)  # a report holds for 10 s
        # By now the clients have reported for so long that all is well, that there may be more than at first.
        self.watcher.wait_until(lambda _: self.both_send(*self.BETTER), 10, "codec better than the first")
        self.leave(*self.clients)

    def test_who_leaves_holds_nobody_back(self):  # [V-48]
        self.report(self.BAD, "Opus6k")
        self.complainer.kill()
        self.watcher.wait_until(lambda _: self.both_send("Opus24k", *self.BETTER), 7, "better codec")  # 3 s until it is missed
        self.leave(*self.clients)


class LossyPath(InternetTest, RoomTest):
    def test_a_member_whose_packets_are_lost_makes_everybody_send_less(self):  # [H-25]
        relay, far = self.lab.relay("relay-a", options=QUICK), self.lab.place("far")
        lose(relay, far, 20)
        members = [self.join("ada", relay, "--tone", "440", prefix=far.prefix), self.join("brian", relay, "--tone", "880")]
        for member in members:
            member.wait_event("quality_directive", 15, codec="Opus6k")  # which both the tiers ask for that such loss may show
        self.heard_from(*members)
        self.heard_from(*reversed(members))
        self.leave(*members)


class Usage(LabTest):
    def test_names_that_are_none_are_refused(self):
        for name, said in (("two words", "two words"), ("_signal", "_signal"), ("ping", "ping"), ("call-1", "call-1"),
                           ("127.0.0.1", "127.0.0.1"), ("12", "12")):
            with self.subTest(name):
                done = subprocess.run([self.lab.client_binary, "room", name], capture_output=True, text=True, timeout=20,
                                      stdin=subprocess.DEVNULL, env={**os.environ, "HOME": str(self.lab.folder)})
                self.assertEqual(done.returncode, 2, done)
                self.assertIn(said, done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1, done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
