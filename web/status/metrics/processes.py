"""Workers, schedulers and Redis, and when each host was last heard of."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from prometheus_client import Metric
from redis import RedisError
from sqlalchemy import Connection, Row

from jobs import catalogue
from web.findings import store as findings
from web.http.clients import client
from web.status.metrics.families import gauge, single
from worker import junk, liveness, pulses
from worker.liveness import WorkerState

_REDIS_UP = "Whether the Redis of the queues responds."


def collect(connection: Connection) -> Iterator[Metric]:
    """With Redis away, what PostgreSQL knows of them."""
    beats = pulses.every(connection)
    try:
        there = liveness.workers(client().redis)
        schedulers = liveness.schedulers(client().redis)
        dropped = junk.counts(client().redis)
    except RedisError:
        yield single("redis_up", _REDIS_UP, 0)
        there = []
    else:
        yield single("redis_up", _REDIS_UP, 1)
        samples = [((kind,), count) for kind, count in dropped.items()]
        yield gauge("junk_dropped", "Foreign entries that were dropped from Redis, by kind.", ("kind",), samples)
        yield _workers(connection, there)
        # One whose key was lost goes round all the same.
        known = max(schedulers, pulses.alive(beats, "scheduler"))
        yield single("schedulers", "Running rq-scheduler processes.", known)
    yield from _heard(beats, there)


def _workers(connection: Connection, there: Sequence[WorkerState]) -> Metric:
    """A queue's are left out while nobody knows of them: in a Redis that lost its keys they are soon there again."""
    counted = Counter((queue, worker.state) for worker in there for queue in worker.queues)
    lacking = {one.subject for one in findings.current(connection) if one.kind == "no_workers"}
    known = {queue for worker in there for queue in worker.queues} | lacking
    queues = [queue for queue in catalogue.queues() if queue in known or "all" in lacking]
    states = [((queue, state), counted[queue, state]) for queue in queues for state in ("idle", "busy")]
    return gauge("workers", "Running RQ workers, by queue and state.", ("queue", "state"), states)


def _heard(beats: Sequence[Row[Any]], there: Sequence[WorkerState]) -> Iterator[Metric]:
    """By host the youngest: a process that is gone leaves its last word for an hour."""
    ages: dict[tuple[str, str], float] = {}
    for part, host, age_s in (
        *((one.part, one.host, one.age_s) for one in beats),
        *(("worker", one.host, one.heard_s) for one in there),
    ):
        ages[part, host] = min(age_s, ages.get((part, host), age_s))
    said = "Seconds since the last heartbeat of the host's workers, sweep or scheduler."
    yield gauge("heartbeat_age_seconds", said, ("part", "host"), list(ages.items()))
    skews = {(one.host,): one.skew_s for one in beats if one.age_s < pulses.ALIVE_S}
    said = "Seconds that the host's clock is ahead of PostgreSQL's."
    yield gauge("clock_skew_seconds", said, ("host",), list(skews.items()))
