"""Processes of a simulated house: each may be killed, or cut off, or overtaken, between any two things it says."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import fakeredis
import redis
from psycopg2.errors import LockNotAvailable
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError

from jobs import database
from worker.errors import ClaimLost
from worker.settings import Settings

# Who comes in between finds rows that are locked, and whoever holds them cannot go on before: it gives up at once.
PATIENCE_MS = 20


class Killed(BaseException):
    """The process is gone. No handler of its own has seen it go."""


def is_accident(error: DBAPIError) -> bool:
    """Whether a connection was cut, or a row was held by somebody else: anything else is a fault of ours."""
    return error.connection_invalidated or isinstance(error.orig, LockNotAvailable)


@dataclass(frozen=True)
class Interruption:
    """What happens to a process when it says something for the n-th time, to PostgreSQL or to Redis.

    kind: killed, cut off from PostgreSQL, Redis away for one command, or `overtaken` by what somebody else does.
    """

    kind: str
    at: int
    other: Callable[[], None] | None = None


class Processes:
    """All that talk to PostgreSQL and Redis. One at a time is being interrupted."""

    def __init__(self, settings: Settings) -> None:
        self.redis = Queues(self)
        self._pool = database.create(settings, application="simulated", pool=True)
        self._claims = database.create(settings, application="simulated work-horse")
        self._admin = database.create(settings, application="simulation")
        self.admin = self._admin.connect().execution_options(isolation_level="AUTOCOMMIT")
        for engine in (self._pool, self._claims):
            event.listen(engine, "before_cursor_execute", lambda connection, *_: self._say(connection))
            event.listen(engine, "commit", self._say)
            event.listen(engine, "connect", _be_impatient)
        event.listen(self._claims, "do_connect", self._connect_once)
        self._may_connect = False
        self._interruption: Interruption | None = None
        self._left = 0
        self.struck: Counter[str] = Counter()

    def close(self) -> None:
        self.admin.close()
        for engine in (self._pool, self._claims, self._admin):
            engine.dispose()

    @contextmanager
    def process(self) -> Iterator[Connection]:
        """One that lives for the block."""
        with self._pool.connect() as connection:
            try:
                yield connection
            except Killed:
                connection.invalidate()
                raise

    def work_horse(self) -> Connection:
        """The connection of one that lives until it ends; as in `worker.performing`, it is never replaced."""
        self._may_connect = True
        try:
            return self._claims.connect()
        finally:
            self._may_connect = False

    def _connect_once(self, *_: Any) -> None:
        if not self._may_connect:
            raise ClaimLost("its connection to PostgreSQL is gone")

    @contextmanager
    def interrupted(self, interruption: Interruption | None) -> Iterator[None]:
        """Everything that is said in the block counts."""
        before = self._interruption, self._left
        self._interruption, self._left = interruption, interruption.at if interruption else 0
        try:
            yield
        finally:
            self._interruption, self._left = before

    def _say(self, connection: Connection | None = None) -> None:
        if self._interruption is None:
            return
        self._left -= 1
        if self._left >= 0:
            return
        interruption, self._interruption = self._interruption, None
        self.struck[interruption.kind] += 1
        match interruption.kind:
            case "overtaken" if interruption.other:
                interruption.other()
            case "killed":
                if connection is not None:
                    self.end(pid_of(connection))
                raise Killed
            case "cut" if connection is not None:
                self.end(pid_of(connection))
            case "cut":
                raise redis.ConnectionError("simulated")

    def end(self, pid: int) -> None:
        """That session ends here and now, and whatever it held is free."""
        self.admin.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        # PostgreSQL's own wait looks every tenth of a second.
        while self.living([pid]):
            time.sleep(0.001)

    def living(self, pids: list[int]) -> set[int]:
        """Those whose session has not ended."""
        query = text("SELECT pid FROM pg_stat_activity WHERE pid = ANY(:pids)")
        return set(self.admin.scalars(query, {"pids": pids})) if pids else set()


def pid_of(connection: Connection) -> int:
    driver: Any = connection.connection.driver_connection
    return int(driver.info.backend_pid)


def _be_impatient(driver: Any, _record: Any) -> None:
    with driver.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = {PATIENCE_MS}")
    driver.commit()


class Queues(fakeredis.FakeRedis):
    """RQ's lists."""

    def __init__(self, processes: Processes | None = None, **arguments: Any) -> None:
        super().__init__(server=fakeredis.FakeServer(), **arguments)
        self._processes = processes

    def execute_command(self, *args: Any, **options: Any) -> Any:
        self._say()
        return super().execute_command(*args, **options)

    def pipeline(self, *args: Any, **options: Any) -> Any:
        self._say()
        return super().pipeline(*args, **options)

    def _say(self) -> None:
        if self._processes is not None:
            self._processes._say()
