"""A small internet in network namespaces: a bridge, hosts on it, and homes behind NATs. Needs root; leaves nothing behind."""

import itertools
import os
import subprocess
import unittest

from support import LINK_UP, QUICK, LabError, LabTest

COUNT = itertools.count()

# A port-restricted cone keeps the port and lets nothing in that was not asked for. The router drops what comes to itself: else the peer's
# first probe leaves an entry in connection tracking, the mapping moves to another port, and the cone is one no more.
CONE = "masquerade"
SYMMETRIC = "masquerade fully-random"


def run(*command, text_in=None):
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, input=text_in,
                          stdin=subprocess.DEVNULL if text_in is None else None)
    if done.returncode != 0:
        raise LabError(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")


def namespaces_allowed():
    probe = f"wzp-probe-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True)
    if made.returncode != 0:
        return False
    try:
        run("ip", "netns", "exec", probe, "nft", "add", "table", "ip", "probe")
        return True
    except LabError:
        return False
    finally:
        run("ip", "netns", "del", probe)


class Internet:
    """Namespaces on one bridge. Leaves nothing behind."""

    def __init__(self):
        self.tag = f"wzp{os.getpid()}-{next(COUNT)}"
        self.names = []
        self.wan = self.namespace("wan")
        self.inside(self.wan, "ip", "link", "add", "br0", "type", "bridge")
        self.inside(self.wan, "ip", "link", "set", "br0", "up")

    def namespace(self, name):
        full = f"{self.tag}-{name}"
        run("ip", "netns", "add", full)
        self.names.append(full)
        self.inside(full, "ip", "link", "set", "lo", "up")
        return full

    @staticmethod
    def inside(namespace, *command):
        run("ip", "netns", "exec", namespace, *command)

    def wire(self, left, left_port, right, right_port):
        run("ip", "link", "add", left_port, "netns", left, "type", "veth", "peer", "name", right_port, "netns", right)
        self.inside(left, "ip", "link", "set", left_port, "up")
        self.inside(right, "ip", "link", "set", right_port, "up")

    def attach(self, namespace, address):
        port = f"p{len(self.names)}"
        self.wire(namespace, "wan0", self.wan, port)
        self.inside(self.wan, "ip", "link", "set", port, "master", "br0")
        self.inside(namespace, "ip", "addr", "add", f"{address}/24", "dev", "wan0")

    def server(self, name, address):
        namespace = self.namespace(name)
        self.attach(namespace, address)
        return ["ip", "netns", "exec", namespace]

    def home(self, number, nat):
        """A router with this NAT and one host behind it; the prefix that runs a command on the host."""
        router, host = self.namespace(f"router{number}"), self.namespace(f"host{number}")
        self.attach(router, f"198.18.0.{10 + number}")
        self.wire(router, "lan0", host, "eth0")
        self.inside(router, "ip", "addr", "add", f"192.168.{number}.1/24", "dev", "lan0")
        self.inside(router, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        rules = f"""
            add table ip nat
            add chain ip nat post {{ type nat hook postrouting priority srcnat; }}
            add rule ip nat post oifname "wan0" {nat}
            add table ip filter
            add chain ip filter forward {{ type filter hook forward priority filter; policy drop; }}
            add rule ip filter forward iifname "lan0" accept
            add rule ip filter forward ct state established,related accept
            add chain ip filter input {{ type filter hook input priority filter; policy accept; }}
            add rule ip filter input iifname "wan0" drop
            """
        run("ip", "netns", "exec", router, "nft", "-f", "-", text_in=rules)
        self.inside(host, "ip", "addr", "add", f"192.168.{number}.2/24", "dev", "eth0")
        self.inside(host, "ip", "route", "add", "default", "via", f"192.168.{number}.1")
        return ["ip", "netns", "exec", host]

    def drop_between(self, name, address):
        """Nothing passes between this host and that address any more."""
        run("ip", "netns", "exec", f"{self.tag}-{name}", "nft", "-f", "-", text_in=f"""
            add table ip cut
            add chain ip cut in {{ type filter hook input priority filter; }}
            add chain ip cut out {{ type filter hook output priority filter; }}
            add rule ip cut in ip saddr {address} drop
            add rule ip cut out ip daddr {address} drop
            """)

    def heal(self, name):
        self.inside(f"{self.tag}-{name}", "nft", "delete", "table", "ip", "cut")

    def close(self):
        for name in reversed(self.names):
            run("ip", "netns", "del", name)


class InternetTest(LabTest):
    """A lab in an internet of its own. Skipped, and said so, where the machine allows no namespaces."""

    @classmethod
    def setUpClass(cls):
        if not namespaces_allowed():
            raise unittest.SkipTest("this machine allows no network namespaces or nftables rules (run as root): not tested")

    def setUp(self):
        super().setUp()
        self.net = Internet()
        self.addCleanup(self.net.close)

    def relay_at(self, name, address, **settings):
        return self.lab.relay(name, prefix=self.net.server(name, address), options=QUICK, listen=f"{address}:4433", **settings)

    def two_public_relays(self):
        fingerprint = {name: self.lab.relay_fingerprint(name) for name in ("relay-a", "relay-b")}
        b = self.relay_at("relay-b", "198.18.0.3", trusted=[fingerprint["relay-a"]])
        a = self.relay_at("relay-a", "198.18.0.2", peers=[(b.address, fingerprint["relay-b"])])
        a.wait_for_line(LINK_UP)
        return a, b
