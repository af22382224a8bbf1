"""Memory of a system that waits for work: the sum over its processes, in which shared memory counts once (PSS).

`safegrid up` has everything: both engines, the web, the scheduler, the supervisor and its workers.
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import requests

from bench.harness import Ratio

START_S, REST_S = 120, 20


def measure() -> Iterator[Ratio]:
    """An idle `safegrid up`, 20 s after it is ready."""
    with tempfile.TemporaryDirectory(prefix="safegrid-idle-") as home, _up(home):
        time.sleep(REST_S)
        sizes = _sizes_mb(home)
    yield Ratio("`safegrid up`", sum(sizes), "MB", None, "lower", f"{len(sizes)} processes")


@contextlib.contextmanager
def _up(home: str) -> Iterator[None]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "SAFEGRID_HOME": home, "PORT": str(port)}
    command = [sys.executable, "-m", "worker.cli", "up"]
    with subprocess.Popen(
        command, cwd=home, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as up:
        try:
            _wait(f"http://127.0.0.1:{port}/readyz")
            yield
        finally:
            up.send_signal(signal.SIGTERM)
            up.wait(60)


def _wait(url: str) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        with contextlib.suppress(requests.RequestException):
            if requests.get(url, timeout=5).ok:
                return
        time.sleep(0.5)
    raise TimeoutError(f"safegrid up is not ready after {START_S} s")


def _sizes_mb(home: str) -> list[float]:
    """Of every process that was started for this folder: its environment or its command names it."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            told = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
            if home.encode() in told and folder.name != str(os.getpid()):
                lines = (folder / "smaps_rollup").read_text()
                found.append(int(re.findall(r"^Pss:\s+(\d+) kB", lines, re.MULTILINE)[0]) / 1000)
    return found
