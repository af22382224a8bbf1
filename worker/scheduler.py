"""The scheduler process: rq-scheduler, whose entries show in its own tools, with nothing left to lose.

rq-scheduler keeps an entry's time only in Redis and moves it in two steps. Here PostgreSQL keeps the times
(`worker.occurrences`), so the entries can be wiped, doubled or late: they are only a mirror.
"""

import datetime as dt
import threading
import time
from typing import Any

import structlog
from redis import RedisError
from rq.job import Job as RqJob
from rq_scheduler import Scheduler
from rq_scheduler.utils import to_unix
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from jobs import catalogue, database
from jobs.deadlines import within
from worker import ledger, occurrences, pulses, sweep, transport
from worker.boundaries import boundary
from worker.rq import SafegridJob, SafegridQueue
from worker.settings import Settings
from worker.telling.telling import tell_forever

log = structlog.get_logger("safegrid.scheduler")

INTERVAL_S = 5
# Far more than a tick needs: what waits longer in PostgreSQL waits for a connection that is frozen.
LONGEST_TICK_S = 45.0


def entry_id(job: str) -> str:
    """rq-scheduler's id for a job's cadence."""
    return f"cadence_{job}"


class SafegridScheduler(Scheduler):  # type: ignore[misc]
    """rq-scheduler with the ledger's occurrences in place of its own enqueueing."""

    def __init__(self, engine: Engine, **options: Any) -> None:
        options.update(job_class=SafegridJob, queue_class=SafegridQueue, interval=INTERVAL_S)
        super().__init__(**options)
        self.engine = engine
        self.jobs = catalogue.load()

    def run(self, burst: bool = False) -> None:
        """Tick until SIGTERM, or once.

        rq-scheduler's own loop sleeps until a time of the wall clock, for hours where that is set back; and it waits
        for a lock, for ever where that has no end. Ticks of several schedulers do no harm.
        """
        self.register_birth()
        self._install_signal_handlers()
        try:
            while True:
                self.heartbeat()
                self.enqueue_jobs()
                if burst:
                    return
                time.sleep(INTERVAL_S)
        finally:
            self.register_death()

    def enqueue_jobs(self) -> list[RqJob]:
        """One tick: declared cadences stored, what is due entered, entries mirrored. PostgreSQL may be away."""
        try:
            with self.engine.connect() as connection, within(connection, LONGEST_TICK_S):
                pulses.beat(connection, "scheduler")
                self.tick(connection, database.now(connection))
        except SQLAlchemyError as error:
            log.warning("ledger_is_away", error=str(error).partition("\n")[0])
        return []

    def tick(self, connection: Connection, now: dt.datetime) -> list[str]:
        """What `enqueue_jobs` does at the time `now`. Returns the runs that became due."""
        due = occurrences.tick(connection, self.jobs, now)
        for run_id in due:
            with boundary("deliver", connection, run_id=run_id):
                job = self.jobs[ledger.get(connection, run_id).job]
                sweep.deliver(connection, self.connection, job, run_id)
        with boundary("mirror", connection):
            self._mirror(occurrences.schedule(connection))
        return due

    def heartbeat(self) -> None:
        """rq-scheduler only renews a key that is there: after a FLUSHALL, or a long pause, there is none to renew."""
        if not self.connection.expire(self.key, INTERVAL_S + 10):
            self.register_birth()

    def enqueue_job(self, job: RqJob) -> None:
        """rq-scheduler's way to start an entry now: the tick does it."""
        self.enqueue_jobs()

    def _mirror(self, schedule: dict[str, dt.datetime]) -> None:
        """Show the schedule as rq-scheduler's entries, ours only."""
        # Another process may have a newer version, with cadences of jobs that are unknown here.
        wanted = {entry_id(name): name for name in schedule if name in self.jobs}
        for stored in self.connection.zrange(self.scheduled_jobs_key, 0, -1):
            entry = stored.decode(errors="backslashreplace")
            if entry.startswith(entry_id("")) and entry.removeprefix(entry_id("")) not in schedule:
                self.cancel(entry)
        for entry, name in wanted.items():
            with boundary("mirror", job=name):
                self._mirror_entry(entry, self.jobs[name], schedule[name])

    def _mirror_entry(self, entry: str, job: catalogue.Job, due: dt.datetime) -> None:
        if not transport.knows(self.connection, entry):
            mirrored = self.job_class.create(
                job.path,
                kwargs=job.validate({}),
                connection=self.connection,
                id=entry,
                result_ttl=-1,
                description=transport.describe(job.name, {}),
                meta={"cron_string": job.cron},
                origin=job.queue,
            )
            mirrored.save()
        self.connection.zadd(self.scheduled_jobs_key, {entry: to_unix(due)})

    def register_death(self) -> None:
        """Leaving must not fail because Redis is away."""
        try:
            super().register_death()
        except RedisError as error:
            log.warning("queues_are_away", error=str(error))


def run_forever(settings: Settings) -> None:
    """Schedule until SIGTERM. Redis or PostgreSQL away for a while is waited out."""
    engine = database.create(settings, application="safegrid scheduler", longest_s=LONGEST_TICK_S)
    if settings.tells:
        # The workers tell too, by turns; here, so that somebody tells when there are none.
        threading.Thread(target=tell_forever, args=(settings,), daemon=True, name="alerts").start()
    while True:
        try:
            SafegridScheduler(engine, connection=transport.connect(settings)).run()
        except RedisError as error:
            log.warning("queues_are_away", error=str(error))
            time.sleep(INTERVAL_S)
