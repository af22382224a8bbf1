"""Months on their way in: answers of the source that are kept until all of them are there.

So nothing is asked for twice after a kill, a stop or an answer that failed, and a large month needs no memory.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import tenacity
from sqlalchemy import Connection, delete, insert, select, text, update

from jobs.areas import Area
from jobs.context import Context
from jobs.database import copy
from jobs.ingestion.records import Answer, Crime, Issues
from jobs.models.crimes import StagedAnswer, StagedPull

FORGOTTEN_AFTER = dt.timedelta(days=7)
_COLUMNS = (
    "pull",
    "force",
    "category",
    "latitude",
    "longitude",
    "street_id",
    "street_name",
    "api_id",
    "persistent_id",
    "location_type",
    "outcome",
    "outcome_month",
)
_ASIDE_COLUMNS = ("pull", "force", "reason", "record", "category", "latitude", "longitude")
_PLACED = text(
    "SELECT category, count(*) AS n FROM staged_crimes WHERE pull = :pull AND force IS NULL "
    "GROUP BY 1 ORDER BY 2 DESC, 1"
)
_UNPLACED = text(
    "SELECT force, count(*) AS n FROM staged_crimes WHERE pull = :pull AND force IS NOT NULL GROUP BY 1 ORDER BY 1"
)
_UNKNOWN = text(
    "SELECT category, count(*) AS n FROM staged_asides WHERE pull = :pull AND category IS NOT NULL "
    "GROUP BY 1 ORDER BY 1"
)


@dataclass(frozen=True)
class Pull:
    """A month of an area that is being asked for. All of it is of one release."""

    id: int
    area: Area
    month: dt.date
    source: str
    release: dt.date | None
    started_at: dt.datetime


@dataclass(frozen=True)
class Totals:
    """A pull, added up."""

    categories: Mapping[str, int]
    """{category: placed crimes}, the most frequent first."""
    unplaced: Mapping[str, int]
    """{force: crimes without a place}"""
    requests: int
    read: int
    outside: int
    set_aside: int
    issues: list[dict[str, Any]]
    unknown: Mapping[str, int]
    """{category that is not known: records}; they are among those set aside."""

    @property
    def placed(self) -> int:
        """Crimes with a place."""
        return sum(self.categories.values())

    @property
    def crimes(self) -> int:
        """All of them."""
        return self.placed + sum(self.unplaced.values())


@contextmanager
def alone(here: Context, area: str, month: dt.date) -> Iterator[None]:
    """Wait until no other run asks for this month of the area, and let none do so meanwhile."""
    name = {"name": f"safegrid:pull:{area}:{month}"}

    @tenacity.retry(wait=tenacity.wait_fixed(0.2), retry=tenacity.retry_if_result(lambda is_ours: not is_ours))
    def take() -> Any:
        here.leave_if_stopping()
        with here.connection.begin():
            return here.connection.scalar(text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))"), name)

    take()
    try:
        yield
    finally:
        # A connection that is lost has given it up.
        if not here.connection.invalidated and not here.connection.in_transaction():
            with here.connection.begin():
                here.connection.execute(text("SELECT pg_advisory_unlock(hashtextextended(:name, 0))"), name)


def begin(connection: Connection, area: Area, month: dt.date, source: str, release: dt.date) -> Pull:
    """Go on with what is staged of this month, border and release, or begin anew."""
    key = {"area": area.slug, "month": month, "source": source}
    there = select(StagedPull.id, StagedPull.started_at).filter_by(**key, boundary=area.border, release=release)
    with connection.begin():
        row = connection.execute(there).one_or_none()
        if row is not None:
            return Pull(row.id, area, month, source, release, row.started_at)
        connection.execute(delete(StagedPull).filter_by(**key))
        # What nobody went on with, such as of a month that is not on offer any more.
        forgotten = StagedPull.started_at < dt.datetime.now(dt.UTC) - FORGOTTEN_AFTER
        connection.execute(delete(StagedPull).where(forgotten))
        return begin_anew(connection, area, month, source, release)


def begin_anew(connection: Connection, area: Area, month: dt.date, source: str, release: dt.date | None = None) -> Pull:
    """A pull of which nothing is staged. Part of the caller's transaction."""
    values = {"area": area.slug, "month": month, "boundary": area.border, "source": source, "release": release}
    started_at = dt.datetime.now(dt.UTC)
    started = insert(StagedPull).values(**values, started_at=started_at).returning(StagedPull.id)
    return Pull(connection.execute(started).scalar_one(), area, month, source, release, started_at)


def answered(connection: Connection, pull: Pull) -> dict[str, bool]:
    """{name: whether it was split} of the answers that are there."""
    with connection.begin():
        rows = connection.execute(select(StagedAnswer.name, StagedAnswer.is_split).where(StagedAnswer.pull == pull.id))
        return {row.name: row.is_split for row in rows}


def keep(
    connection: Connection,
    pull: Pull,
    name: str,
    requests: int,
    answer: Answer,
    crimes: Sequence[Crime],
    force: str | None = None,
) -> None:
    """Keep an answer with its crimes. force: of those without a place."""
    with connection.begin():
        write(connection, pull, crimes, force)
        copy(connection, "staged_asides", _ASIDE_COLUMNS, ((pull.id, force, *one) for one in answer.aside))
        values = {"read": answer.read, "outside": answer.outside, "set_aside": answer.set_aside}
        _note(connection, pull, name, requests, is_split=False, issues=answer.issues.as_list(), **values)


def write(connection: Connection, pull: Pull, crimes: Sequence[Crime], force: str | None = None) -> None:
    """Stage crimes. Part of the caller's transaction. force: of those without a place."""
    copy(connection, "staged_crimes", _COLUMNS, ((pull.id, force, *crime) for crime in crimes))


def split(connection: Connection, pull: Pull, name: str, requests: int) -> None:
    """Note that a tile has too many crimes: its quadrants are asked for."""
    with connection.begin():
        _note(connection, pull, name, requests, is_split=True)


def _note(connection: Connection, pull: Pull, name: str, requests: int, **values: Any) -> None:
    connection.execute(insert(StagedAnswer).values(pull=pull.id, name=name, requests=requests, **values))


def note_requests(connection: Connection, pull: Pull, requests: int) -> None:
    """Count requests that were for no answer."""
    with connection.begin():
        mine = update(StagedPull).where(StagedPull.id == pull.id)
        connection.execute(mine.values(requests=StagedPull.requests + requests))


def totals(connection: Connection, pull: Pull) -> Totals:
    """What is staged of the pull, added up. Part of the caller's transaction."""
    answers = connection.execute(select(StagedAnswer).where(StagedAnswer.pull == pull.id).order_by(StagedAnswer.name))
    issues = Issues()
    sums: Counter[str] = Counter()
    for answer in answers:
        sums.update({name: getattr(answer, name) for name in ("requests", "read", "outside", "set_aside")})
        issues.take_in(answer.issues)
    return Totals(
        categories={row.category: row.n for row in connection.execute(_PLACED, {"pull": pull.id})},
        unplaced={row.force: row.n for row in connection.execute(_UNPLACED, {"pull": pull.id})},
        requests=sums["requests"] + (connection.scalar(select(StagedPull.requests).filter_by(id=pull.id)) or 0),
        read=sums["read"],
        outside=sums["outside"],
        set_aside=sums["set_aside"],
        issues=issues.as_list(),
        unknown={row.category: row.n for row in connection.execute(_UNKNOWN, {"pull": pull.id})},
    )


def drop(connection: Connection, pull: Pull) -> None:
    """Forget what is staged of the pull. Part of the caller's transaction."""
    connection.execute(delete(StagedPull).where(StagedPull.id == pull.id))
