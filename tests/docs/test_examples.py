"""What README and docs say works, pasted as it stands into a second terminal beside a running demo."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.blocks import ROOT, SHOWN_ONLY, Block, blocks, to_run

START_S = 300
BLOCK_S = 180
OURS = (
    "SAFEGRID_",
    "ADMIN_",
    "PORT",
    "DATABASE_URL",
    "REDIS_URL",
    "QUEUE_REDIS_URL",
    "CELERY_",
    "APP_ENV",
    "SECRET_KEY",
)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """The folder of a running demo and the environment of a terminal beside it."""
    folder = tmp_path
    (folder / ".venv").symlink_to(sys.prefix)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    environment |= {"PYTHONPATH": str(ROOT), "PATH": f"{folder}/.venv/bin:{environment['PATH']}"}
    environment["TEST_PORT"] = str(_free_port())
    with _demo(folder, environment):
        yield folder, environment


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class _demo:
    """`make demo` in that folder, until the block ends."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.command: dict[str, Any] = {
            "cwd": folder,
            "env": {**environment, "PORT": environment["TEST_PORT"]},
            "stdout": subprocess.DEVNULL,
            "stderr": subprocess.PIPE,
            "text": True,
            "start_new_session": True,
        }
        self.lines: list[str] = []
        self.is_ready = threading.Event()

    def __enter__(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-m", "tests.demo"], **self.command)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        if not self.is_ready.wait(START_S) or self.process.poll() is not None:
            self.__exit__()
            pytest.fail("the demo did not come up:\n" + "".join(self.lines[-40:]))

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line)
            if line.startswith("Press Ctrl-C to stop"):
                self.is_ready.set()
        # It has ended, one way or the other.
        self.is_ready.set()

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.reader.join(10)
        assert self.process.stderr is not None
        self.process.stderr.close()


# One test, as a demo takes most of a minute to come up.
def test_every_block_runs_as_it_stands(terminal: tuple[Path, dict[str, str]], subtests: pytest.Subtests) -> None:
    folder, environment = terminal
    # The terminal needs no setting.
    assert not [name for name in environment if name.startswith(OURS)]
    for block in to_run():
        with subtests.test(block.name):
            done = _pasted(block, folder, environment)
            assert done.returncode == 0, f"{block.script}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


def _pasted(block: Block, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    # The one thing that is not as it stands: another port, as the usual one may be in use here.
    script = block.script.replace("127.0.0.1:8000", f"127.0.0.1:{environment['TEST_PORT']}")
    program = [sys.executable, "-"] if block.kind == "python" else ["bash", "-euo", "pipefail", "-s"]
    return subprocess.run(
        program, input=script, cwd=folder, env=environment, capture_output=True, text=True, timeout=BLOCK_S, check=False
    )


def test_what_is_not_run_is_of_a_kind_that_cannot_be_or_says_why() -> None:
    assert {block.kind for block in blocks()} <= {"console", "python", *SHOWN_ONLY}
    assert len(to_run()) >= 6
    left_out = {block.name: block.why_not_run for block in blocks() if block.why_not_run}
    assert all(len(why) > 10 for why in left_out.values()), left_out
