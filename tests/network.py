"""Hosts of their own on one machine: network namespaces on a bridge, on which this machine's servers listen too."""

import contextlib
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass

from tests.conftest import needs

_WAYS = {"INPUT": "-i", "OUTPUT": "-o"}


@dataclass(frozen=True)
class Host:
    """One of the hosts, with the bridge as all of its network."""

    name: str

    @property
    def inside(self) -> list[str]:
        """What a command begins with that runs there, and finds the host's name."""
        named = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', self.name]
        return ["ip", "netns", "exec", self.name, *named]

    def cut_off(self, first: str, gap_s: float = 0.5) -> None:
        """From now on nothing comes in or goes out, and nobody is told: the network takes and keeps every packet.

        With `first` INPUT, what the servers sent last is never acknowledged; with OUTPUT, all of it was.
        """
        for chain in sorted(_WAYS, key=lambda chain: chain != first):
            _run(*self.inside, "iptables", "-w", "-I", chain, _WAYS[chain], "eth0", "-j", "DROP")
            time.sleep(gap_s)

    def bring_back(self) -> None:
        _run(*self.inside, "iptables", "-w", "-F")


@dataclass(frozen=True)
class Network:
    """A bridge and its hosts."""

    address: str
    """Of this machine, where its servers are to listen."""
    neighbours: str
    hosts: list[Host]


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@contextlib.contextmanager
def network(count: int) -> Iterator[Network]:
    """So many hosts, which are gone afterwards."""
    needs("root, for network namespaces", os.geteuid() == 0)
    needs("the package iproute2", shutil.which("ip") is not None)
    needs("the package iptables", shutil.which("iptables") is not None)
    mark, number = secrets.token_hex(3), secrets.randbelow(250)
    bridge, net = f"sg{mark}", f"10.213.{number}"
    with contextlib.ExitStack() as made:
        _run("ip", "link", "add", bridge, "type", "bridge")
        made.callback(_run, "ip", "link", "del", bridge)
        _run("ip", "addr", "add", f"{net}.1/24", "dev", bridge)
        _run("ip", "link", "set", bridge, "up")
        hosts = [
            made.enter_context(_host(f"{bridge}h{index}", bridge, f"{net}.{index + 10}")) for index in range(count)
        ]
        yield Network(f"{net}.1", f"{net}.0/24", hosts)


@contextlib.contextmanager
def _host(name: str, bridge: str, address: str) -> Iterator[Host]:
    host = Host(name)
    _run("ip", "netns", "add", name)
    try:
        _run("ip", "link", "add", f"v{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
        _run("ip", "link", "set", f"v{name}", "master", bridge, "up")
        for command in (f"addr add {address}/24 dev eth0", "link set eth0 up", "link set lo up"):
            _run("ip", "-n", name, *command.split())
        yield host
    finally:
        _run("ip", "netns", "del", name)
