"""Watches the runs from beside: which attempts hold their claim, several times a second."""

import datetime as dt
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from jobs import database
from tests.faults.background import Background
from worker.settings import Settings

INTERVAL_S = 0.2

# A started run whose advisory lock is in the hands of a work-horse.
_ALIVE = text(
    """
    SELECT runs.id, runs.attempt, clock_timestamp() AS now FROM runs
    JOIN pg_locks ON locktype = 'advisory' AND granted AND objsubid = 1
         AND ((classid::bigint << 32) | objid::bigint) = hashtextextended('safegrid:run:' || runs.id, 0)
    JOIN pg_stat_activity USING (pid)
    WHERE runs.state = 'started' AND application_name = 'safegrid run ' || runs.id
    """
)


@dataclass
class Watch(Background):
    """A thread that notes when each attempt was last seen alive, for the length of a `with`."""

    settings: Settings
    last_seen: dict[tuple[str, int], dt.datetime] = field(default_factory=dict)
    """(run id, attempt number): the server's time."""

    def work(self) -> None:
        """Look until it is over."""
        engine = database.create(self.settings, application="faults watch")
        while not self.over.is_set():
            try:
                with engine.connect() as connection:
                    while not self.over.wait(INTERVAL_S):
                        with connection.begin():
                            for row in connection.execute(_ALIVE):
                                self.last_seen[row.id, row.attempt] = row.now
            except SQLAlchemyError:
                self.over.wait(INTERVAL_S)
        engine.dispose()
