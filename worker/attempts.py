"""Attempts: how a run is claimed by one work-horse, and how its tries end."""

import datetime as dt
import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, case, insert, select, text, update

from jobs.models.runs import Attempt, Run
from worker import ledger
from worker.errors import ClaimLost
from worker.ledger import NOW, Requester

if TYPE_CHECKING:
    from jobs.catalogue import Job

MAX_FAILURES = 3
MAX_LOSSES = 10
LONGEST_RETRY_DELAY_S = 3600.0

# A work-horse pays for each statement, with pages that it shares with its parent until it touches them: few and short.
_TO_CLAIM = select(Run.id, Run.job, Run.parameters, Run.state, Run.attempt, Run.cancel_requested_by)
_HAS_TO_WAIT = text(
    """
    SELECT EXISTS (SELECT FROM pauses WHERE kind = 'queue' AND name = mine.queue) OR EXISTS (
        SELECT FROM runs AS ahead WHERE ahead.job = mine.job AND ahead.parameters = mine.parameters
        AND ahead.ended_at IS NULL AND ahead.state = 'started' AND ahead.id <> mine.id
    )
    FROM runs AS mine WHERE mine.id = :run_id
    """
)
_BEGIN = text(
    """
    WITH begun AS (
        UPDATE runs SET state = 'started', attempt = attempt + 1, unclaimed_pushes = 0,
            started_at = coalesce(started_at, clock_timestamp())
        WHERE id = :run_id AND state IN ('waiting', 'queued') AND due_at <= clock_timestamp()
        RETURNING id, job, queue, parameters, attempt, checkpoint
    ), noted AS (
        INSERT INTO attempts (run_id, number, worker) SELECT id, attempt, :worker FROM begun
    )
    SELECT job, queue, parameters, attempt, checkpoint FROM begun
    """
).columns(Run.job, Run.queue, Run.parameters, Run.attempt, Run.checkpoint)

# PostgreSQL itself was started again since: no attempt of that time can have kept its claim.
_OUTLIVED = text(
    "SELECT started_at < pg_postmaster_start_time() FROM attempts WHERE run_id = :run_id AND number = :attempt"
)


@dataclass(frozen=True)
class Claimed:
    """A run that is ours to do, as the attempt of that number."""

    run_id: str
    job: str
    queue: str
    parameters: dict[str, Any]
    attempt: int
    state: dict[str, Any]
    """The last checkpoint."""

    def log_context(self) -> dict[str, Any]:
        """What every log line of the run carries."""
        return {"run_id": self.run_id, "job": self.job, "queue": self.queue, "attempt": self.attempt}


def of(connection: Connection, run_id: str) -> Sequence[Row[Any]]:
    """The run's attempts, first to last."""
    with connection.begin():
        return connection.execute(
            select(Attempt.__table__).where(Attempt.run_id == run_id).order_by(Attempt.number)
        ).all()


def claim(connection: Connection, run_id: str, worker: str, *, requeued: bool = False) -> Claimed | None:
    """Begin an attempt. Only for the holder of the run's advisory lock; none if the run is not to be done now.

    `requeued`: somebody used `rq requeue`, which may begin a failed run again.
    """
    with connection.begin():
        return _claim(connection, run_id, worker, requeued=requeued)


def _claim(connection: Connection, run_id: str, worker: str, *, requeued: bool = False) -> Claimed | None:
    run = connection.execute(_TO_CLAIM.where(Run.id == run_id)).one_or_none()
    if run is None:
        return None
    ledger.lock_twins(connection, run.job, run.parameters)
    if run.state == "started":
        # We hold its lock, so that attempt is dead.
        settle_lost(connection, run)
    elif requeued and run.state == "failed":
        ledger.reopen(connection, run_id)
    if connection.scalar(_HAS_TO_WAIT, {"run_id": run_id}):
        _wait_again(connection, run_id)
        return None
    row = connection.execute(_BEGIN, {"run_id": run_id, "worker": worker}).one_or_none()
    if row is None:
        return None
    return Claimed(run_id, row.job, row.queue, row.parameters, row.attempt, row.checkpoint or {})


def _wait_again(connection: Connection, run_id: str) -> None:
    connection.execute(
        update(Run).where(Run.id == run_id, Run.state == "queued").values(state="waiting", unclaimed_pushes=0)
    )


def checkpoint(connection: Connection, claimed: Claimed, state: Mapping[str, Any]) -> None:
    """Keep the state of an attempt. Raises ClaimLost when another attempt has taken over."""
    with connection.begin():
        _update_claimed(connection, claimed, checkpoint=dict(state))


def finish(
    connection: Connection,
    claimed: Claimed,
    result: Any,
    log: Sequence[Any],
    next_runs: Sequence[tuple["Job", Any]] = (),
) -> list[str]:
    """The run is done, and asks for the next ones in the same breath. Answers the ids of those.

    Raises ClaimLost when another attempt has taken over.
    """
    asker = Requester("pipeline", f"run {claimed.run_id}")
    with connection.begin():
        _finish(connection, claimed, result, log)
        return [
            ledger.enter(connection, job, job.validate(parameters), asker, claimed.run_id).run_id
            for job, parameters in next_runs
        ]


def _finish(connection: Connection, claimed: Claimed, result: Any, log: Sequence[Any]) -> None:
    _update_claimed(connection, claimed, state="finished", result=result, error=None, ended_at=NOW, log=list(log))
    _end_attempt(connection, claimed.run_id, claimed.attempt, "finished")


def rehearse(connection: Connection) -> None:
    """Go through a claim and its end and leave nothing, but that the engine has compiled their statements."""
    values = {"job": "rehearsal", "queue": "cache", "origin": "python", "requested_by": "worker"}
    with connection.begin() as transaction:
        run_id = str(uuid.uuid4())
        connection.execute(insert(Run).values(id=run_id, parameters={}, state="queued", **values))
        claimed = _claim(connection, run_id, "rehearsal")
        if claimed is not None:
            _finish(connection, claimed, None, ())
        transaction.rollback()


def hand_back(connection: Connection, claimed: Claimed, log: Sequence[Any]) -> None:
    """The worker is going down: the run goes back to its queue, which costs it nothing."""
    with connection.begin():
        _update_claimed(connection, claimed, state="waiting", stops=Run.stops + 1, due_at=NOW, log=list(log))
        _end_attempt(connection, claimed.run_id, claimed.attempt, "stopped")


def fail(
    connection: Connection,
    claimed: Claimed,
    error: str,
    traceback: str,
    log: Sequence[Any],
    retry_delay_s: float | None,
) -> str:
    """An attempt failed. It is tried again after the delay while the budget lasts; never when that is None.

    Answers the state of the run now.
    """
    with connection.begin():
        failures = _update_claimed(connection, claimed, failures=Run.failures + 1, error=error, log=list(log))
        _end_attempt(connection, claimed.run_id, claimed.attempt, "failed", error, traceback)
        if retry_delay_s is None or failures >= MAX_FAILURES:
            _update_claimed(connection, claimed, state="failed", ended_at=NOW)
            return "failed"
        delay = dt.timedelta(seconds=_jittered(retry_delay_s * 4 ** (failures - 1)))
        _update_claimed(connection, claimed, state="waiting", due_at=NOW + delay)
        return "waiting"


def _jittered(seconds: float) -> float:
    """Half to one and a half times as long, so that what failed together is not tried again together."""
    return min(seconds, LONGEST_RETRY_DELAY_S) * random.uniform(0.5, 1.5)  # noqa: S311 - no secret


def _update_claimed(connection: Connection, claimed: Claimed, **values: Any) -> int:
    failures: int | None = connection.scalar(
        update(Run)
        .where(Run.id == claimed.run_id, Run.attempt == claimed.attempt, Run.state == "started")
        .values(**values)
        .returning(Run.failures)
    )
    if failures is None:
        raise ClaimLost
    return failures


def _end_attempt(
    connection: Connection, run_id: str, number: int, outcome: str, error: str | None = None, trace: str | None = None
) -> None:
    connection.execute(
        update(Attempt)
        .where(Attempt.run_id == run_id, Attempt.number == number, Attempt.ended_at.is_(None))
        .values(outcome=outcome, error=error, traceback=trace, ended_at=NOW)
    )


def fail_dead(connection: Connection, run_id: str, error: str) -> None:
    """A work-horse is killed for what it did, such as taking too much memory: its run fails for good.

    Raises sqlalchemy's OperationalError where the work-horse itself holds the row: it must be killed all the same.
    """
    with connection.begin():
        connection.execute(text("SET LOCAL lock_timeout = '3s'"))
        attempt = connection.scalar(
            update(Run)
            .where(Run.id == run_id, Run.state == "started", Run.cancel_requested_by.is_(None))
            .values(state="failed", error=error, ended_at=NOW)
            .returning(Run.attempt)
        )
        if attempt is not None:
            _end_attempt(connection, run_id, attempt, "failed", error)


def settle_lost(connection: Connection, run: Row[Any]) -> None:
    """The attempt died without a word. Only for the holder of the run's advisory lock, inside a transaction.

    It costs the run one of its losses, unless it was PostgreSQL that went.
    """
    error = "The work-horse died without a word: killed, out of memory, or its machine is gone"
    if run.cancel_requested_by:
        _end_attempt(connection, run.id, run.attempt, "cancelled", f"Cancelled by {run.cancel_requested_by}")
        values: dict[str, Any] = {"state": "cancelled", "ended_at": NOW}
    else:
        _end_attempt(connection, run.id, run.attempt, "lost", error)
        losses = Run.losses + (0 if connection.scalar(_OUTLIVED, {"run_id": run.id, "attempt": run.attempt}) else 1)
        spent = losses >= MAX_LOSSES
        values = {
            "losses": losses,
            "state": case((spent, "failed"), else_="waiting"),
            "ended_at": case((spent, NOW)),
            "error": case((spent, f"{error} ({MAX_LOSSES} times)"), else_=Run.error),
            "due_at": NOW,
        }
    connection.execute(
        update(Run).where(Run.id == run.id, Run.state == "started", Run.attempt == run.attempt).values(**values)
    )
