"""What the pages and the API of the status ask: how everything is, the schedule, the queues."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import abort
from redis import RedisError
from sqlalchemy import Row

from jobs import catalogue
from jobs.catalogue import Job
from web.data import store as data
from web.findings import store as findings
from web.http.clients import client
from web.runs import store as runs
from worker import liveness, occurrences, overview, staffing
from worker.findings.watch import Shown
from worker.liveness import WorkerState
from worker.overview import QueueState
from worker.results import SourceState, source_state

FAILURES_SINCE = dt.timedelta(days=1)
# A month of a daily job; and the day in which somebody looks for what went wrong last night.
OCCURRENCES = 30
HOURS = 24


@dataclass(frozen=True)
class Survey:
    """How everything is: what is wrong, and what the first page shows beside it."""

    findings: Sequence[Shown]
    queues: Sequence[QueueState]
    cadences: dict[str, Row[Any]]
    last: dict[str, Row[Any]]
    """{job: its newest run that has ended}"""
    newest_held: dt.date | None
    source: SourceState | None
    failures: Sequence[Row[Any]]
    at_work: Sequence[Row[Any]]
    workers: Sequence[WorkerState] | None
    """None while Redis is away, as is `schedulers`."""
    schedulers: int | None

    @property
    def counts(self) -> dict[str, int]:
        """{queue: its workers}"""
        workers = self.workers or ()
        return {queue.name: sum(queue.name in worker.queues for worker in workers) for queue in self.queues}


@dataclass(frozen=True)
class Cadence:
    """A job's cadence as it is stored."""

    job: Job
    next_due: dt.datetime | None
    """None until a scheduler or worker has seen the job."""
    paused: bool
    occurrences: Sequence[Row[Any]]
    """The last ones, newest first: id, occurrence, state."""


@dataclass(frozen=True)
class Queue:
    """A queue now, and how many runs waited over the last day."""

    state: QueueState
    waited: list[int]
    """At the end of each quarter of an hour."""
    workers: int | None
    """Those of each supervisor that somebody chose; none where it is the usual number."""


def survey() -> Survey:
    """How everything is now. Raises sqlalchemy's errors."""
    with client().engine.connect() as connection:
        found = findings.current(connection)
        workers, schedulers = _processes(is_away=any(one.kind == "redis_away" for one in found))
        return Survey(
            findings=found,
            queues=overview.queues(connection),
            cadences=overview.cadences(connection),
            last=overview.last_ended(connection, list(catalogue.load())),
            newest_held=data.newest_month(connection),
            source=source_state(connection),
            failures=overview.failures(connection, dt.datetime.now(dt.UTC) - FAILURES_SINCE),
            at_work=runs.at_work(connection),
            workers=workers,
            schedulers=schedulers,
        )


def _processes(*, is_away: bool) -> tuple[list[WorkerState] | None, int | None]:
    if is_away:
        # Nobody waits for it twice.
        return None, None
    try:
        return liveness.workers(client().redis), liveness.schedulers(client().redis)
    except RedisError:
        return None, None


def schedule() -> list[Cadence]:
    """Every cadence, in the order of the catalogue."""
    with client().engine.connect() as connection:
        stored = overview.cadences(connection)
        return [
            Cadence(
                job,
                next_due=stored[name].next_due if name in stored else None,
                paused=name in stored and stored[name].paused,
                occurrences=occurrences.history(connection, name, OCCURRENCES),
            )
            for name, job in overview.scheduled().items()
        ]


def queues() -> list[Queue]:
    """Every queue."""
    with client().engine.connect() as connection:
        waited = overview.depths(connection, dt.datetime.now(dt.UTC), HOURS)
        chosen = staffing.chosen(connection)
        return [Queue(state, waited[state.name], chosen.get(state.name)) for state in overview.queues(connection)]


def throughput(days: int) -> overview.Throughput:
    """What ended in the last days, by the day; in the last day by the hour."""
    lasts = dt.timedelta(days=days)
    with client().engine.connect() as connection:
        return overview.throughput(connection, dt.datetime.now(dt.UTC), lasts, days if days > 1 else HOURS)


def known_queue(name: str) -> str:
    """The queue of that name; 404 for another."""
    if name not in (known := catalogue.queues()):
        abort(404, f"There is no queue {name}. Queues: {', '.join(known)}")
    return name


def with_cadence(slug: str) -> Job:
    """The job of that slug; 404 for one that runs on demand only."""
    job = catalogue.find(slug)
    if job.cron is None:
        abort(404, f"{job.name} has no cadence")
    return job
