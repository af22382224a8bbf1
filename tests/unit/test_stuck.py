"""A process that is stopped for long is given up; one that goes on in time is not."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.processes import until
from worker import stuck
from worker.stuck import StoppedWatch, is_stopped


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def test_a_stopped_process_is_known_as_such(process: subprocess.Popen[bytes]) -> None:
    assert not is_stopped(process.pid)
    os.kill(process.pid, signal.SIGSTOP)
    until(lambda: is_stopped(process.pid), "it is stopped")
    os.kill(process.pid, signal.SIGCONT)
    until(lambda: not is_stopped(process.pid), "it goes on")
    assert not is_stopped(2**22 + 1)


def test_it_is_given_up_only_when_it_was_stopped_at_every_look(
    process: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(stuck.time, "monotonic", lambda: now[0])
    watch = StoppedWatch()
    states = {"stopped": True}
    monkeypatch.setattr(stuck, "is_stopped", lambda _pid: states["stopped"])
    assert not watch.is_over(process.pid)
    now[0] += stuck.STOPPED_S - 1
    assert not watch.is_over(process.pid)
    states["stopped"] = False
    assert not watch.is_over(process.pid)
    states["stopped"] = True
    assert not watch.is_over(process.pid)
    now[0] += stuck.STOPPED_S + 1
    assert watch.is_over(process.pid)
