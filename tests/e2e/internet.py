"""A small internet in network namespaces: a bridge, hosts on it, and homes behind NATs. Needs root; leaves nothing behind."""

import contextlib
import ctypes
import functools
import itertools
import os
import subprocess
import sys
import weakref

from lab import LabError, Place

COUNT = itertools.count()
LIBC, CLONE_NEWNET = ctypes.CDLL(None, use_errno=True), 0x40000000  # Python 3.12 has os.setns

# A port-restricted cone keeps the port and lets nothing in that was not asked for. The router drops what comes to itself: else the peer's
# first probe leaves an entry in connection tracking, the mapping moves to another port, and the cone is one no more.
CONE = "masquerade"
SYMMETRIC = "masquerade fully-random"


def run(*command, text_in=None):
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, input=text_in,
                          stdin=subprocess.DEVNULL if text_in is None else None)
    if done.returncode != 0:
        raise LabError(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")


def ip(words):
    run("ip", *words.split())


@functools.cache
def namespaces_allowed():
    """If not, that is said on standard error, once."""
    probe = Internet()
    try:
        run(*probe.place("probe").prefix, "nft", "add", "table", "ip", "probe")
        return True
    except (LabError, OSError):
        print("this machine allows no network namespaces or nftables rules (run as root): relays are on loopback", file=sys.stderr)
        return False
    finally:
        probe.close()


def delete(names):
    if names:
        run("ip", "-force", "-batch", "-", text_in="".join(f"netns del {name}\n" for name in names))


def prefix_of(namespace):
    return ["ip", "netns", "exec", namespace]


class Internet:
    """Namespaces on one bridge, made when they are needed. `close` deletes them; so does the end of the program."""

    def __init__(self):
        self.tag = f"wzp{os.getpid()}-{next(COUNT)}"
        self.names = []
        self.numbers = itertools.count(2)
        self.close = weakref.finalize(self, delete, self.names)

    def namespace(self, name):
        full = f"{self.tag}-{len(self.names)}-{name}"
        ip(f"netns add {full}")
        self.names.append(full)
        ip(f"-n {full} link set lo up")
        return full

    @functools.cached_property
    def bridge(self):
        """The namespace that has it."""
        full = self.namespace("bridge")
        ip(f"-n {full} link add br0 up type bridge")
        return full

    def attach(self, namespace):
        """Wires it to the bridge; its number there."""
        number = next(self.numbers)
        ip(f"-n {self.bridge} link add p{number} up master br0 type veth peer name wan0 netns {namespace}")
        ip(f"-n {namespace} link set wan0 up")
        ip(f"-n {namespace} addr add 198.18.0.{number}/24 dev wan0")
        return number

    def place(self, name):
        """A host with an address of its own."""
        namespace = self.namespace(name)
        return Place(prefix_of(namespace), f"198.18.0.{self.attach(namespace)}:4433")

    def home(self, nat):
        """A router with this NAT and one host behind it: the prefix is the host's, the address the router's and without a port."""
        router, host = self.namespace("router"), self.namespace("host")
        number = self.attach(router)
        ip(f"-n {router} link add lan0 up type veth peer name eth0 netns {host}")
        ip(f"-n {router} addr add 192.168.{number}.1/24 dev lan0")
        run(*prefix_of(router), "sysctl", "-qw", "net.ipv4.ip_forward=1")
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
        run(*prefix_of(router), "nft", "-f", "-", text_in=rules)
        ip(f"-n {host} link set eth0 up")
        ip(f"-n {host} addr add 192.168.{number}.2/24 dev eth0")
        ip(f"-n {host} route add default via 192.168.{number}.1")
        return Place(prefix_of(host), f"198.18.0.{number}")


def cut(here, there):
    """Nothing passes between these two places any more, until `heal(here)`."""
    address = there.address.rsplit(":", 1)[0]
    run(*here.prefix, "nft", "-f", "-", text_in=f"""
        add table ip cut
        add chain ip cut in {{ type filter hook input priority filter; }}
        add chain ip cut out {{ type filter hook output priority filter; }}
        add rule ip cut in ip saddr {address} drop
        add rule ip cut out ip daddr {address} drop
        """)


def lose(here, there, percent):
    """So much of what comes here from there is lost, until `heal(here)`."""
    address = there.address.rsplit(":", 1)[0]
    run(*here.prefix, "nft", "-f", "-", text_in=f"""
        add table ip cut
        add chain ip cut in {{ type filter hook input priority filter; }}
        add rule ip cut in ip saddr {address} numgen random mod 100 < {percent} drop
        """)


def heal(here):
    run(*here.prefix, "nft", "delete", "table", "ip", "cut")


def enter(namespace):
    if LIBC.setns(namespace.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def inside(place):
    """Sockets that this thread makes meanwhile are in that place, and stay there."""
    if not place.prefix:
        yield
        return
    with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{place.prefix[-1]}") as there:
        enter(there)
        try:
            yield
        finally:
            enter(home)
