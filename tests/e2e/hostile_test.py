"""What a relay makes of peers that lie, break rules, or come from another time."""

import json
import subprocess
import unittest

from support import QUICK, LabTest

SEEDS = {"alice": "a1" * 32, "bob": "b2" * 32, "mallory": "c3" * 32}


class Hostile(LabTest):
    def setUp(self):
        super().setUp()
        self.relay = self.lab.relay("relay-a", options=QUICK, trusted=[self.lab.relay_fingerprint("peer")])

    def peer(self, name, server_name, *arguments):
        peer = self.lab.process(name, [self.lab.build / "tests/e2e/raw-peer", self.relay.address, server_name, *arguments], stdin=subprocess.PIPE)
        peer.wait_for_line("^@(connected|closed)", stream="out")
        return peer

    def registered(self, name):
        peer = self.peer(name, "_signal")
        peer.write_line(f"@register {SEEDS[name]}")
        self.assertTrue(self.message(peer, "RegisterPresenceAck")["success"])
        peer.fingerprint = peer.wait_for_line(r"^@fingerprint (\S+)", stream="out").group(1)
        return peer

    def say(self, peer, tag, **fields):
        peer.write_line(json.dumps({tag: fields}))

    def messages(self, peer, tag):
        found = []
        for line in peer.out:
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
        peer.wait_until(lambda p: any(m["timestamp_ms"] == stamp for m in self.messages(p, "Pong")), 8, f"pong {stamp}")

    def offer(self, caller, target, call_id, **changes):
        fields = {"caller_fingerprint": caller.fingerprint, "caller_alias": None, "target_fingerprint": target,
                  "call_id": call_id, "identity_pub": [1] * 32, "ephemeral_pub": [2] * 32, "signature": [3] * 64,
                  "supported_profiles": [], "caller_reflexive_addr": "9.9.9.9:999", "caller_local_addrs": ["10.9.9.9:999"]}
        self.say(caller, "DirectCallOffer", **{**fields, **changes})

    def test_unknown_and_malformed_messages_harm_nobody(self):  # [H-01] [V-14] [V-19]
        for peer in (self.registered("alice"), self.peer("probe", "_probe")):
            for line in ('{"FutureThing":{"x":1}}', '"Nonsense"', "{}", "not json", '{"Ping":5}', "[" * 200):
                peer.write_line(line)
            peer.write_line("@hex 00000000")
            peer.write_line("@hex ffffffff00")
            peer.write_line("@hex 0000")
            self.still_served(peer, 41)

    def test_registration_needs_the_key(self):  # [V-02]
        good = self.registered("bob")
        thief = self.peer("thief", "_signal")
        thief.write_line(f"@unsigned {SEEDS['bob']}")
        self.assertEqual(self.message(thief, "RegisterPresenceAck"), {"success": False, "error": "bad signature", **self.build(thief)})
        thief.wait_for_line("^@closed Application 0x12", stream="out")
        self.still_served(good, 7)
        caller = self.registered("alice")
        self.offer(caller, good.fingerprint, "ab" * 16)
        self.message(good, "DirectCallOffer")

    def build(self, peer):
        ack = self.messages(peer, "RegisterPresenceAck")[0]
        return {key: ack[key] for key in ("relay_build", "caps") if key in ack}

    def test_strangers_cannot_touch_a_call(self):  # [V-03] [V-04] [V-05]
        alice, bob, mallory = (self.registered(name) for name in ("alice", "bob", "mallory"))
        call = "cd" * 16
        self.offer(alice, bob.fingerprint, call)
        self.assertNotIn("caller_reflexive_addr", self.message(bob, "DirectCallOffer"))  # [V-09]
        self.say(mallory, "DirectCallAnswer", call_id=call, accept_mode="AcceptTrusted", callee_reflexive_addr="6.6.6.6:6")
        self.say(mallory, "Hangup", reason="Normal", call_id=call)
        self.offer(mallory, alice.fingerprint, call)  # the same id once more
        self.offer(mallory, alice.fingerprint, "ef" * 16, caller_fingerprint=bob.fingerprint)  # in Bob's name
        mallory.wait_until(lambda p: len(self.messages(p, "Hangup")) == 2, 5, "two refusals")
        self.say(bob, "DirectCallAnswer", call_id=call, accept_mode="AcceptTrusted", callee_reflexive_addr="8.8.8.8:8")
        self.assertEqual(self.message(alice, "CallSetup")["peer_direct_addr"], "8.8.8.8:8")
        self.assertEqual(self.message(bob, "CallSetup")["peer_direct_addr"], "9.9.9.9:999")
        self.assertEqual([self.messages(p, "Hangup") for p in (alice, bob)], [[], []])
        self.assertEqual(self.messages(alice, "DirectCallOffer"), [])

    def test_privacy_is_enforced_by_the_relay(self):  # [V-73]
        alice, bob = self.registered("alice"), self.registered("bob")
        self.offer(alice, bob.fingerprint, "77" * 16)
        self.message(bob, "DirectCallOffer")
        self.say(bob, "DirectCallAnswer", call_id="77" * 16, accept_mode="AcceptGeneric", callee_reflexive_addr="8.8.8.8:8")
        for peer in (alice, bob):
            self.assertNotIn("peer_direct_addr", self.message(peer, "CallSetup"))
        self.assertNotIn("callee_reflexive_addr", self.message(alice, "DirectCallAnswer"))

    def test_federation_needs_a_trusted_certificate(self):  # [V-01]
        for arguments in ([], ["--certificate", "d4" * 32]):
            peer = self.peer("stranger", "_federation", *arguments)
            peer.wait_for_line(r"^@closed (CertificateRefused|Application 0x13|HandshakeFailed)", stream="out")

    def federation_peer(self):
        peer = self.peer("peer", "_federation", "--certificate", self.lab.identity("peer").read_text().strip())
        self.say(peer, "FederationHello", tls_fingerprint=self.lab.relay_fingerprint("peer"), version=1, relay_build="raw", caps=["call-nack"])
        self.message(peer, "FederationHello")
        return peer

    def test_cross_relay_loop_prevention_drops_self_sourced_forward(self):  # [V-13]
        bob, peer = self.registered("bob"), self.federation_peer()
        offer = {"DirectCallOffer": {
            "caller_fingerprint": self.lab.fingerprint("somebody"), "caller_alias": None, "target_fingerprint": bob.fingerprint,
            "call_id": "99" * 16, "identity_pub": [1] * 32, "ephemeral_pub": [2] * 32, "signature": [], "supported_profiles": []}}
        for origin in (self.relay.fingerprint, self.lab.relay_fingerprint("third"), "nonsense"):
            self.say(peer, "FederatedSignalForward", inner=offer, origin_relay_fp=origin)
        self.still_served(bob, 1)
        self.assertEqual(self.messages(bob, "DirectCallOffer"), [])
        # The very same offer under the right name rings.
        self.say(peer, "FederatedSignalForward", inner=offer, origin_relay_fp=self.lab.relay_fingerprint("peer"))
        self.assertEqual(self.message(bob, "DirectCallOffer")["call_id"], "99" * 16)
        self.assertEqual(self.message(peer, "FederatedSignalForward")["inner"], {"CallRinging": {"call_id": "99" * 16}})

    def test_a_link_survives_what_it_does_not_understand(self):  # [V-14] [H-01]
        bob, peer = self.registered("bob"), self.federation_peer()
        for line in ('{"FutureThing":{"x":1}}', "not json", '{"FederatedSignalForward":{"inner":"Nonsense","origin_relay_fp":"x"}}'):
            peer.write_line(line)
        self.say(peer, "FederatedSignalForward", origin_relay_fp=self.lab.relay_fingerprint("peer"), inner={"DirectCallOffer": {
            "caller_fingerprint": self.lab.fingerprint("somebody"), "target_fingerprint": bob.fingerprint, "call_id": "55" * 16,
            "identity_pub": [1] * 32, "ephemeral_pub": [2] * 32, "signature": [], "supported_profiles": []}})
        self.message(bob, "DirectCallOffer")

    def test_rooms_of_other_names_and_of_unknown_calls_are_refused(self):  # [V-32]
        self.peer("guest", "general").wait_for_line(r"^@closed Application 0x19", stream="out")
        guest = self.peer("guest", "call-" + "12" * 16)
        self.say(guest, "CallOffer", identity_pub=[1] * 32, ephemeral_pub=[2] * 32, signature=[3] * 64, supported_profiles=[], alias=None)
        guest.wait_for_line(r"^@closed Application 0x1[29]", stream="out")


if __name__ == "__main__":
    unittest.main(verbosity=2)
