"""`safegrid up`: everything on one machine, and what is left of it after kill -9."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.processes import children, free_port, until
from worker.engines.owner import temporary_folder


@pytest.fixture
def home() -> Iterator[Path]:
    with temporary_folder() as folder:
        yield folder


def environment(home: Path, port: int) -> dict[str, str]:
    return {**os.environ, "SAFEGRID_HOME": str(home), "PORT": str(port), "SAFEGRID_SWEEP_INTERVAL_S": "0.5"}


@contextmanager
def up(home: Path, port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as writer:
        process = subprocess.Popen(
            [sys.executable, "-m", "worker.cli", "up"], env=environment(home, port), stderr=writer
        )
    try:
        until(lambda: process.poll() is not None or health(port) == "ok", "the admin is healthy")
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
        process.kill()
        process.wait()


def health(port: int) -> str | None:
    try:
        with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return str(json.load(answer)["status"])
    except (URLError, OSError):
        return None


def command(home: Path, port: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "worker.cli", *arguments],
        env=environment(home, port),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


@pytest.mark.long
def test_a_killed_system_comes_up_again_with_everything_it_knew(home: Path, tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    with up(home, port, log) as first:
        done = command(home, port, "run", "cleanup-history", "--wait", "--timeout", "60")
        assert done.returncode == 0, done.stderr + log.read_text()
        first.kill()
        first.wait()
        until(lambda: health(port) is None, "the admin goes with its parent")
    with up(home, port, log) as second:
        runs = json.loads(command(home, port, "runs", "--json").stdout)
        assert [run["state"] for run in runs] == ["finished"], log.read_text()
        again = command(home, port, "run", "cleanup-history", "--wait", "--timeout", "60")
        assert again.returncode == 0, again.stderr + log.read_text()
        second.terminate()
        assert second.wait(30) == 0
    assert "start them with `safegrid up`" in command(home, port, "runs").stderr


@pytest.mark.long
def test_a_process_that_dies_is_started_again(home: Path, tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    with up(home, port, log) as system:
        web = until(lambda: web_of(system.pid), "the web is there")
        os.kill(web, 9)
        until(lambda: health(port) is None, "the admin is gone")
        until(lambda: health(port) == "ok", "the admin is back")
        assert web_of(system.pid) != web


def web_of(parent: int) -> int | None:
    """The child of `parent` that is the admin."""
    for pid in children(parent):
        with suppress(OSError):
            if b"-m\0web\0" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
    return None
