"""The sweep: what should be on an RQ list and is not goes there; attempts that died are settled.

One mechanism serves first delivery when Redis was away, retry delays, recovery, and a Redis that was wiped. Any
number of sweeps may run: each row is taken by one, and a run that is pushed twice is claimed once. An error around one
run reaches no other.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any

import structlog
from redis import Redis
from sqlalchemy import Connection, Row, select, text

from jobs import catalogue
from jobs.catalogue import Job
from jobs.models.runs import Run
from worker import attempts, claim, ledger, transport
from worker.boundaries import boundary

log = structlog.get_logger("safegrid.sweep")

# A push that a worker has just taken from the list stands nowhere until it is claimed.
GRACE_S = 5
# A work-horse says every few seconds that it is alive. One that has not for so long is frozen, or its host is cut off,
# and the server may hold its connection, and with it the claim, for ever.
SILENT_S = 50
UNKNOWN_WAIT = dt.timedelta(minutes=15)

_DUE = text(
    """
    SELECT id, job, queue, state, pushes FROM runs
    WHERE ended_at IS NULL AND due_at <= clock_timestamp()
      AND (state = 'waiting' OR state = 'queued' AND pushed_at < clock_timestamp() - :grace * interval '1 second')
      AND queue NOT IN (SELECT name FROM pauses WHERE kind = 'queue')
      AND id NOT IN (SELECT name FROM pauses WHERE kind = 'run')
      AND NOT EXISTS (
          SELECT FROM runs AS ahead WHERE ahead.job = runs.job AND ahead.parameters = runs.parameters
          AND ahead.state = 'started' AND ahead.id <> runs.id
      )
    ORDER BY due_at LIMIT 500
    """
)
_SILENT = text(
    """
    SELECT EXISTS (
        SELECT FROM attempts WHERE run_id = :run_id AND number = :attempt AND ended_at IS NULL
        AND coalesce(beat_at, started_at) < clock_timestamp() - :silent * interval '1 second'
    )
    """
)


@dataclass(frozen=True)
class Swept:
    """What one sweep did."""

    pushed: int
    settled: int


def sweep(connection: Connection, redis: Redis, unknown_wait: dt.timedelta = UNKNOWN_WAIT) -> Swept:
    """Settle attempts that died, then push what is due. Raises redis.RedisError when the queues are away.

    unknown_wait: how long a run waits for a process that knows its job.
    """
    settled = settle(connection)
    stop_cancelled(connection, redis)
    return Swept(push_due(connection, redis, unknown_wait), settled)


def settle(connection: Connection) -> int:
    """Find attempts whose claim is gone, and take it from those that are frozen. Returns how many were settled."""
    settled = 0
    for run_id in _started(connection):
        with boundary("settle", connection, run_id=run_id):
            settled += _settle_one(connection, run_id)
    return settled


def _settle_one(connection: Connection, run_id: str) -> bool:
    """Whether the run's attempt was lost. Its advisory lock is free then, though the run is `started`."""
    query = select(Run.__table__).where(Run.id == run_id, Run.state == "started").with_for_update(skip_locked=True)
    with connection.begin():
        run = connection.execute(query).one_or_none()
        if run is None:
            return False
        if not claim.is_free(connection, run_id):
            if connection.scalar(_SILENT, {"run_id": run_id, "attempt": run.attempt, "silent": SILENT_S}):
                attempts.note_silent(connection, run, SILENT_S)
                log.warning("claim_taken_away", run_id=run_id, holders=claim.take_away(connection, run_id))
            return False
        attempts.settle_lost(connection, run)
    log.warning("attempt_lost", run_id=run_id, job=run.job, attempt=run.attempt)
    return True


def _started(connection: Connection, *where: Any) -> Sequence[str]:
    with connection.begin():
        return connection.scalars(select(Run.id).where(Run.state == "started", *where)).all()


def stop_cancelled(connection: Connection, redis: Redis) -> None:
    """Tell the workers again to stop what is cancelled: the first time, Redis or the worker may have been away."""
    for run_id in _started(connection, Run.cancel_requested_by.is_not(None)):
        with boundary("stop_cancelled", connection, run_id=run_id):
            transport.stop(redis, transport.rq_id(run_id, ledger.get(connection, run_id).pushes))


def push_due(connection: Connection, redis: Redis, unknown_wait: dt.timedelta = UNKNOWN_WAIT) -> int:
    """Push what is due and on no list. Returns how many there were."""
    with connection.begin():
        due = connection.execute(_DUE, {"grace": GRACE_S}).all()
    pushed = 0
    # A list that is broken is a matter of its own queue.
    for name, runs in groupby(sorted(due, key=attrgetter("queue")), key=attrgetter("queue")):
        with boundary("push", connection, queue=name):
            there = transport.waiting_ids(redis, name)
            for run in runs:
                if transport.rq_id(run.id, run.pushes) in there:
                    continue
                with boundary("push", connection, run_id=run.id, job=run.job):
                    pushed += _push(connection, redis, run, unknown_wait)
    return pushed


def _push(connection: Connection, redis: Redis, run: Row[Any], unknown_wait: dt.timedelta) -> bool:
    job = catalogue.load().get(run.job)
    if job is None:
        if ledger.leave_unknown(connection, run.id, run.job, unknown_wait):
            log.error("job_unknown", run_id=run.id, job=run.job)
        return False
    return not _died(connection, redis, run) and deliver(connection, redis, job, run.id, run.pushes)


def deliver(connection: Connection, redis: Redis, job: Job, run_id: str, seen: int = 0) -> bool:
    """Push the run of `job` if it is due and not done. Raises redis.RedisError; the sweep then tries again."""
    run = ledger.pushed(connection, run_id, seen)
    if run is None:
        return False
    transport.push(redis, job, run_id, run.pushes, run.parameters)
    return True


def _died(connection: Connection, redis: Redis, run: Row[Any]) -> bool:
    """Whether the run's last push was taken by a work-horse that died before its claim, once too often."""
    if run.state != "queued" or not transport.knows(redis, transport.rq_id(run.id, run.pushes)):
        # Not pushed yet, or wiped with all of Redis.
        return False
    return ledger.count_unclaimed(connection, run.id)
