"""The pulse of an attempt: a second connection over which its work-horse says that it lives, and hears of its run.

Where the connection of the claim is frozen, or the server is gone, the pulse shuts it, so that the work ends and the
run goes to another work-horse. A long statement on a server that works on it is left alone.
"""

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import structlog
from psycopg2.extensions import TRANSACTION_STATUS_ACTIVE
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from jobs import database
from jobs.deadlines import LimitedConnection, driver_of, shut
from worker.attempts import Claimed
from worker.errors import Cancelled, ClaimLost
from worker.settings import Settings

log = structlog.get_logger("safegrid.pulse")

BEAT_S = 5.0
# No living server is silent for so long. The sweep waits longer before it takes the claim away.
SILENCE_S = 30.0
_LOOK_S = 1.0

_BEAT = text(
    """
    WITH beat AS (
        UPDATE attempts SET beat_at = clock_timestamp()
        WHERE run_id = :run_id AND number = :attempt AND ended_at IS NULL RETURNING run_id
    )
    SELECT cancel_requested_by AS cancelled_by, EXISTS (SELECT FROM beat) AS is_ours FROM runs WHERE id = :run_id
    """
)
# Since when the server has done nothing for the claim's connection; `gone` where it has none such, null while it works.
_IDLE_SINCE = text(
    """
    SELECT CASE WHEN max(pid) IS NULL THEN 'gone' ELSE max(state_change::text) FILTER (WHERE state LIKE 'idle%') END
    FROM pg_stat_activity WHERE pid = :backend
    """
)
_TERMINATE = text("SELECT pg_terminate_backend(:backend)")

End = Callable[[BaseException], None]


class Pulse:
    """Watches over the connection of a claim, from before the claim is made until its end is written."""

    def __init__(self, settings: Settings, connection: Connection) -> None:
        self._settings = settings
        self._driver = driver_of(connection)
        if isinstance(self._driver, LimitedConnection):
            # From here on it is watched over, and a job's statements may take as long as they need.
            self._driver.longest_s = math.inf
        self._backend: int = self._driver.info.backend_pid
        self._over = threading.Event()
        self._claimed: Claimed | None = None
        self._end: End | None = None
        self._heard_at = time.monotonic()
        self._own_driver: Any = None
        self._idle: tuple[str | None, float] = (None, 0.0)
        """What the server said of the claim's connection while we waited in it, and since when it says so."""

    def __enter__(self) -> "Pulse":
        threading.Thread(target=self._listen_forever, daemon=True, name="pulse").start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    @contextlib.contextmanager
    def of(self, claimed: Claimed, end: End) -> Iterator[None]:
        """For the length of the block, `end` is called with the reason when the attempt must not go on."""
        self._claimed, self._end = claimed, end
        try:
            yield
        finally:
            self._end = None

    def _listen_forever(self) -> None:
        if self._over.wait(BEAT_S):
            # Many runs are over by now.
            return
        # Another, as the one that asks the server may wait for it.
        threading.Thread(target=self._beat_forever, daemon=True, name="beat").start()
        while not self._over.wait(_LOOK_S):
            if time.monotonic() - self._heard_at > SILENCE_S:
                self._give_up(f"PostgreSQL has not responded for {SILENCE_S:g} s")
                return

    def _beat_forever(self) -> None:
        engine = database.create(self._settings, application="safegrid pulse", longest_s=SILENCE_S)
        while not self._over.is_set():
            # Away for a moment: the next beat tries again, and the other thread counts the silence.
            with contextlib.suppress(SQLAlchemyError), engine.connect() as connection:
                self._own_driver = driver_of(connection)
                while not self._over.is_set():
                    self._beat(connection)
                    self._heard_at = time.monotonic()
                    self._over.wait(BEAT_S)
            self._over.wait(_LOOK_S)

    def _beat(self, connection: Connection) -> None:
        with connection.begin():
            if self._is_frozen(connection):
                # The server would hold it, and with it the claim, until its own keepalives give up.
                connection.execute(_TERMINATE, {"backend": self._backend})
                self._give_up("PostgreSQL waits for us, and we for it: the connection is frozen")
                return
            if self._claimed is None:
                return
            claimed = {"run_id": self._claimed.run_id, "attempt": self._claimed.attempt}
            run = connection.execute(_BEAT, claimed).one_or_none()
        if run is None or not run.is_ours:
            self._tell(ClaimLost("another attempt took it over, or it was recorded as lost"))
        elif run.cancelled_by:
            self._tell(Cancelled(run.cancelled_by))

    def _is_frozen(self, connection: Connection) -> bool:
        """Whether we have waited in the claim's connection for long, and the server has not worked for it meanwhile."""
        idle_since = None
        if self._driver.info.transaction_status == TRANSACTION_STATUS_ACTIVE:
            idle_since = connection.scalar(_IDLE_SINCE, {"backend": self._backend})
        if idle_since is None or idle_since != self._idle[0]:
            self._idle = (idle_since, time.monotonic())
            return False
        return time.monotonic() - self._idle[1] > SILENCE_S

    def _give_up(self, reason: str) -> None:
        log.warning("connection_shut", reason=reason)
        self._tell(ClaimLost(reason))
        for driver in (self._driver, self._own_driver):
            if driver is not None:
                shut(driver)

    def _tell(self, reason: BaseException) -> None:
        if (end := self._end) is not None:
            end(reason)
