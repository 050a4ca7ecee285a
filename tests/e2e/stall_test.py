"""Those who stop reading - a relay, a client - and everybody else, whom it must not concern."""

import signal
import statistics
import time
import unittest

from mesh import RoomMeshTest
from peers import RawPeers, media_packet

TRIANGLE = ["AB", "AC", "BC"]
# Milliseconds from dialling to ringing, and for a packet of media, which take 1 or 2 and a few: bounds for one call, which a busy machine keeps and
# which is below every time-out that a wait for the stalled one could end by, and for most, which is that of [H-24].
PROMPT, DELAY = 2000, 50


class Stalls(RawPeers, RoomMeshTest):
    def stall(self, process):
        process.send_signal(signal.SIGSTOP)
        self.addCleanup(process.send_signal, signal.SIGCONT)
        return time.monotonic()

    def assert_prompt_call(self, name, callee, relay):
        """A call that rings, is answered and heard as if nothing were. The milliseconds until it rang."""
        caller = self.call(name, callee, relay, "--relay-only")
        self.wait_talking(caller)
        calling, ringing, answered = (caller.find(event)["time_ms"] for event in ("calling", "ringing", "answered"))
        self.assertLess(ringing - calling, PROMPT, caller.transcript())
        self.assertLess(answered - calling, PROMPT, caller.transcript())
        self.assertLess(caller.find("first_audio_heard")["since_setup_ms"], PROMPT, caller.transcript())
        self.hang_up(caller, callee)
        self.assert_exit(caller, 0)
        return ringing - calling

    def assert_undisturbed(self, *members, lost=15):
        for member in members:
            self.assertLess(member.find("summary")["frames_lost"], lost, member.transcript())

    def talk_while_stalled(self, callee, room, seconds):
        """Calls and news for everybody, again and again: the stalled relay is told of all of it, and reads nothing."""
        began, delays = time.monotonic(), []
        while time.monotonic() - began < seconds:
            delays.append(self.assert_prompt_call(f"caller-{len(delays)}", callee, self.mesh["A"]))
            guest = self.join(f"guest-{len(delays)}", self.mesh["A"], identity="guest")
            since = guest.wait_event("room_joined")["time_ms"]
            for member in room:
                news = member.wait_until(lambda m: [e for e in m.events if e["event"] == "member_joined" and e["time_ms"] > since - 50
                                                    and e["fingerprint"] == guest.fingerprint], 5, "news of the guest")[-1]
                self.assertLess(news["time_ms"] - since, 1000, member.transcript())
            self.heard_from(guest, *room)
            self.leave(guest)
        return delays

    def datagram_delays(self, room):
        """Milliseconds that packets of a member at A take to one at C, each sent when the one before has come."""
        self.relay = self.mesh["A"]
        speaker = self.raw_member("speaker", "tea")
        self.relay = self.mesh["C"]
        hearer = self.raw_member("hearer", "tea")
        hearer.wait_until(lambda h: self.messages(h, "RoomUpdate")[-1]["count"] == len(room) + 2, 10, "list of all")
        delays = []
        for number in range(100):
            packet = media_packet(number, b"tick" + bytes([number])).hex()
            sent = time.monotonic()
            self.write(speaker, f"@datagram {packet}")
            hearer.wait_for_line(f"^@datagram {packet}$", 5, "out")
            delays.append(1000 * (time.monotonic() - sent))
        for peer in (speaker, hearer):
            self.say(peer, "Hangup", reason="Normal")
            peer.wait_for_line("^@closed", 5, "out")
        for member in room:
            self.wait_listed(member, *room)
        return delays

    def triangle(self, **options):
        a, _, c = self.start_mesh("ABC", TRIANGLE, rooms=["tea"], **options)
        caller, callee = self.hold("A", "C")
        room = [self.join("ada", a, "--tone", "310", "--record", self.recording("ada")),
                self.join("cleo", c, "--tone", "470", "--record", self.recording("cleo"))]
        for member in room:
            self.wait_listed(member, *room)
        self.heard_from(*room)
        self.heard_from(*reversed(room))
        return caller, callee, room, self.listen("free", c)

    def test_a_relay_that_reads_nothing_delays_neither_calls_nor_rooms_of_the_others(self):  # [H-24] [V-21]
        caller, callee, room, free = self.triangle(idle_timeout_s=30)  # so that the others hold on to the stalled one for long
        self.stall(self.mesh["B"])
        delays = self.talk_while_stalled(free, room, 12)
        self.assertGreater(len(delays), 5)
        self.assertLess(statistics.median(delays), DELAY, delays)
        datagrams = self.datagram_delays(room)
        self.assertLess(statistics.median(datagrams), DELAY, datagrams)
        for name in ("caller", "callee", "ada", "cleo"):
            self.wait_loudness(name, True, 1)
        self.mesh["B"].send_signal(signal.SIGCONT)
        self.wait_links(TRIANGLE)
        late = self.join("late", self.mesh["B"])  # it serves again, and knows of the others
        self.wait_listed(late, *room, late)
        self.heard_from(late, *room)
        self.hang_up(caller, callee)
        self.leave(late, *room)
        self.assert_undisturbed(callee, *room)

    def test_a_relay_with_members_that_reads_nothing_is_left_out_and_comes_back(self):  # [H-24] [V-40]
        caller, callee, room, free = self.triangle()
        bert = self.join("bert", self.mesh["B"], "--tone", "610", "--record", self.recording("bert"), patience=30)
        for member in (*room, bert):
            self.wait_listed(member, *room, bert)
        self.stall(self.mesh["B"])
        self.assert_prompt_call("meanwhile", free, self.mesh["A"])
        for member, heard in zip(room, (470, 310)):
            self.wait_listed(member, *room, timeout=8)  # no ghost ...
            self.wait_tones(member.name, {heard}, (310, 470, 610), 2)  # ... and no silence among those who are left
        self.assert_prompt_call("afterwards", free, self.mesh["A"])
        self.mesh["B"].send_signal(signal.SIGCONT)
        self.wait_links(TRIANGLE)
        for member, heard in zip((*room, bert), ({470, 610}, {310, 610}, {310, 470})):
            self.wait_listed(member, *room, bert, timeout=15)
            self.wait_tones(member.name, heard, (310, 470, 610))
        self.hang_up(caller, callee)
        self.leave(bert, *room)
        self.assert_undisturbed(callee)

    def test_a_burst_of_calls_of_one_client_does_not_cost_its_relay_the_link(self):
        self.start_mesh("AB", ["AB"], signals_per_second=0)
        caller, callee = self.hold("A", "B")
        pestered, pest = self.listen("pestered", self.mesh["B"], accept="reject"), self.registered("mallory", self.mesh["A"])
        for number in range(1, 201):
            self.offer(pest, pestered.fingerprint, f"{number:032x}")
            self.say(pest, "Hangup", reason="Normal", call_id=f"{number:032x}")
        self.still_served(pest, 1)
        self.assert_prompt_call("during", self.listen("free", self.mesh["B"]), self.mesh["A"])
        self.hang_up(caller, callee)
        self.assertFalse([line for line in self.mesh["A"].err if "is down" in line], self.mesh["A"].transcript())
        self.assert_undisturbed(callee)

    def test_a_callee_that_reads_nothing_hinders_no_other_call_across_the_link(self):  # [V-20] [V-21]
        self.start_mesh("AB", ["AB"], idle_timeout_s=30, signals_per_second=0)
        caller, callee = self.hold("A", "B")
        stalled, free = self.listen("stalled", self.mesh["B"]), self.listen("free", self.mesh["B"])
        pest = self.registered("mallory", self.mesh["A"])
        self.stall(stalled)
        for number in range(1, 201):  # far more than the streams that it may leave unread
            self.offer(pest, stalled.fingerprint, f"{number:032x}")
            pest.wait_for_line(rf'^{{"(CallRinging|Hangup)":.*{number:032x}', 5, "out")
            self.say(pest, "Hangup", reason="Normal", call_id=f"{number:032x}")
            if number == 100:
                self.assert_prompt_call("meanwhile", free, self.mesh["A"])
        self.assert_prompt_call("after", free, self.mesh["A"])
        given_up = self.call("given-up", stalled, self.mesh["A"], "--ring-timeout", "1")
        self.assertNotEqual(given_up.wait(8), 0)
        stalled.send_signal(signal.SIGCONT)
        stalled.wait_until(lambda s: s.find("missed_call") or s.find("reconnecting") or s.find("incoming"), 5, "life")
        self.hang_up(caller, callee)
        self.assert_undisturbed(callee)


if __name__ == "__main__":
    unittest.main(verbosity=2)
