"""Running a stand-in as a process that ends on SIGTERM, or together with another process."""

import argparse
import os
import select
import signal
import threading
import time


def parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """A parser with what every stand-in can be told; `name` is that of its package."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.standins.{name}", description=description)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds per answer (%(default)s)")
    parser.add_argument("--no-limit", action="store_true", help="never answer 429")
    parser.add_argument("--parent-pid", type=int, metavar="PID", help="end when this process has ended")
    return parser


def wait_for_the_end(parent_pid: int | None = None) -> None:
    """Return on SIGTERM or SIGINT, or once the process `parent_pid` has ended."""
    end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end.set())
    if parent_pid is not None:
        threading.Thread(target=_watch, args=(parent_pid, end), daemon=True).start()
    end.wait()


def _watch(pid: int, end: threading.Event) -> None:
    try:
        if hasattr(os, "pidfd_open"):
            select.select([os.pidfd_open(pid)], [], [])  # readable once the process has ended, reaped or not
        else:
            while True:
                os.kill(pid, 0)
                time.sleep(0.5)
    except ProcessLookupError:
        pass
    end.set()
