"""The ledger: each request for a job is a row of `runs` before it is anything in Redis.

Every change of state is one UPDATE whose WHERE names the state it leaves; its row count tells who won.
"""

import datetime as dt
import json
import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, case, delete, func, insert, literal, select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert

from jobs.catalogue import Job
from jobs.database import lock
from jobs.models import Attempt, Pause, Run
from worker.errors import ClaimLost, UnknownRun, WrongState

MAX_FAILURES = 3
MAX_LOSSES = 10
MAX_UNCLAIMED_PUSHES = 5
LONGEST_RETRY_DELAY_S = 3600.0

NOW = func.clock_timestamp()

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
class Asker:
    """Who wants a run, and which way they came."""

    origin: str
    who: str


@dataclass(frozen=True)
class Submission:
    """The run that answers a request; not a new one where an equal one was open already."""

    run_id: str
    is_new: bool


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


def submit(
    connection: Connection,
    job: Job,
    parameters: Mapping[str, Any],
    asker: Asker,
    *,
    parent_id: str | None = None,
) -> Submission:
    """Ask for a run. Raises ParameterError.

    A request equal to an open run that has not begun is that run; equal to one that has begun it waits behind
    it, unless the job says that the running one will do.
    """
    checked = job.validate(parameters)
    with connection.begin():
        return _enter(connection, job, checked, asker, parent_id)


def _enter(
    connection: Connection, job: Job, checked: Mapping[str, Any], asker: Asker, parent_id: str | None
) -> Submission:
    _lock_twins(connection, job.name, checked)
    twin = connection.scalar(_twin(job, checked))
    if twin is not None:
        return Submission(twin, is_new=False)
    run_id = str(uuid.uuid4())
    connection.execute(
        insert(Run).values(
            id=run_id,
            job=job.name,
            queue=job.queue,
            parameters=checked,
            state="waiting",
            origin=asker.origin,
            requested_by=asker.who,
            parent_id=parent_id,
        )
    )
    return Submission(run_id, is_new=True)


def _twin(job: Job, parameters: Mapping[str, Any]) -> Any:
    states = ("waiting", "queued", "started") if job.joins_running else ("waiting", "queued")
    return select(Run.id).where(*_equal(job.name, parameters), Run.state.in_(states)).order_by(Run.created_at).limit(1)


def _equal(job: str, parameters: Mapping[str, Any]) -> tuple[ColumnElement[bool], ...]:
    return Run.job == job, Run.parameters == literal(dict(parameters), JSONB), Run.ended_at.is_(None)


def _lock_twins(connection: Connection, job: str, parameters: Mapping[str, Any]) -> None:
    lock(connection, f"safegrid:twins:{job}:{json.dumps(parameters, sort_keys=True)}")


def get(connection: Connection, run_id: str) -> Row[Any]:
    """The run's row. Raises UnknownRun."""
    with connection.begin():
        row = connection.execute(select(Run.__table__).where(Run.id == run_id)).one_or_none()
    if row is None:
        raise UnknownRun(run_id)
    return row


def latest(connection: Connection, count: int, *where: ColumnElement[bool]) -> Sequence[Row[Any]]:
    """The newest runs that meet `where`, newest first."""
    query = select(Run.__table__).where(*where).order_by(Run.created_at.desc(), Run.id).limit(count)
    with connection.begin():
        return connection.execute(query).all()


def attempts(connection: Connection, run_id: str) -> Sequence[Row[Any]]:
    """The run's attempts, first to last."""
    with connection.begin():
        return connection.execute(
            select(Attempt.__table__).where(Attempt.run_id == run_id).order_by(Attempt.number)
        ).all()


def pushed(connection: Connection, run_id: str, seen: int) -> Row[Any] | None:
    """Note that the run goes to its RQ list now. Answers its job, parameters and pushes.

    None if it is not due, or if somebody else has pushed it since `seen` pushes were counted.
    """
    with connection.begin():
        return connection.execute(
            update(Run)
            .where(
                Run.id == run_id,
                Run.state.in_(("waiting", "queued")),
                Run.due_at <= NOW,
                Run.pushes == seen,
            )
            .values(state="queued", pushes=Run.pushes + 1, pushed_at=NOW)
            .returning(Run.job, Run.parameters, Run.pushes)
        ).one_or_none()


def count_unclaimed(connection: Connection, run_id: str) -> bool:
    """A worker took a push of this run and never claimed it. Answers whether the run failed for it, for good."""
    error = (
        f"Pushed {MAX_UNCLAIMED_PUSHES} times and never begun: its work-horses die before they can claim it. "
        "Look for out-of-memory kills, a missing module, or a database that workers cannot reach"
    )
    spent = Run.unclaimed_pushes + 1 >= MAX_UNCLAIMED_PUSHES
    with connection.begin():
        state = connection.scalar(
            update(Run)
            .where(Run.id == run_id, Run.state == "queued")
            .values(
                unclaimed_pushes=Run.unclaimed_pushes + 1,
                state=case((spent, "failed"), else_="queued"),
                error=case((spent, error), else_=Run.error),
                ended_at=case((spent, NOW)),
            )
            .returning(Run.state)
        )
    return state == "failed"


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
    _lock_twins(connection, run.job, run.parameters)
    if run.state == "started":
        # We hold its lock, so that attempt is dead.
        settle_lost(connection, run)
    elif requeued and run.state == "failed":
        _reopen(connection, run_id)
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
    connection: Connection, claimed: Claimed, result: Any, log: Sequence[Any], next_runs: Sequence[tuple[Job, Any]] = ()
) -> list[str]:
    """The run is done, and asks for the next ones in the same breath. Answers the ids of those.

    Raises ClaimLost when another attempt has taken over.
    """
    asker = Asker("pipeline", f"run {claimed.run_id}")
    with connection.begin():
        _finish(connection, claimed, result, log)
        return [
            _enter(connection, job, job.validate(parameters), asker, claimed.run_id).run_id
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
    """A work-horse was killed for what it did, such as taking too much memory: its run fails for good."""
    with connection.begin():
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


def _reopen(connection: Connection, run_id: str) -> int:
    return connection.execute(
        update(Run)
        .where(Run.id == run_id, Run.state.in_(("failed", "cancelled", "skipped")))
        .values(
            state="waiting",
            ended_at=None,
            due_at=NOW,
            failures=0,
            losses=0,
            unclaimed_pushes=0,
            cancel_requested_by=None,
            alerted_at=None,
        )
    ).rowcount


def retry(connection: Connection, run_id: str) -> None:
    """Begin a run again that came to nothing, from its last checkpoint. Raises UnknownRun, WrongState."""
    run = get(connection, run_id)
    with connection.begin():
        if not _reopen(connection, run_id):
            raise WrongState("retried", run_id, run.state, "only one that failed or was cancelled can be")


def cancel(connection: Connection, run_id: str, who: str) -> str:
    """Cancel a run. Answers its state: one at work stays `started` until its work-horse is stopped.

    Raises UnknownRun, WrongState.
    """
    run = get(connection, run_id)
    with connection.begin():
        at_work = Run.state == "started"
        state = connection.scalar(
            update(Run)
            .where(Run.id == run_id, Run.ended_at.is_(None))
            .values(
                cancel_requested_by=who,
                state=case((at_work, "started"), else_="cancelled"),
                ended_at=case((at_work, None), else_=NOW),
            )
            .returning(Run.state)
        )
    if state is None:
        raise WrongState("cancelled", run_id, run.state, "it has ended")
    return str(state)


def is_paused(connection: Connection, kind: str, name: str) -> bool:
    """Whether that queue or cadence rests; inside the caller's transaction."""
    return bool(connection.scalar(select(func.count()).where(Pause.kind == kind, Pause.name == name)))


def pause(connection: Connection, kind: str, name: str, who: str) -> bool:
    """Let a queue's runs, or a job's cadence, rest. Answers whether it did not rest already."""
    with connection.begin():
        values = {"kind": kind, "name": name, "requested_by": who}
        return bool(connection.execute(upsert(Pause).values(values).on_conflict_do_nothing()).rowcount)


def resume(connection: Connection, kind: str, name: str) -> bool:
    """Go on with a queue or a cadence. Answers whether it rested."""
    with connection.begin():
        return bool(connection.execute(delete(Pause).where(Pause.kind == kind, Pause.name == name)).rowcount)


def pauses(connection: Connection) -> Sequence[Row[Any]]:
    """What rests: kind, name, requested_by, created_at."""
    with connection.begin():
        return connection.execute(select(Pause.__table__).order_by(Pause.created_at)).all()


def purge(connection: Connection, queue: str, who: str) -> int:
    """Cancel every run of the queue that has not begun. Answers how many there were."""
    with connection.begin():
        return connection.execute(
            update(Run)
            .where(Run.queue == queue, Run.state.in_(("waiting", "queued")))
            .values(state="cancelled", cancel_requested_by=who, ended_at=NOW)
        ).rowcount


def forget(connection: Connection, older_than: dt.timedelta) -> int:
    """Delete ended runs of long ago. Answers how many there were."""
    with connection.begin():
        return connection.execute(delete(Run).where(Run.ended_at < NOW - older_than)).rowcount
