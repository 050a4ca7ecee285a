"""Members of rooms who come by WebSocket: they are members like all others, on one relay and over links."""

import os
import signal
import socket
import subprocess
import threading
import time
import unittest

from mesh import LOUD, RoomMeshTest  # first: through support it says where lab is
from support import QUICK, RoomTest
from web import BINARY, TEXT, WebPeople, WebSocket, connect, frame, packets_in, status_of

WEB = {**QUICK, "ws_port": 0}
PACKET = bytes([0, 0, 0, 1, 0, 0, 0, 20, 0, 0, 0, 0]) + b"not opus, but who looks"


class WebTest(WebPeople, RoomTest):
    def relay(self, **options):
        return self.lab.relay("relay-a", options={**WEB, **options})

    def assert_ended(self, socket, code, reason, timeout=10):
        found = socket.wait_ended(timeout)
        self.assertEqual(found[0], code, found)
        self.assertIn(reason, found[1])


class Members(WebTest):
    def test_both_kinds_of_members_hear_each_other_and_are_in_each_others_lists(self):  # [V-49] [V-50]
        relay, heard = self.relay(), self.lab.folder / "ada.pcm"
        ada = self.join("ada", relay, "--tone", "440", "--record", heard)
        web = self.web("web", relay)
        self.wait_listed(ada, ada, web)
        self.assertEqual(ada.wait_event("member_joined", fingerprint=web.fingerprint)["alias"], "web")
        web.wait_listed(ada, web)
        self.assertEqual(web.listed()[ada.fingerprint], "ada")
        for packet in web.wait_packets(50):  # a second of bare packets, in order
            self.assertNotEqual(packet[0], 0xFD)
        numbers = [int.from_bytes(packet[2:4], "big") for packet in web.binaries]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))
        self.assertEqual(set(heard.read_bytes()), {0}, "nobody has spoken to Ada yet")
        web.echo()
        self.heard_from(ada, web)
        ada.wait_until(lambda _: RoomMeshTest.has_tone(RoomMeshTest.newest(heard), 440), 10, "her own tone, from the web member")
        web.on_binary = None
        self.leave(ada)
        web.wait_listed(web)
        summary = ada.find("summary")
        self.assertEqual((summary["speakers"], summary["malformed"], summary["bare_packets"]), (1, 0, 0))
        web.leave()

    def test_web_members_hear_each_other_byte_for_byte(self):
        relay = self.relay()
        left, right, elsewhere = self.web("left", relay), self.web("right", relay), self.web("else", relay, room="coffee")
        left.wait_listed(left, right)
        packets = [PACKET[:2] + number.to_bytes(2, "big") + PACKET[4:] for number in range(20)]
        for packet in packets:
            left.send_binary(packet)
        left.send_binary(b"no media packet")
        right.wait_until(lambda: len(right.binaries) >= 20, 10, "20 packets")
        right.send_binary(PACKET)
        left.wait_until(lambda: left.binaries, 10, "a packet")
        self.assertEqual((right.binaries, left.binaries, elsewhere.binaries), (packets, [PACKET], []))

    def test_a_member_that_reads_trunk_frames_learns_who_speaks_also_from_other_workers(self):
        relay = self.relay(workers=3)
        web = self.web("web", relay, "--cap", "trunk")
        members = [self.join(f"m{number}", relay, "--tone", str(300 + 50 * number)) for number in range(6)]
        web.wait_listed(web, *members)
        speakers = lambda: {source for packet in list(web.binaries) for source, _ in packets_in(packet)}
        web.wait_until(lambda: len(speakers()) == 6, 10, "six speakers")
        sources = {p["fingerprint"]: p["source"] for p in web.texts[-1]["RoomUpdate"]["participants"]}
        self.assertEqual(speakers(), {sources[member.fingerprint] for member in members})
        first = sources[members[0].fingerprint]
        web.on_binary = lambda trunk: [web.send_binary(packet) for source, packet in packets_in(trunk) if source == first]
        for member in members:  # whichever worker it is on
            self.heard_from(member, web)
        self.leave(*members)

    def test_those_who_leave_are_gone_from_the_lists_at_once_however_they_go(self):
        relay = self.relay(idle_timeout_s=30)
        ada = self.join("ada", relay, patience=30)
        stays = self.web("stays", relay)
        for number, go in enumerate((lambda m: m.leave(), lambda m: m.cut(), lambda m: m.send_text('{"Hangup":{"reason":"Normal"}}'))):
            with self.subTest(number):
                goes = self.web(f"goes-{number}", relay)
                self.wait_listed(ada, ada, stays, goes)
                stays.wait_listed(ada, stays, goes)
                go(goes)
                self.wait_listed(ada, ada, stays, timeout=3)
                stays.wait_listed(ada, stays, timeout=3)
        ada.kill()
        relay.send_signal(signal.SIGTERM)
        self.assert_ended(stays, 4024, "shutting down")
        self.assertEqual(relay.wait(5), 0)

    def test_seats_are_as_many_as_for_everybody(self):  # [V-32]
        relay = self.relay(max_room_participants=2)
        ada, web = self.join("ada", relay), self.web("web", relay)
        late = self.visit("late", relay)
        late.send_text(late.offer())
        self.assert_ended(late, 4025, "not admitted: room full")
        web.leave()
        self.wait_listed(ada, ada)
        self.web("late", relay).wait_listed(ada, late)
        self.leave(ada)

    def test_signals_get_their_answers(self):
        web = self.web("web", self.relay())
        web.send_text('{"Ping":{"timestamp_ms":7}}')
        self.assertEqual(web.wait_text("Pong"), {"timestamp_ms": 7})
        for bad in ("", "{", '{"type":"auth","token":"x"}', '{"NobodyKnows":{}}'):
            web.send_text(bad)
        web.send_text('{"Ping":{"timestamp_ms":8}}')
        web.wait_until(lambda: web.texts[-1] == {"Pong": {"timestamp_ms": 8}}, 10, "pong")


class Admission(WebTest):
    def refuse(self, member, offer, reason):
        member.send_text(offer)
        self.assert_ended(member, 4025, f"not admitted: {reason}")
        self.assertFalse(any("CallAnswer" in text for text in member.texts))

    def test_no_offer_no_seat(self):  # [V-26]
        relay = self.relay()
        ada = self.join("ada", relay, "--tone", "440")
        silent, rude = self.visit("silent", relay), self.visit("rude", relay)
        for _ in range(20):
            silent.send_binary(PACKET)
        rude.send_text('{"Ping":{"timestamp_ms":7}}')
        self.assert_ended(rude, 4023, "CallOffer comes first")
        self.assert_ended(silent, 4021, "timeout", 15)
        self.assertEqual((silent.binaries, silent.listed()), ([], {}))
        self.assertEqual(self.wait_people(ada, 1)["fingerprints"], [ada.fingerprint])
        self.leave(ada)
        self.assertEqual(ada.find("summary")["speakers"], 0)

    def test_a_binding_to_another_connection_is_refused(self):  # [V-26] [V-15]
        relay = self.relay()
        first, second = self.visit("eve", relay), self.visit("eve", relay)
        self.assertNotEqual(first.hello["challenge"], second.hello["challenge"])
        self.assertEqual(first.hello, {"type": "auth_ok", "relay": relay.fingerprint, "challenge": first.hello["challenge"]})
        self.refuse(first, first.offer(challenge=second.hello["challenge"]), "bad binding")
        self.refuse(second, second.offer(relay="ab" * 32), "bad binding")
        third = self.visit("eve", relay)
        self.refuse(third, third.offer(room="elsewhere"), "bad binding")
        forged = self.visit("eve", relay)
        self.refuse(forged, forged.offer().replace('"signature":[', '"signature":[1,'), "bad signature")

    def test_the_room_of_a_call_is_for_its_parties_alone(self):  # [V-26]
        relay = self.relay()
        callee = self.listen("callee", relay, "--tone", "440")
        caller = self.call("caller", callee, relay, "--relay-only", "--tone", "660")
        self.wait_talking(caller, callee)
        room = "call-" + caller.wait_event("answered")["call_id"]
        join = lambda who, at=room: self.visit(who, relay, at)
        stranger = join("stranger")
        self.refuse(stranger, stranger.offer(), "not a party of this call")
        unbound = join("caller")
        self.refuse(unbound, unbound.offer("--unbound"), "no binding")
        nowhere = join("caller", "call-" + "12" * 16)
        self.refuse(nowhere, nowhere.offer(), "no such call")
        self.assertIsNone(caller.find("ended"))
        self.assertEqual(stranger.binaries + unbound.binaries, [])
        party = join("caller").join()  # takes the seat over, as from any other connection; then the caller gives up
        parties = {caller.fingerprint, callee.fingerprint}
        party.wait_until(lambda: any({p["fingerprint"] for p in t["RoomUpdate"]["participants"]} == parties
                                     for t in party.texts if "RoomUpdate" in t), 10, "list of both parties")
        self.assert_ended(party, 1000, "call ended")

    def test_a_room_for_members_is_for_members(self):  # [V-26]
        relay = self.relay()
        club = f'[[rooms]]\nname = "club"\nmembers = ["{self.lab.fingerprint("member")}"]\n'
        relay.config.write_text(relay.config.read_text() + club)
        relay.send_signal(signal.SIGHUP)
        relay.wait_for_line("lists of the configuration were read again")
        guest, unbound = self.visit("guest", relay, "club"), self.visit("member", relay, "CLUB")
        self.refuse(guest, guest.offer(), "not a member of this room")
        self.refuse(unbound, unbound.offer("--unbound"), "no binding")
        member = self.web("member", relay, room="club")
        member.wait_listed(member)

    def test_only_rooms_are_at_this_port(self):  # [V-49]
        relay = self.relay()
        for status, path in ((404, "/"), (404, "/ws"), (404, "/ws2/tea"), (404, "/metrics"), (400, "/ws/"), (400, "/ws/_signal"),
                             (400, "/ws/_FEDERATION"), (400, "/ws/_probe"), (400, "/ws/ping"), (400, "/ws/version."), (400, "/ws/a/b"),
                             (400, "/ws/t%65a"), (400, "/ws/127.0.0.1"), (400, "/ws/-"), (101, "/ws/tea"), (101, "/ws/tea?from=here")):
            with self.subTest(path):
                self.assertEqual(status_of(relay, path), status)
        self.assertEqual(status_of(relay, "/ws/tea", upgrade=False), 426)


class Hostile(WebTest):
    def test_large_frames_and_floods_cost_their_connection_alone(self):  # [V-30]
        relay = self.relay()
        ada, brian = self.join("ada", relay, "--tone", "440"), self.join("brian", relay, "--tone", "880")
        witness = self.web("witness", relay)
        self.heard_from(ada, brian)
        for opcode, size in ((BINARY, 8 * 1024 + 1), (TEXT, 8 * 1024 + 1), (BINARY, 20_000_000)):
            with self.subTest(size=size, opcode=opcode):
                large = self.web("large", relay)
                try:
                    large.send_raw(frame(opcode, bytes(size)))
                except OSError:
                    pass  # cut while it was still sending
                self.assertIn(large.wait_ended()[0], (1009, None) if size > 1_000_000 else (1009,))
        flood = self.web("flood", relay)
        try:
            for _ in range(200):
                flood.send_raw(frame(BINARY, PACKET) * 100)
        except OSError:
            pass
        self.assertIn(flood.wait_ended()[0], (1008, None))  # a reset may overtake the reason
        self.wait_listed(ada, ada, brian, witness)
        witness.wait_packets(100)
        self.assertLess(sum(packet == PACKET for packet in witness.binaries), 250)  # a second's worth, of 20,000
        self.assertIsNone(witness.ended)
        self.leave(ada, brian)
        for member in (ada, brian):
            self.assertLess(member.find("summary")["frames_lost"], 15, member.transcript())

    def test_a_member_that_reads_nothing_holds_nobody_up(self):  # [V-22]
        relay = self.relay()
        ada, witness, stuck = self.join("ada", relay, "--tone", "440"), self.web("witness", relay), self.web("stuck", relay)
        self.wait_listed(ada, ada, witness, stuck)
        goes_on = threading.Event()
        self.addCleanup(goes_on.set)
        stuck.on_binary = lambda _: goes_on.wait(60)  # nothing is read from the next packet on
        witness.wait_packets(50)
        for number in range(20):
            looker = self.web(f"looker-{number % 2}", relay)
            witness.wait_listed(ada, witness, stuck, looker, timeout=2)
            looker.leave()
        started = time.monotonic()
        witness.wait_packets(100)
        self.assertLess(time.monotonic() - started, 3)
        self.assertIsNone(witness.ended)
        goes_on.set()
        stuck.wait_listed(ada, witness, stuck)
        self.leave(ada)

    def test_half_a_request_does_not_stay(self):
        relay = self.relay()
        started = time.monotonic()
        half = [connect(relay, 10) for _ in range(20)]
        for connection in half:
            self.addCleanup(connection.close)
            connection.sendall(b"GET /ws/tea HTTP/1.1\r\n")
        web = self.web("web", relay)
        for connection in half:
            self.assertEqual(connection.recv(1), b"")
        self.assertGreater(time.monotonic() - started, 4)
        self.assertLess(time.monotonic() - started, 9)
        self.assertIsNone(web.ended)


class Links(WebPeople, RoomMeshTest):
    def test_web_members_and_others_are_one_room_over_a_link(self):  # [V-46] [V-49]
        a, b = self.start_mesh("AB", ["AB"], rooms=["tea"], ws_port=0)
        bob = self.join("bob", b, "--tone", "440", "--record", self.recording("bob"))
        here, there = self.web("here", a), self.web("there", b)
        for member in (here, there):
            member.wait_listed(here, there, bob)
        self.wait_listed(bob, bob, here, there)
        # B's voice reaches A's web member ...
        here.wait_packets(50)
        there.wait_packets(50)
        self.assertLess(self.loudness(self.recording("bob")), LOUD)
        # ... and what that one says is heard on B: as a tone, by Bob; as the same packets, by the web member there.
        self.assertEqual(sum(there.binaries.count(packet) > 1 for packet in set(there.binaries)), 0)
        here.echo()
        self.heard_from(bob, here)
        self.wait_tones("bob", {440}, (440, 880))
        there.wait_until(lambda: sum(there.binaries.count(packet) == 2 for packet in set(there.binaries[-200:])) > 20, 10,
                         "packets of Bob and of the echo")
        here.cut()
        self.wait_listed(bob, bob, there, timeout=5)
        there.wait_listed(bob, there, timeout=5)
        self.leave(bob)
        there.wait_listed(there)


class Settings(WebTest):
    """About the command line alone, hence on loopback."""

    def start(self, *lines):
        config = self.lab.folder / "relay.toml"
        config.write_text("\n".join((f'identity = "{self.lab.identity("relay")}"', 'listen_addr = "127.0.0.1:0"', *lines)))
        return subprocess.run([self.lab.relay_binary, "--config", config], capture_output=True, text=True, timeout=20,
                              stdin=subprocess.DEVNULL, env={**os.environ, "HOME": str(self.lab.folder)})

    def test_without_the_key_nothing_listens(self):
        relay = self.lab.relay("relay-a", options=QUICK)
        self.assertFalse([line for line in relay.out if "websocket" in line])

    def test_a_port_that_is_taken_ends_the_start(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            done = self.start(f"ws_port = {port}")
        self.assertEqual(done.returncode, 2, done)
        self.assertIn(f"127.0.0.1:{port}: Address already in use", done.stderr)

    def test_values_that_make_no_sense_are_named(self):
        for line, said in (("ws_port = 65536", "ws_port: must be a whole number from 0 to 65535"),
                           ('ws_port = "80"', "ws_port: must be a whole number"),
                           ('ws_bind = "localhost"', "ws_bind: must be a numeric address without a port")):
            with self.subTest(line):
                done = self.start(line)
                self.assertEqual(done.returncode, 2, done)
                self.assertIn(said, done.stderr)

    def test_the_flag_wins_over_the_file(self):
        config = self.lab.folder / "flag.toml"
        config.write_text(f'identity = "{self.lab.identity("flag")}"\nlisten_addr = "127.0.0.1:0"\nws_port = 1\n')
        relay = self.lab.process("relay", [self.lab.relay_binary, "--config", config, "--ws-port", "0"])
        visitor = WebSocket(relay, "/ws/tea")
        self.addCleanup(visitor.dispose)
        visitor.wait_until(lambda: visitor.texts, 5, "hello")


if __name__ == "__main__":
    unittest.main(verbosity=2)
