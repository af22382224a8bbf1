"""Ends a job's work from outside of it: at its soft limit, or a moment after the worker was told to stop.

Python delivers signals only between bytecodes, and psycopg2 waits in C: so a thread of its own both signals the
main thread, which interrupts blocking calls, and cancels the query that is on its way.
"""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

import psycopg2
from sqlalchemy import Connection

from jobs.errors import Stopped
from worker.errors import SoftLimit

# A job that reports progress stops by itself within this time; any other is interrupted.
STOP_GRACE_S = 3.0
_INTERRUPT = signal.SIGUSR1
_AGAIN_S = 1.0
_CANCEL_S = 0.3


class _Interrupted(BaseException):
    """Passes through every `except Exception` of the job; `watch` says what it means."""


class Watchdog:
    """Watches over one attempt in its work-horse."""

    def __init__(self, connection: Connection, job: str, soft_limit_s: float) -> None:
        self._driver: Any = connection.connection.dbapi_connection
        self._job = job
        self._soft_limit_s = soft_limit_s
        self._deadline = time.monotonic() + soft_limit_s
        self._over = threading.Event()
        self._woken = threading.Event()
        self._stop_at: float | None = None
        self._reason: Stopped | SoftLimit | None = None

    @contextlib.contextmanager
    def watch(self) -> Iterator["Watchdog"]:
        """Watch for the length of the block. Raises Stopped or SoftLimit in it."""
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, _INTERRUPT)}
        signal.signal(signal.SIGTERM, self._stop_asked)
        signal.signal(_INTERRUPT, self._interrupted)
        thread = threading.Thread(target=self._keep_watch, daemon=True, name="watchdog")
        thread.start()
        try:
            yield self
        except BaseException:
            # Whatever the interruption looks like from inside the job, this is what it was.
            if self._reason is None:
                raise
            raise self._reason from None
        finally:
            self._over.set()
            self._woken.set()
            thread.join()
            for number, handler in before.items():
                signal.signal(number, handler)

    @property
    def is_stopping(self) -> bool:
        """Whether the worker is going down."""
        return self._stop_at is not None

    def _stop_asked(self, _number: int, _frame: FrameType | None) -> None:
        self._stop_at = self._stop_at or time.monotonic() + STOP_GRACE_S
        self._woken.set()

    def _interrupted(self, _number: int, _frame: FrameType | None) -> None:
        if self._reason is not None and not self._over.is_set():
            raise _Interrupted

    def _keep_watch(self) -> None:
        while not self._over.is_set():
            self._woken.wait(max(0.0, self._next_deadline() - time.monotonic()))
            self._woken.clear()
            while not self._over.is_set() and time.monotonic() >= self._next_deadline():
                self._end_work()
                self._over.wait(_AGAIN_S)

    def _next_deadline(self) -> float:
        return min(self._deadline, self._stop_at or self._deadline)

    def _end_work(self) -> None:
        self._reason = (
            Stopped()
            if self._stop_at is not None
            else SoftLimit(f"{self._job} took longer than its soft limit of {self._soft_limit_s:g} s")
        )
        with contextlib.suppress(psycopg2.Error):
            self._driver.cancel()
        # A query that was cancelled ends with an error of its own, which leaves the connection whole; an exception
        # out of a signal handler would not.
        if not self._over.wait(_CANCEL_S):
            signal.pthread_kill(threading.main_thread().ident or 0, _INTERRUPT)
