"""Runs as lists: filtered, searched, a page at a time; and the chain that a run stands in."""

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Text, cast, func, or_, select, text, tuple_

from jobs.models.crimes import IngestionRun
from jobs.models.runs import OPEN_STATES, Run

SEARCHED = 10_000
"""So many of the newest runs are searched for a text."""
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Without results, logs and checkpoints, which may be large.
COLUMNS = tuple(
    getattr(Run, name)
    for name in (
        "id",
        "job",
        "queue",
        "parameters",
        "state",
        "origin",
        "requested_by",
        "parent_id",
        "created_at",
        "due_at",
        "started_at",
        "ended_at",
        "attempt",
        "error",
        "cancel_requested_by",
    )
)
# No chain is so long; the bounds end one that leads back to itself.
_CHAIN = text(
    """
    WITH RECURSIVE up AS (
        SELECT id, parent_id, 0 AS step FROM runs WHERE id = :run_id
        UNION ALL SELECT runs.id, runs.parent_id, step + 1 FROM runs JOIN up ON runs.id = up.parent_id WHERE step < 20
    ), down AS (
        SELECT id, 0 AS depth FROM (SELECT id FROM up ORDER BY step DESC LIMIT 1) AS root
        UNION ALL SELECT runs.id, depth + 1 FROM runs JOIN down ON runs.parent_id = down.id WHERE depth < 20
    )
    SELECT runs.id, parent_id, job, state, created_at, depth FROM down JOIN runs USING (id)
    ORDER BY depth, created_at LIMIT 50
    """
)


@dataclass(frozen=True)
class RunFilter:
    """Which runs are wanted; what is empty does not matter."""

    state: str = ""
    job: str = ""
    queue: str = ""
    who: str = ""
    search: str = ""
    since: dt.datetime | None = None
    until: dt.datetime | None = None

    @property
    def conditions(self) -> list[ColumnElement[bool]]:
        """All but the search, as SQL."""
        found = [
            column == value
            for column, value in ((Run.job, self.job), (Run.queue, self.queue), (Run.requested_by, self.who))
            if value
        ]
        if self.state == "open":
            found.append(Run.ended_at.is_(None))
        elif self.state:
            found.append(Run.state == self.state)
        found += [Run.created_at >= self.since] if self.since else []
        return found + ([Run.created_at < self.until] if self.until else [])


def page(
    connection: Connection, wanted: RunFilter, count: int, before: tuple[dt.datetime, str] | None = None
) -> Sequence[Row[Any]]:
    """The newest `count` runs that are wanted, of those older than `before` (created_at and id of a run)."""
    with connection.begin():
        return connection.execute(_query(wanted, before).limit(count)).all()


def every(connection: Connection, wanted: RunFilter, count: int) -> Iterator[Row[Any]]:
    """The same one by one, as the server gives them, for lists of any length."""
    with connection.begin():
        # A cursor of the server: neither side holds more than so many rows.
        yield from connection.execution_options(yield_per=500).execute(_query(wanted).limit(count))


def _query(wanted: RunFilter, before: tuple[dt.datetime, str] | None = None) -> Select[Any]:
    where = wanted.conditions
    where += [tuple_(Run.created_at, Run.id) < tuple_(*before)] if before else []
    order = (Run.created_at.desc(), Run.id.desc())
    if not wanted.search:
        return select(*COLUMNS).where(*where).order_by(*order)
    if _UUID.fullmatch(wanted.search):
        return select(*COLUMNS).where(*where, Run.id == wanted.search).order_by(*order)
    newest = select(*COLUMNS).where(*where).order_by(*order).limit(SEARCHED).subquery()
    return (
        select(newest).where(_matches(newest.c, wanted.search)).order_by(newest.c.created_at.desc(), newest.c.id.desc())
    )


def _matches(columns: Any, search: str) -> ColumnElement[bool]:
    texts = (columns.id, columns.job, columns.requested_by, columns.error, cast(columns.parameters, Text))
    return or_(*(column.icontains(search, autoescape=True) for column in texts))


def ids(connection: Connection, wanted: RunFilter, states: Sequence[str], count: int) -> list[str]:
    """Ids of the newest runs that are wanted and in one of these states."""
    found = _query(wanted).subquery().c
    query = select(found.id).where(found.state.in_(states)).order_by(found.created_at.desc()).limit(count)
    with connection.begin():
        return list(connection.scalars(query))


def chain(connection: Connection, run_id: str) -> Sequence[Row[Any]]:
    """The runs that led to this one and followed from it, itself too: id, parent_id, job, state, created_at, depth."""
    with connection.begin():
        return connection.execute(_CHAIN, {"run_id": run_id}).all()


def months_of(connection: Connection, run_id: str) -> Sequence[Row[Any]]:
    """What the run brought in: area, month, status, records, unplaced, issues, error."""
    table = IngestionRun.__table__
    with connection.begin():
        return connection.execute(
            select(table).where(table.c.run_id == run_id).order_by(table.c.month.desc(), table.c.area)
        ).all()


def at_work(connection: Connection) -> Sequence[Row[Any]]:
    """The runs at work now, the longest first."""
    with connection.begin():
        return connection.execute(
            select(*COLUMNS).where(Run.ended_at.is_(None), Run.state == "started").order_by(Run.started_at)
        ).all()


def open_count(connection: Connection) -> int:
    """How many runs have not ended."""
    with connection.begin():
        return connection.scalar(select(func.count()).where(Run.state.in_(OPEN_STATES), Run.ended_at.is_(None))) or 0


def paused_by(connection: Connection, run_id: str) -> str | None:
    """Who paused the run; none if nobody did."""
    with connection.begin():
        found: str | None = connection.scalar(
            text("SELECT requested_by FROM pauses WHERE kind = 'run' AND name = :id"), {"id": run_id}
        )
        return found
