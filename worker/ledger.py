"""The ledger: each request for a job is a row of `runs` before it is anything in Redis.

Every change of state is one UPDATE whose WHERE names the state it leaves; its row count tells who won.
"""

import datetime as dt
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Row, case, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB

from jobs import database
from jobs.database import lock
from jobs.models.runs import Run
from jobs.parameters import refuse_unknown
from jobs.retention import ended
from worker.errors import UnknownRun, WrongState

if TYPE_CHECKING:
    from jobs.catalogue import Job

MAX_UNCLAIMED_PUSHES = 5
NOW = func.clock_timestamp()


@dataclass(frozen=True)
class Requester:
    """Who wants a run, and which way they came."""

    origin: str
    who: str


@dataclass(frozen=True)
class Submission:
    """The run that a request led to; not a new one where an equal one was open already."""

    run_id: str
    is_new: bool
    is_sooner: bool = False
    """Whether a run that was to begin later begins sooner for it."""


def submit(
    connection: Connection,
    job: "Job",
    parameters: Mapping[str, Any],
    requester: Requester,
    *,
    parent_id: str | None = None,
    due_at: dt.datetime | None = None,
) -> Submission:
    """Ask for a run, to begin at a time or at once. Raises ParameterError.

    A request equal to an open run that has not begun is that run, which begins at the earlier of the two times; equal
    to one that has begun it waits behind it, unless the job says that the running one will do.
    """
    checked = job.validate(parameters)
    with connection.begin():
        refuse_unknown(connection, job.name, job.parameters, checked)
        return enter(connection, job, checked, requester, parent_id, due_at)


def enter(
    connection: Connection,
    job: "Job",
    checked: Mapping[str, Any],
    requester: Requester,
    parent_id: str | None,
    due_at: dt.datetime | None = None,
) -> Submission:
    """`submit` of checked parameters, inside the caller's transaction."""
    lock_twins(connection, job.name, checked)
    twin = connection.scalar(_twin(job, checked, is_for_later=due_at is not None))
    if twin is not None:
        return Submission(twin, is_new=False, is_sooner=_bring_forward(connection, twin, due_at))
    run_id = str(uuid.uuid4())
    connection.execute(
        insert(Run).values(
            id=run_id,
            job=job.name,
            queue=job.queue,
            parameters=checked,
            state="waiting",
            origin=requester.origin,
            requested_by=requester.who,
            parent_id=parent_id,
            due_at=NOW if due_at is None else due_at,
        )
    )
    return Submission(run_id, is_new=True)


def _bring_forward(connection: Connection, run_id: str, due_at: dt.datetime | None) -> bool:
    """Have a run that is planned for later begin sooner. One that waits for its next attempt keeps its delay."""
    sooner: Any = NOW if due_at is None else due_at
    query = update(Run).where(Run.id == run_id, Run.attempt == 0, Run.state != "started", Run.due_at > sooner)
    return bool(connection.execute(query.values(due_at=sooner)).rowcount)


def _twin(job: "Job", parameters: Mapping[str, Any], *, is_for_later: bool) -> Any:
    joins_running = job.joins_running and not is_for_later
    states = ("waiting", "queued", "started") if joins_running else ("waiting", "queued")
    return select(Run.id).where(*_equal(job.name, parameters), Run.state.in_(states)).order_by(Run.created_at).limit(1)


def _equal(job: str, parameters: Mapping[str, Any]) -> tuple[ColumnElement[bool], ...]:
    return Run.job == job, Run.parameters == literal(dict(parameters), JSONB), Run.ended_at.is_(None)


def lock_twins(connection: Connection, job: str, parameters: Mapping[str, Any]) -> None:
    """Until the end of the transaction nobody else asks for an equal run or begins one."""
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


def pushed(connection: Connection, run_id: str, seen: int) -> Row[Any] | None:
    """Note that the run goes to its RQ list now. Returns its job, parameters and pushes.

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
    """A worker took a push of this run and never claimed it. Returns whether the run failed for it, for good."""
    error = (
        f"Pushed {MAX_UNCLAIMED_PUSHES} times but never started: its work-horses die before they can claim it. "
        "Check for out-of-memory kills, a missing module, or a database that workers cannot reach"
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


def leave_unknown(connection: Connection, run_id: str, job: str, wait: dt.timedelta) -> bool:
    """This process does not know the run's job: leave it to one that does. Returns whether it failed for it, for good.

    A rolling deploy has processes of two versions for a while; a job that was renamed or removed is known to none.
    """
    error = (
        f"No process has known the job {job} for {wait}: it was renamed or removed, or its module is not among "
        "SAFEGRID_JOB_MODULES. Start a version that knows it and retry this run, or ask for the job by its new name"
    )
    since = func.coalesce(Run.unknown_since, NOW)
    spent = since < NOW - wait
    with connection.begin():
        state = connection.scalar(
            update(Run)
            .where(Run.id == run_id, Run.state.in_(("waiting", "queued")))
            .values(
                unknown_since=since,
                unclaimed_pushes=0,
                state=case((spent, "failed"), else_="waiting"),
                error=case((spent, error), else_=Run.error),
                ended_at=case((spent, NOW)),
            )
            .returning(Run.state)
        )
    return state == "failed"


def reopen(connection: Connection, run_id: str) -> int:
    """Make a run that came to nothing wait again with fresh budgets. Returns 0 where it is none."""
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
            unknown_since=None,
            cancel_requested_by=None,
            acknowledged_by=None,
            followed_up=False,
        )
    ).rowcount


def retry(connection: Connection, run_id: str) -> None:
    """Retry a run that came to nothing, from its last checkpoint. Raises UnknownRun, WrongState."""
    run = get(connection, run_id)
    with connection.begin():
        if not reopen(connection, run_id):
            raise WrongState("retried", run_id, run.state, "only failed and cancelled runs can be")


def cancel(connection: Connection, run_id: str, who: str) -> str:
    """Cancel a run. Returns its state: one at work stays `started` until its work-horse is stopped.

    Raises UnknownRun, WrongState.
    """
    run = get(connection, run_id)
    with connection.begin():
        states = cancel_open(connection, who, Run.id == run_id)
    if not states:
        raise WrongState("cancelled", run_id, run.state, "it has ended already")
    return states[0]


def cancel_open(connection: Connection, who: str, *where: ColumnElement[bool]) -> Sequence[str]:
    """Cancel the open runs of which all this holds. Returns their states. Part of the caller's transaction."""
    at_work = Run.state == "started"
    return connection.scalars(
        update(Run)
        .where(Run.ended_at.is_(None), *where)
        .values(
            cancel_requested_by=who,
            state=case((at_work, "started"), else_="cancelled"),
            ended_at=case((at_work, None), else_=NOW),
        )
        .returning(Run.state)
    ).all()


def discard(connection: Connection, run_id: str, who: str) -> None:
    """Give up a run that failed: it is cancelled, and keeps its error. Raises UnknownRun, WrongState.

    Those of equal parameters that failed before it count as acknowledged: what is given up is the request.
    """
    run = get(connection, run_id)
    with connection.begin():
        failed = update(Run).where(Run.state == "failed")
        if not connection.execute(
            failed.where(Run.id == run_id).values(state="cancelled", cancel_requested_by=who)
        ).rowcount:
            raise WrongState("discarded", run_id, run.state, "only failed runs can be")
        equal = (Run.job == run.job, Run.parameters == literal(run.parameters, JSONB), Run.ended_at <= run.ended_at)
        connection.execute(failed.where(*equal).values(acknowledged_by=who))


def purge(connection: Connection, queue: str, who: str) -> int:
    """Cancel every run of the queue that has not begun. Returns how many there were."""
    with connection.begin():
        return connection.execute(
            update(Run)
            .where(Run.queue == queue, Run.state.in_(("waiting", "queued")))
            .values(state="cancelled", cancel_requested_by=who, ended_at=NOW)
        ).rowcount


def forget(connection: Connection, older_than: dt.timedelta, most: int = ended.MOST) -> int:
    """Delete ended runs of long ago, at most `most` at a time. Returns how many there were."""
    return ended.delete_before(connection, database.now(connection) - older_than, most)
