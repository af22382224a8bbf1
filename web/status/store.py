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
from web.http.clients import client
from web.runs import store as runs
from web.scores.store import Warming
from web.status.verdict import Seen
from worker import liveness, occurrences, overview
from worker.liveness import WorkerState
from worker.overview import QueueState

FAILURES_SINCE = dt.timedelta(days=1)
# A month of a daily job; and the day in which somebody looks for what went wrong last night.
OCCURRENCES = 30
HOURS = 24


@dataclass(frozen=True)
class Survey:
    """How everything is: what the verdict is made from, and what the first page shows beside it."""

    seen: Seen
    failures: Sequence[Row[Any]]
    at_work: Sequence[Row[Any]]
    workers: Sequence[WorkerState]


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


def survey() -> Survey:
    """How everything is now. Raises sqlalchemy's errors."""
    seen = Seen(dt.datetime.now(dt.UTC))
    with client().engine.connect() as connection:
        seen.queues = overview.queues(connection)
        seen.cadences = overview.cadences(connection)
        seen.last = overview.last_ended(connection, list(catalogue.load()))
        seen.newest_held = data.newest_month(connection)
        seen.source = data.source_state(connection)
        seen.warming = Warming.last(connection)
        failures = overview.failures(connection, seen.now - FAILURES_SINCE)
        at_work = runs.at_work(connection)
    return Survey(seen, failures, at_work, _ask_redis(seen))


def _ask_redis(seen: Seen) -> list[WorkerState]:
    redis = client().redis
    try:
        workers = liveness.workers(redis)
        seen.schedulers = liveness.schedulers(redis)
    except RedisError:
        seen.redis = False
        return []
    seen.workers = {queue.name: sum(queue.name in worker.queues for worker in workers) for queue in seen.queues}
    return workers


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
        return [Queue(state, waited[state.name]) for state in overview.queues(connection)]


def known_queue(name: str) -> str:
    """The queue of that name; 404 for another."""
    if name not in (known := catalogue.queues()):
        abort(404, f"There is no queue {name!r}; the queues are {', '.join(known)}")
    return name


def with_cadence(slug: str) -> Job:
    """The job of that slug; 404 for one that runs on demand only."""
    job = catalogue.find(slug)
    if job.cron is None:
        abort(404, f"{job.name} has no cadence: it runs on demand")
    return job
