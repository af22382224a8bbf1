"""The sweep: what should be on an RQ list and is not goes there; attempts that died are settled.

One mechanism serves first delivery when Redis was away, retry delays, recovery, and a Redis that was wiped. Any
number of sweeps may run: each row is taken by one, and a run that is pushed twice is claimed once.
"""

from dataclasses import dataclass
from typing import Any

import structlog
from redis import Redis
from sqlalchemy import Connection, Row, select, text

from jobs import catalogue
from jobs.models.runs import Run
from worker import attempts, claim, ledger, transport

log = structlog.get_logger("safegrid.sweep")

# A push that a worker has just taken from the list stands nowhere until it is claimed.
GRACE_S = 5

_DUE = text(
    """
    SELECT id, job, queue, state, pushes FROM runs
    WHERE ended_at IS NULL AND due_at <= clock_timestamp()
      AND (state = 'waiting' OR state = 'queued' AND pushed_at < clock_timestamp() - :grace * interval '1 second')
      AND queue NOT IN (SELECT name FROM pauses WHERE kind = 'queue')
      AND NOT EXISTS (
          SELECT FROM runs AS ahead WHERE ahead.job = runs.job AND ahead.parameters = runs.parameters
          AND ahead.state = 'started' AND ahead.id <> runs.id
      )
    ORDER BY due_at LIMIT 500
    """
)


@dataclass(frozen=True)
class Swept:
    """What one sweep did."""

    pushed: int
    settled: int


def sweep(connection: Connection, redis: Redis) -> Swept:
    """Settle attempts that died, then push what is due. Raises redis.RedisError when the queues are away."""
    settled = _settle(connection)
    with connection.begin():
        due = connection.execute(_DUE, {"grace": GRACE_S}).all()
    there = {name: transport.waiting_ids(redis, name) for name in {run.queue for run in due}}
    missing = [run for run in due if transport.rq_id(run.id, run.pushes) not in there[run.queue]]
    pushed = sum(deliver(connection, redis, run.id, run.pushes) for run in missing if not _died(connection, redis, run))
    return Swept(pushed, settled)


def deliver(connection: Connection, redis: Redis, run_id: str, seen: int = 0) -> bool:
    """Push the run if it is due and not done. Raises redis.RedisError; the sweep then tries again."""
    run = ledger.pushed(connection, run_id, seen)
    if run is None:
        return False
    transport.push(redis, catalogue.find(run.job), run_id, run.pushes, run.parameters)
    return True


def _died(connection: Connection, redis: Redis, run: Row[Any]) -> bool:
    """Whether the run's last push was taken by a work-horse that died before its claim, once too often."""
    if run.state != "queued" or not transport.knows(redis, transport.rq_id(run.id, run.pushes)):
        # Not pushed yet, or wiped with all of Redis.
        return False
    return ledger.count_unclaimed(connection, run.id)


def _settle(connection: Connection) -> int:
    """Find attempts whose work-horse is gone: their advisory lock is free, though they are `started`."""
    settled = 0
    with connection.begin():
        for run in _started(connection):
            if claim.is_free(connection, run.id):
                attempts.settle_lost(connection, run)
                log.warning("attempt_lost", run_id=run.id, job=run.job, attempt=run.attempt)
                settled += 1
    return settled


def _started(connection: Connection) -> list[Row[Any]]:
    query = select(Run.__table__).where(Run.state == "started").with_for_update(skip_locked=True)
    return list(connection.execute(query))
