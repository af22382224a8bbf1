"""Months on their way in: answers of the source that are kept until all of them are there.

So nothing is asked for twice after a kill, a stop or an answer that failed, and a large month needs no memory.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import tenacity
from sqlalchemy import Connection, delete, insert, select, text, update

from jobs import areas
from jobs.areas import Area
from jobs.context import Context
from jobs.database import copy
from jobs.errors import PermanentError
from jobs.held import grounds, partitions, points
from jobs.held.points import Ids, Places
from jobs.ingestion.records import Answer, Crime, Issues
from jobs.models.crimes import StagedAnswer, StagedPull
from jobs.months import month_text

FORGOTTEN_AFTER = dt.timedelta(days=7)
PLACED_COLUMNS = (
    "month",
    "category",
    "point_id",
    "api_id",
    "persistent_id",
    "location_type",
    "outcome",
    "outcome_month",
)
UNPLACED_COLUMNS = ("pull", "force", "category", "api_id", "persistent_id", "outcome", "outcome_month")
_COUNTS = ("read", "outside", "set_aside", "collapsed")
_ASIDE_COLUMNS = ("pull", "force", "reason", "record", "category", "latitude", "longitude")
_UNPLACED = text("SELECT force, count(*) AS n FROM staged_unplaced WHERE pull = :pull GROUP BY 1 ORDER BY 1")
_ORPHANS = text(
    "SELECT substr(tablename, 10)::bigint FROM pg_tables WHERE schemaname = current_schema() "
    "AND tablename ~ '^incoming_[0-9]+$' AND tablename NOT IN (SELECT 'incoming_' || id FROM staged_pulls)"
)
_UNKNOWN = text(
    "SELECT category, count(*) AS n FROM staged_asides WHERE pull = :pull AND category IS NOT NULL "
    "GROUP BY 1 ORDER BY 1"
)


class NewerHeld(PermanentError):
    """What is held of a month is of a newer release than what the source has."""

    def __init__(self, area: Area, month: dt.date, release: dt.date) -> None:
        super().__init__(
            f"{month_text(month)} of {area.slug} is ingested from a newer release than {month_text(release)}, the "
            "release of the source: nothing was changed"
        )


@dataclass(frozen=True)
class Pull:
    """A month of an area that is being asked for. All of it is of one release."""

    id: int
    area: Area
    land: Area
    """The area without what is held of it of a newer release: so much of it comes in."""
    month: dt.date
    source: str
    release: dt.date | None
    started_at: dt.datetime

    @property
    def table(self) -> str:
        """Where its placed crimes are: it becomes the month's part of all crimes, or is emptied into it."""
        return f"incoming_{self.id}"


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
    collapsed: int
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
    """Go on with what is staged of this month, border and release, or begin anew. Raises NewerHeld."""
    key = {"area": area.slug, "month": month, "source": source}
    there = select(StagedPull.id, StagedPull.started_at).filter_by(**key, boundary=area.border, release=release)
    with connection.begin():
        land = grounds.not_newer(connection, area, month, release)
        if land is None:
            raise NewerHeld(area, month, release)
        row = connection.execute(there).one_or_none()
        if row is not None:
            return Pull(row.id, area, land, month, source, release, row.started_at)
        connection.execute(delete(StagedPull).filter_by(**key))
        # What nobody went on with, such as of a month that is not on offer any more.
        forgotten = StagedPull.started_at < dt.datetime.now(dt.UTC) - FORGOTTEN_AFTER
        connection.execute(delete(StagedPull).where(forgotten))
        for orphan in connection.scalars(_ORPHANS).all():
            partitions.drop_staged(connection, orphan)
        return begin_anew(connection, area, land, month, source, release)


def begin_anew(
    connection: Connection, area: Area, land: Area, month: dt.date, source: str, release: dt.date | None = None
) -> Pull:
    """A pull of which nothing is staged. Part of the caller's transaction."""
    values = {"area": area.slug, "month": month, "boundary": area.border, "source": source, "release": release}
    started_at = dt.datetime.now(dt.UTC)
    started = insert(StagedPull).values(**values, started_at=started_at).returning(StagedPull.id)
    pull = Pull(connection.execute(started).scalar_one(), area, land, month, source, release, started_at)
    partitions.stage(connection, pull.id, month)
    return pull


def answered(connection: Connection, pull: Pull) -> dict[str, bool]:
    """{name: whether it was split} of the answers that are there."""
    with connection.begin():
        rows = connection.execute(select(StagedAnswer.name, StagedAnswer.is_split).where(StagedAnswer.pull == pull.id))
        return {row.name: row.is_split for row in rows}


def read(connection: Connection, pull: Pull) -> dict[str, int]:
    """{name: records that were read} of the answers that are there. Part of the caller's transaction."""
    rows = connection.execute(select(StagedAnswer.name, StagedAnswer.read).where(StagedAnswer.pull == pull.id))
    return {row.name: row.read for row in rows}


def keep(
    connection: Connection, pull: Pull, name: str, requests: int, answer: Answer, crimes: Sequence[Crime], wanted: int
) -> None:
    """Keep an answer with its crimes. wanted: resolution of cells where nothing is held."""
    with connection.begin():
        write(connection, pull, crimes, wanted, answer.force)
        note(connection, pull, name, requests, answer)


def write(connection: Connection, pull: Pull, crimes: Sequence[Crime], wanted: int, force: str | None = None) -> None:
    """Stage crimes. Part of the caller's transaction.

    wanted: resolution of cells where nothing is held. force: of those without a place.
    """
    if force is not None:
        copy(connection, "staged_unplaced", UNPLACED_COLUMNS, ((pull.id, force, *one.unplaced) for one in crimes))
        return
    if not crimes:
        return
    streets = {crime.place: crime.street_id for crime in crimes}
    lat, lng, names = zip(*streets, strict=True)
    places = Places(np.array(lat), np.array(lng), names, list(streets.values()))
    ids = dict(zip(streets, point_ids(connection, places, wanted).tolist(), strict=True))
    copy(connection, pull.table, PLACED_COLUMNS, ((pull.month, *one.placed(ids[one.place])) for one in crimes))


def point_ids(connection: Connection, places: Places, wanted: int) -> Ids:
    """As `points.ids`, while no area changes."""
    areas.keep_still(connection)
    return points.ids(connection, places, areas.all_areas(connection), wanted)


def note(connection: Connection, pull: Pull, name: str, requests: int, answer: Answer) -> None:
    """Note that an answer is staged, with what was set aside of it. Part of the caller's transaction."""
    copy(connection, "staged_asides", _ASIDE_COLUMNS, ((pull.id, *aside) for aside in answer.aside))
    counts = {name: getattr(answer, name) for name in _COUNTS}
    _note(connection, pull, name, requests, is_split=False, issues=answer.issues.as_list(), **counts)


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
    placed = f"SELECT category, count(*) AS n FROM {pull.table} GROUP BY 1 ORDER BY 2 DESC, 1"  # noqa: S608 - a number
    issues = Issues()
    sums: Counter[str] = Counter()
    for answer in answers:
        sums.update({name: getattr(answer, name) for name in ("requests", *_COUNTS)})
        issues.take_in(answer.issues)
    return Totals(
        categories={row.category: row.n for row in connection.execute(text(placed))},
        unplaced={row.force: row.n for row in connection.execute(_UNPLACED, {"pull": pull.id})},
        requests=sums["requests"] + (connection.scalar(select(StagedPull.requests).filter_by(id=pull.id)) or 0),
        read=sums["read"],
        outside=sums["outside"],
        set_aside=sums["set_aside"],
        collapsed=sums["collapsed"],
        issues=issues.as_list(),
        unknown={row.category: row.n for row in connection.execute(_UNKNOWN, {"pull": pull.id})},
    )


def drop(connection: Connection, pull: Pull) -> None:
    """Forget what is staged of the pull. Part of the caller's transaction."""
    connection.execute(delete(StagedPull).where(StagedPull.id == pull.id))
    partitions.drop_staged(connection, pull.id)
