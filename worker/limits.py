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

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from jobs import database
from jobs.deadlines import driver_of
from jobs.errors import Stopped
from worker.errors import SoftLimit
from worker.settings import Settings

# A job that reports progress stops by itself within this time; any other is interrupted.
STOP_GRACE_S = 3.0
_INTERRUPT = signal.SIGUSR1
_AGAIN_S = 1.0
_CANCEL_S = 0.3
LONGEST_CANCEL_S = 5.0


class _Interrupted(BaseException):
    """Passes through every `except Exception` of the job; `watch` says what it means."""


class Watchdog:
    """Watches over one attempt in its work-horse."""

    def __init__(self, settings: Settings, connection: Connection, job: str, soft_limit_s: float) -> None:
        self._settings = settings
        self._backend: int = driver_of(connection).info.backend_pid
        self._job = job
        self._soft_limit_s = soft_limit_s
        self._deadline = time.monotonic() + soft_limit_s
        self._over = threading.Event()
        self._woken = threading.Event()
        self._stop_at: float | None = None
        self._reason: BaseException | None = None
        self._ended_by: BaseException | None = None
        self._cancelling: threading.Thread | None = None

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
            reason = self._ended_by or self._reason
            if reason is None:
                raise
            raise reason from None
        finally:
            self._over.set()
            self._woken.set()
            thread.join()
            if self._cancelling is not None:
                # Or it would cancel what is written of the attempt's end.
                self._cancelling.join()
            for number, handler in before.items():
                signal.signal(number, handler)

    @property
    def is_stopping(self) -> bool:
        """Whether the worker is going down."""
        return self._stop_at is not None

    def end(self, reason: BaseException) -> None:
        """End the work now, from another thread; the block raises `reason`."""
        self._ended_by = self._ended_by or reason
        self._woken.set()

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
        if self._ended_by is not None:
            return 0.0
        return min(self._deadline, self._stop_at or self._deadline)

    def _why(self) -> BaseException:
        if self._ended_by is not None:
            return self._ended_by
        if self._stop_at is not None:
            return Stopped()
        return SoftLimit(f"{self._job} took longer than its limit of {self._soft_limit_s:g} s")

    def _end_work(self) -> None:
        self._reason = self._why()
        # In a thread of its own, which may have to wait for a server that is frozen.
        self._cancelling = threading.Thread(target=self._cancel_query, daemon=True, name="cancel")
        self._cancelling.start()
        # A query that was cancelled ends with an error of its own, which leaves the connection whole; an exception
        # out of a signal handler would not.
        if not self._over.wait(_CANCEL_S):
            signal.pthread_kill(threading.main_thread().ident or 0, _INTERRUPT)

    def _cancel_query(self) -> None:
        # psycopg2's own cancel keeps the interpreter's lock: a frozen server would stop every thread of ours.
        with (
            contextlib.suppress(SQLAlchemyError),
            database.once(self._settings, LONGEST_CANCEL_S) as connection,
            connection.begin(),
        ):
            connection.execute(text("SELECT pg_cancel_backend(:backend)"), {"backend": self._backend})
