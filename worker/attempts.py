"""Attempts: how a run is claimed by one work-horse, and how its tries end."""

import datetime as dt
import random
import uuid
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, case, func, insert, select, text, update

from jobs.models.runs import Attempt, Run
from jobs.storable import storable
from worker import ledger
from worker.claim import is_free
from worker.errors import ClaimLost, UnknownHere
from worker.ledger import NOW, Requester

if TYPE_CHECKING:
    from jobs.catalogue import Job

MAX_LOSSES = 10
# The first two losses cost no time, as most are an accident. What kills one work-horse after the other may pass, as a
# full disk does: so later ones wait, twice as long each.
FREE_LOSSES = 2
LONGEST_WAIT_S = 60
LONGEST_RETRY_DELAY_S = 3600.0

# A work-horse pays for each statement, with pages that it shares with its parent until it touches them: few and short.
# Locked, as a cancel may come between reading the run and settling its lost attempt: nothing begins after it.
_TO_CLAIM = select(Run.id, Run.job, Run.parameters, Run.state, Run.attempt, Run.cancel_requested_by).with_for_update()
_HAS_TO_WAIT = text(
    """
    SELECT EXISTS (
        SELECT FROM pauses WHERE kind = 'queue' AND name = mine.queue OR kind = 'run' AND name = mine.id
    ) OR EXISTS (
        SELECT FROM runs AS ahead WHERE ahead.job = mine.job AND ahead.parameters = mine.parameters
        AND ahead.ended_at IS NULL AND ahead.state = 'started' AND ahead.id <> mine.id
    )
    FROM runs AS mine WHERE mine.id = :run_id
    """
)
_IS_IN_THE_WAY = text(
    """
    SELECT EXISTS (
        SELECT FROM pauses WHERE kind = 'queue' AND name = :queue OR kind = 'run' AND name = :run_id
    ) OR EXISTS (
        SELECT FROM runs WHERE queue = :queue AND id <> :run_id AND state IN ('waiting', 'queued')
        AND due_at <= clock_timestamp() AND id NOT IN (SELECT name FROM pauses WHERE kind = 'run')
    )
    """
)
_BEGIN = text(
    """
    WITH begun AS (
        UPDATE runs SET state = 'started', attempt = attempt + 1, unclaimed_pushes = 0, unknown_since = NULL,
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

_DIED = "The work-horse died without an error: it was killed, ran out of memory, or its host went down"
_CUT = "PostgreSQL closed the connection of the attempt, or did not respond"
# The attempt was counted as a loss before it could say that it was alive.
_EXCUSE = text(
    """
    WITH excused AS (
        UPDATE attempts SET error = :cut
        WHERE run_id = :run_id AND number = :attempt AND outcome = 'lost' AND error = :died RETURNING run_id
    )
    UPDATE runs SET losses = greatest(losses - 1, 0) FROM excused WHERE runs.id = excused.run_id
    """
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


def claim(
    connection: Connection, run_id: str, worker: str, *, requeued: bool = False, known: Container[str] | None = None
) -> Claimed | None:
    """Begin an attempt. Only for the holder of the run's advisory lock; none if the run is not to be done now.

    requeued: somebody used `rq requeue`, which may retry a failed run. known: the jobs of this process, all of them
    when left out. Raises UnknownHere for a run of another job, and leaves it as it is.
    """
    with connection.begin():
        return _claim(connection, run_id, worker, requeued=requeued, known=known)


def _claim(
    connection: Connection, run_id: str, worker: str, *, requeued: bool = False, known: Container[str] | None = None
) -> Claimed | None:
    run = connection.execute(_TO_CLAIM.where(Run.id == run_id)).one_or_none()
    if run is None:
        return None
    if known is not None and run.job not in known:
        raise UnknownHere(run.job)
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
    """The run is done, and asks for the next ones in the same breath. Returns the ids of those.

    Raises ClaimLost when another attempt has taken over.
    """
    with connection.begin():
        _finish(connection, claimed, result, log)
        return ask_next(connection, claimed.run_id, next_runs)


def _finish(connection: Connection, claimed: Claimed, result: Any, log: Sequence[Any]) -> None:
    _update_claimed(
        connection,
        claimed,
        state="finished",
        result=result,
        error=None,
        ended_at=NOW,
        followed_up=True,
        log=list(log),
    )
    _end_attempt(connection, claimed.run_id, claimed.attempt, "finished")


def ask_next(connection: Connection, run_id: str, next_runs: Sequence[tuple["Job", Any]]) -> list[str]:
    """Enter the runs that a run makes necessary. Returns their ids. Part of the caller's transaction."""
    requester = Requester("pipeline", f"run {run_id}")
    return [
        ledger.enter(connection, job, job.validate(parameters), requester, run_id).run_id
        for job, parameters in next_runs
    ]


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


def is_in_the_way(connection: Connection, claimed: Claimed) -> bool:
    """Whether other runs wait for this one's queue, or it is paused."""
    with connection.begin():
        values = {"queue": claimed.queue, "run_id": claimed.run_id}
        return bool(connection.scalar(_IS_IN_THE_WAY, values))


def hand_back(
    connection: Connection, claimed: Claimed, log: Sequence[Any], delay_s: float = 0, *, outcome: str = "stopped"
) -> str:
    """The worker is going down, or what it needs, or the run gave way: it goes back to its queue at no cost.

    Returns its state now.
    """
    with connection.begin():
        run = _update_claimed(connection, claimed, stops=Run.stops + int(outcome == "stopped"), log=list(log))
        if run.cancel_requested_by:
            return _end_cancelled(connection, claimed, run.cancel_requested_by)
        _update_claimed(connection, claimed, state="waiting", due_at=NOW + dt.timedelta(seconds=delay_s))
        _end_attempt(connection, claimed.run_id, claimed.attempt, outcome)
        return "waiting"


def cancelled(connection: Connection, claimed: Claimed, log: Sequence[Any]) -> str:
    """The attempt heard that its run is cancelled, and has ended. Returns the run's state now."""
    with connection.begin():
        run = _update_claimed(connection, claimed, log=list(log))
        return _end_cancelled(connection, claimed, run.cancel_requested_by)


def _end_cancelled(connection: Connection, claimed: Claimed, who: str) -> str:
    _update_claimed(connection, claimed, state="cancelled", ended_at=NOW)
    _end_attempt(connection, claimed.run_id, claimed.attempt, "cancelled", f"Cancelled by {who}")
    return "cancelled"


def fail(
    connection: Connection,
    claimed: Claimed,
    error: str,
    traceback: str,
    log: Sequence[Any],
    retry_delay_s: float | None,
    tries: int = 3,
) -> str:
    """An attempt failed. It is tried again after the delay, `tries` times in all; never when the delay is None.

    Returns the state of the run now: one that somebody cancelled in the meantime is not tried again.
    """
    with connection.begin():
        run = _update_claimed(connection, claimed, failures=Run.failures + 1, error=error, log=list(log))
        _end_attempt(connection, claimed.run_id, claimed.attempt, "failed", error, traceback)
        if run.cancel_requested_by:
            return _end_cancelled(connection, claimed, run.cancel_requested_by)
        if retry_delay_s is None or run.failures >= tries:
            _update_claimed(connection, claimed, state="failed", ended_at=NOW)
            return "failed"
        delay = dt.timedelta(seconds=_jittered(retry_delay_s * 4 ** (run.failures - 1)))
        _update_claimed(connection, claimed, state="waiting", due_at=NOW + delay)
        return "waiting"


def _jittered(seconds: float) -> float:
    """Half to one and a half times as long, so that what failed together is not tried again together."""
    return min(seconds, LONGEST_RETRY_DELAY_S) * random.uniform(0.5, 1.5)  # noqa: S311 - no secret


def _update_claimed(connection: Connection, claimed: Claimed, **values: Any) -> Any:
    """Every word that an attempt leaves in its run goes through here, as texts that can be stored."""
    run: Any = connection.execute(
        update(Run)
        .where(Run.id == claimed.run_id, Run.attempt == claimed.attempt, Run.state == "started")
        .values(**storable(values))
        .returning(Run.failures, Run.cancel_requested_by)
    ).one_or_none()
    if run is None:
        raise ClaimLost("another attempt took it over, or it was recorded as lost")
    return run


def _end_attempt(
    connection: Connection, run_id: str, number: int, outcome: str, error: Any = None, trace: str | None = None
) -> None:
    connection.execute(
        update(Attempt)
        .where(Attempt.run_id == run_id, Attempt.number == number, Attempt.ended_at.is_(None))
        .values(outcome=outcome, error=storable(error), traceback=storable(trace), ended_at=NOW)
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


def settle_lost(connection: Connection, run: Row[Any], *, is_cut: bool = False) -> None:
    """The attempt's claim is gone. Only for the holder of the run's advisory lock, inside a transaction.

    It costs the run one of its losses, unless it was PostgreSQL that went (is_cut: this is known already).
    """
    if run.cancel_requested_by:
        _end_attempt(connection, run.id, run.attempt, "cancelled", f"Cancelled by {run.cancel_requested_by}")
        values: dict[str, Any] = {"state": "cancelled", "ended_at": NOW}
    else:
        is_cut = is_cut or bool(connection.scalar(_OUTLIVED, {"run_id": run.id, "attempt": run.attempt}))
        error = _CUT if is_cut else _DIED
        _end_attempt(connection, run.id, run.attempt, "lost", func.coalesce(Attempt.error, error))
        losses = Run.losses + (0 if is_cut else 1)
        spent = losses >= MAX_LOSSES
        values = {
            "losses": losses,
            "state": case((spent, "failed"), else_="waiting"),
            "ended_at": case((spent, NOW)),
            "error": case((spent, f"{error} ({MAX_LOSSES} times)"), else_=Run.error),
            "due_at": NOW if is_cut else NOW + _wait_after(losses),
        }
    connection.execute(
        update(Run).where(Run.id == run.id, Run.state == "started", Run.attempt == run.attempt).values(**values)
    )


def _wait_after(losses: Any) -> Any:
    seconds = func.least(LONGEST_WAIT_S, func.power(2.0, losses - FREE_LOSSES))
    return case((losses > FREE_LOSSES, func.make_interval(0, 0, 0, 0, 0, 0, seconds)), else_=dt.timedelta())


def note_silent(connection: Connection, run: Row[Any], seconds: float) -> None:
    """The claim of the attempt is taken away from its work-horse, which has been silent for so long."""
    error = (
        f"The work-horse sent no heartbeat for {seconds:g} s: it was stopped, lost its network, or its code blocks "
        "all threads"
    )
    connection.execute(
        update(Attempt).where(Attempt.run_id == run.id, Attempt.number == run.attempt).values(error=error)
    )


def excuse(connection: Connection, claimed: Claimed) -> bool:
    """The work-horse lives, and it was its connection that was cut: the run gets its loss back, or waits again.

    Returns whether there was something to excuse. Begins its own transaction.
    """
    with connection.begin():
        run = connection.execute(select(Run.__table__).where(Run.id == claimed.run_id).with_for_update()).one_or_none()
        if run is None:
            return False
        noted = select(Attempt.error).where(Attempt.run_id == claimed.run_id, Attempt.number == claimed.attempt)
        if connection.scalar(noted) not in (None, _DIED):
            # Its claim was taken away because it was silent. It may be so at every attempt: this one counts.
            return False
        if run.state == "started" and run.attempt == claimed.attempt and is_free(connection, claimed.run_id):
            settle_lost(connection, run, is_cut=True)
            return True
        attempt = {"run_id": claimed.run_id, "attempt": claimed.attempt, "cut": _CUT, "died": _DIED}
        return bool(connection.execute(_EXCUSE, attempt).rowcount)
