"""Pauses: queues whose runs wait, cadences, single runs, and rebuilds of the grid, until somebody resumes them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from jobs.models.runs import Pause
from worker import ledger
from worker.errors import WrongState


def is_paused(connection: Connection, kind: str, name: str) -> bool:
    """Whether that queue or cadence rests; inside the caller's transaction."""
    return bool(connection.scalar(select(func.count()).where(Pause.kind == kind, Pause.name == name)))


def pause(connection: Connection, kind: str, name: str, who: str) -> bool:
    """Let a queue's runs, or a job's cadence, rest. Answers whether it did not rest already."""
    with connection.begin():
        values = {"kind": kind, "name": name, "requested_by": who}
        return bool(connection.execute(upsert(Pause).values(values).on_conflict_do_nothing()).rowcount)


def pause_run(connection: Connection, run_id: str, who: str) -> bool:
    """Pause a run that has not ended: one at work leaves at the next part of its work that can wait.

    Returns whether it was not paused already. Raises UnknownRun, WrongState.
    """
    run = ledger.get(connection, run_id)
    if run.ended_at is not None:
        raise WrongState("paused", run_id, run.state, "it has ended already")
    return pause(connection, "run", run_id, who)


def resume(connection: Connection, kind: str, name: str) -> bool:
    """Go on with a queue or a cadence. Answers whether it rested."""
    with connection.begin():
        return bool(connection.execute(delete(Pause).where(Pause.kind == kind, Pause.name == name)).rowcount)


def every(connection: Connection) -> Sequence[Row[Any]]:
    """What rests: kind, name, requested_by, created_at."""
    with connection.begin():
        return connection.execute(select(Pause.__table__).order_by(Pause.created_at)).all()
