"""Running a stand-in as a process that ends on SIGTERM, or together with another process."""

import os
import select
import signal
import threading
import time


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
