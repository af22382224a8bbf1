"""The process that sweeps: part by part every few seconds, whatever becomes of each part."""

import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from ctypes import Array, c_double, c_int
from dataclasses import dataclass

import structlog
from redis import Redis, RedisError
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from jobs import catalogue, database
from jobs.catalogue import Job
from jobs.deadlines import within
from jobs.retention import ended
from worker import follow_ups, junk, ledger, occurrences, pulses, staffing, sweep, transport
from worker.boundaries import boundary
from worker.events import deliveries
from worker.findings import scores, store
from worker.findings.watch import Watch
from worker.settings import Settings

log = structlog.get_logger("safegrid.sweep")

EVERY_S = {"tidy": 3600.0, "junk": 30.0}
"""Parts that need not be done at every round."""
# Far more than any round needs, and less than the supervisor waits before it replaces the whole process.
LONGEST_ROUND_S = 45.0


@dataclass(frozen=True)
class Told:
    """What the supervisor is told, by the place of each of its queues."""

    depths: "Array[c_int]"
    """How many runs are on its list."""
    workers: "Array[c_int]"
    """How many workers it is to have."""


class Sweeper:
    """One sweep's parts, and when those that come seldom are due."""

    def __init__(self, settings: Settings, jobs: Mapping[str, Job], told: Told) -> None:
        self._settings = settings
        self._jobs = jobs
        self._told = told
        self._due: dict[str, float] = {}
        self._watch = Watch(settings)

    def go_round(self, connection: Connection, queues: Redis, names: Sequence[str]) -> None:
        """Every part once. Raises sqlalchemy's and redis's errors when a server is away."""
        # First what needs PostgreSQL alone: with Redis away, all that is left is to wait for it.
        parts: dict[str, Callable[[], object]] = {
            # What a scheduler would have done, were one there.
            "schedule": lambda: occurrences.tick(connection, self._jobs, database.now(connection)),
            "settle": lambda: sweep.settle(connection),
            "pulse": lambda: pulses.beat(connection, "sweep"),
            "findings": lambda: self._look(connection),
            "follow_ups": lambda: follow_ups.ask_for_ended(self._settings, connection),
            "events": lambda: deliveries.send_out(connection),
            "staff": lambda: self._staff(connection, names),
            "tidy": lambda: self._tidy(connection),
            "junk": lambda: junk.drop(queues, names),
            "stop_cancelled": lambda: sweep.stop_cancelled(connection, queues),
            "push": lambda: sweep.push_due(connection, queues, self._settings.unknown_job_wait),
            "depths": lambda: self._measure(queues, names),
        }
        for name, work in parts.items():
            if self._is_time(name, EVERY_S.get(name, 0.0)):
                with boundary(name, connection):
                    work()

    def _look(self, connection: Connection) -> None:
        """Find what is wrong; scores that have vanished are warmed again at once."""
        self._watch.look(connection)
        if self._settings.pipelines and store.is_current(connection, "scores_missing"):
            scores.warm_again(connection)

    def _staff(self, connection: Connection, names: Sequence[str]) -> None:
        for place, count in enumerate(staffing.wanted(connection, names, *self._settings.workers)):
            self._told.workers[place] = count

    def _tidy(self, connection: Connection) -> None:
        """Delete runs of long ago, once an hour; what is left of many, at the next round."""
        pulses.forget(connection)
        store.forget(connection, dt.timedelta(days=self._settings.run_retention_days))
        deliveries.forget(connection, self._settings.run_retention_days)
        if ledger.forget(connection, dt.timedelta(days=self._settings.run_retention_days)) == ended.MOST:
            self._due.pop("tidy")

    def _is_time(self, part: str, every_s: float) -> bool:
        if time.monotonic() < self._due.get(part, 0.0):
            return False
        self._due[part] = time.monotonic() + every_s
        return True

    def _measure(self, queues: Redis, names: Sequence[str]) -> None:
        for index, name in enumerate(names):
            self._told.depths[index] = transport.queue(name, queues).count


def sweep_forever(settings: Settings, names: Sequence[str], told: Told, pulse: c_double) -> None:
    """Sweep every few seconds; PostgreSQL or Redis away for a while is waited out.

    pulse: takes in when the sweep last went round.
    """
    engine = database.create(settings, application="safegrid sweep", longest_s=LONGEST_ROUND_S)
    queues = transport.connect(settings)
    sweeper = Sweeper(settings, catalogue.load(), told)
    while True:
        try:
            with engine.connect() as connection:
                while True:
                    pulse.value = time.monotonic()
                    with within(connection, LONGEST_ROUND_S):
                        sweeper.go_round(connection, queues, names)
                        time.sleep(settings.sweep_interval_s)
        except (SQLAlchemyError, RedisError) as error:
            log.warning("sweep_failed", error=str(error).partition("\n")[0])
            pulse.value = time.monotonic()
            time.sleep(settings.sweep_interval_s)
