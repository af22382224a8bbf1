"""A deadline for what waits in a connection to PostgreSQL.

psycopg2 waits for a server without an end: a proxy that keeps acknowledging, or a server that was stopped, would hold
the thread for ever. Another thread shuts the socket, and what waits in it raises.
"""

import contextlib
import functools
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg2
import psycopg2.extensions
from sqlalchemy import Connection

LONGEST_CALL_S = 30.0
_LOOK_S = 1.0


def driver_of(connection: Connection) -> Any:
    """psycopg2's own connection. To be taken beforehand: SQLAlchemy replaces one that was lost when it is asked."""
    return connection.connection.dbapi_connection


def shut(driver: Any) -> None:
    """End whatever waits in psycopg2's connection, from any thread. It is of no more use afterwards."""
    # By a descriptor of our own: that of libpq stays open until libpq closes it.
    with contextlib.suppress(OSError, psycopg2.Error), socket.socket(fileno=os.dup(driver.fileno())) as ours:
        ours.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def within(connection: Connection, seconds: float) -> Iterator[None]:
    """Shut the connection if the block takes longer than that; what waits in it then raises OperationalError."""
    timer = threading.Timer(seconds, shut, [driver_of(connection)])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class _Calls:
    """The calls of this process that wait for PostgreSQL now, each with its end; one thread looks after all."""

    def __init__(self) -> None:
        self._ends: dict[int, tuple[float, Any]] = {}
        self._pid = 0

    @contextlib.contextmanager
    def noted(self, driver: Any) -> Iterator[None]:
        """Shut `driver` if the block takes longer than its `longest_s`."""
        if self._pid != os.getpid():
            self._begin()
        self._ends[id(driver)] = (time.monotonic() + driver.longest_s, driver)
        try:
            yield
        finally:
            self._ends.pop(id(driver), None)

    def _begin(self) -> None:
        """In each process anew: a fork has no threads of its parent."""
        self._pid, self._ends = os.getpid(), {}
        threading.Thread(target=self._look_forever, daemon=True, name="deadlines").start()

    def _look_forever(self) -> None:
        while True:
            time.sleep(_LOOK_S)
            now = time.monotonic()
            for end, driver in list(self._ends.values()):
                if now > end:
                    shut(driver)


_calls = _Calls()


def _limited(call: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(call)
    def limited(self: Any, *args: Any, **options: Any) -> Any:
        with _calls.noted(getattr(self, "connection", self)):
            return call(self, *args, **options)

    return limited


class _LimitedCursor(psycopg2.extensions.cursor):  # type: ignore[misc]
    execute = _limited(psycopg2.extensions.cursor.execute)
    fetchmany = _limited(psycopg2.extensions.cursor.fetchmany)
    fetchall = _limited(psycopg2.extensions.cursor.fetchall)


class LimitedConnection(psycopg2.extensions.connection):  # type: ignore[misc]
    """A connection none of whose calls takes longer than `longest_s`; after that it is shut and the call raises.

    Another limit may be set on one that is open.
    """

    longest_s = LONGEST_CALL_S
    commit = _limited(psycopg2.extensions.connection.commit)
    rollback = _limited(psycopg2.extensions.connection.rollback)

    def cursor(self, *args: Any, **options: Any) -> Any:
        """A cursor of the same kind."""
        options.setdefault("cursor_factory", _LimitedCursor)
        return super().cursor(*args, **options)


@functools.cache
def limited_to(seconds: float) -> type[LimitedConnection]:
    """The kind of connection none of whose calls takes longer than that."""
    return type("LimitedConnection", (LimitedConnection,), {"longest_s": seconds})
