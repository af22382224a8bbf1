"""Real processes of Safegrid for tests: started, waited for, killed."""

import multiprocessing
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from worker import attempts, cli
from worker.client import Client
from worker.ledger import Requester
from worker.settings import Settings

# Every command is a process of its own, forked from one that has imported what commands need: that takes longer than
# all that most of them do.
_PREPARED = multiprocessing.get_context("forkserver")
_PREPARED.set_forkserver_preload(
    [
        *sorted({f"worker.cli.{module}" for module, _ in cli.COMMANDS.values()}),
        "jobs.validation",
        "jobs.archive.run",
        "alembic.command",
    ]
)
REQUESTER = Requester("python", "a test")
PATIENCE_S = 120.0


def environment(settings: Settings, **extra: str) -> dict[str, str]:
    """The environment of a process with these settings."""
    return {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "POLICE_API_BASE_URL": settings.police_api_base_url,
        "SAFEGRID_JOB_MODULES": "tests.jobs_for_tests",
        "SAFEGRID_SWEEP_INTERVAL_S": "0.5",
        "SAFEGRID_RETRY_WAIT_S": "0.01",
        **extra,
    }


@contextmanager
def safegrid(
    settings: Settings, *arguments: str, log: Path, inside: Sequence[str] = (), **extra: str
) -> Iterator[subprocess.Popen[bytes]]:
    """`safegrid ARGUMENTS` at work; whatever is left of it at the end is killed. `inside`: what becomes it."""
    with log.open("ab") as writer:
        process = subprocess.Popen(
            [*inside, sys.executable, "-m", "worker.cli", *arguments],
            env=environment(settings, **extra),
            stderr=writer,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def run_command(settings: Settings, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """`safegrid ARGUMENTS` from start to end."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        given = (arguments, environment(settings, **extra), Path.cwd(), out, err)
        process = _PREPARED.Process(target=_become_safegrid, args=given)
        process.start()
        process.join(PATIENCE_S)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(["safegrid", *arguments], PATIENCE_S, out.read_text(), err.read_text())
        return subprocess.CompletedProcess(arguments, process.exitcode, out.read_text(), err.read_text())


def _become_safegrid(arguments: Sequence[str], given: dict[str, str], folder: Path, out: Path, err: Path) -> None:
    os.environ.clear()
    os.environ.update(given)
    os.chdir(folder)
    for stream, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), stream)
    sys.argv = ["safegrid", *arguments]
    cli.main()


def until(condition: Callable[[], Any], what: str) -> Any:
    """What `condition` answers once that is true; patient, as machines are slow at times."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"It did not come to this in {PATIENCE_S:g} s: {what}")


def free_port() -> int:
    """A port for a server, none of those that the kernel may give to another program before the server takes it."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def is_up(port: int) -> bool:
    """Whether an admin answers there."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except (URLError, OSError):
        return False


def children(pid: int) -> list[int]:
    """Processes whose parent is `pid`."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def is_alive(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def work_horse(client: Client, run_id: str) -> int:
    """Pid of the work-horse that is at work on the run, once one is."""

    def pid() -> int | None:
        with client.engine.connect() as connection:
            open_attempts = [one for one in attempts.of(connection, run_id) if one.ended_at is None]
        found = int(open_attempts[-1].worker.rpartition(":")[2]) if open_attempts else 0
        return found if found and is_alive(found) else None

    return int(until(pid, f"a work-horse is at work on run {run_id}"))
