"""What crime data is held: months by areas, a month's categories, and what is published and not held."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, text

from jobs.coverage import store as supplied
from jobs.held import deleting
from jobs.months import add_months
from worker.results import SourceState, source_state

_MONTHS = text(
    """
    SELECT held.area, held.month, held.is_whole, held.records, held.unplaced, held.release,
           coalesce(set_aside, 0) AS set_aside, coalesce(is_partial, false) AS is_partial, run_id,
           coalesce(ended_at, (
               SELECT max(grounds.ended_at) FROM month_grounds AS grounds WHERE grounds.month = held.month
           )) AS ended_at,
           coalesce(jsonb_array_length(issues), 0) AS issues, ingestion_id
    FROM area_months AS held LEFT JOIN ingestion_runs AS origin ON origin.id = ingestion_id
    WHERE held.month BETWEEN :oldest AND :newest ORDER BY held.month DESC, held.area
    """
)
# By the months around, as an area's level changes over years; of those only that say how many crimes there were.
_USUAL = text(
    """
    WITH telling AS (
        SELECT area, month, records FROM area_months AS held WHERE is_whole AND NOT EXISTS (
            SELECT FROM area_coverage AS lacking WHERE lacking.area = held.area AND lacking.month = held.month
            AND lacking.status IN ('missing', 'partial')
        )
    )
    SELECT held.area, held.month, percentile_cont(0.5) WITHIN GROUP (ORDER BY near.records) AS usual
    FROM area_months AS held JOIN telling AS near ON near.area = held.area
        AND near.month BETWEEN (held.month - interval '1 year')::date AND (held.month + interval '1 year')::date
    WHERE held.month BETWEEN :oldest AND :newest GROUP BY 1, 2 HAVING count(*) >= :fewest
    """
)
_GRID = text(
    "SELECT month, cells, crimes, generation, built_at FROM grid_months WHERE month BETWEEN :oldest AND :newest"
)
_CATEGORIES = text(
    """
    SELECT area, slug, name, n::bigint AS n
    FROM area_months CROSS JOIN jsonb_each_text(categories) AS counted (slug, n) JOIN crime_categories USING (slug)
    WHERE month = :month ORDER BY 4 DESC, name
    """
)
_UNPLACED = text(
    "SELECT area, force, count(*) AS n FROM unplaced_crimes JOIN area_forces USING (force) WHERE month = :month "
    "GROUP BY 1, 2 ORDER BY 1, 2"
)
_SET_ASIDE = text(
    """
    SELECT area, reason, category, count(*) AS records, min(record) AS example FROM set_aside_records
    WHERE month = :month GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2
    """
)
# A month comes in a few times a year; one that fails daily would fill the page.
_TRIES = text(
    "SELECT *, id IN (SELECT ingestion_id FROM area_months WHERE month = :month) AS current "
    "FROM ingestion_runs WHERE month = :month ORDER BY ended_at DESC LIMIT 50"
)
_CRIMES = text("SELECT month, crimes FROM held_months WHERE month BETWEEN :oldest AND :newest")
_NEWEST = text("SELECT max(month) FROM held_months")
_YEARS = text("SELECT extract(year FROM month)::int AS year, count(*) AS n FROM held_months GROUP BY 1 ORDER BY 1 DESC")
_BESIDE = text(
    "SELECT max(month) FILTER (WHERE month < :month) AS before, min(month) FILTER (WHERE month > :month) AS after "
    "FROM held_months"
)


# Of fewer months nobody can say what is usual.
FEWEST = 3


@dataclass(frozen=True)
class Between:
    """Months that are looked at, both ends among them."""

    oldest: dt.date = dt.date.min
    newest: dt.date = dt.date.max


EVERY = Between()


@dataclass(frozen=True)
class Overview:
    """What is held of some months, and what the source offers."""

    between: Between

    areas: Sequence[Row[Any]]
    """slug, name and forces, oldest first"""
    months: Sequence[Row[Any]]
    """area, month, is_whole, records, unplaced, release, set_aside, ended_at, run_id, issues; newest month first"""
    grid: dict[dt.date, Row[Any]]
    """{month: cells, crimes, generation and built_at of its grid}"""
    newest: dt.date | None
    source: SourceState | None
    crimes: dict[dt.date, int]
    """{month: placed crimes}, each counted once however many areas it lies in"""
    coverage: Sequence[Row[Any]]
    """What the forces supplied: area, month, force, status, reason; the worst of a month first"""
    years: dict[int, int]
    """{year: how many of its months are held}, the newest first"""
    deleted: dict[dt.date, Row[Any]]
    """{month: crimes, unplaced and deleted_at} of months that are older than those that are kept"""

    @property
    def first(self) -> dt.date | None:
        """The newest month that is held or published."""
        published = self.source.newest_published if self.source else None
        return max((month for month in (self.newest, published) if month), default=None)


@dataclass(frozen=True)
class Month:
    """What stands in a month."""

    areas: Sequence[Row[Any]]
    held: dict[str, Row[Any]]
    """{area: its month}"""
    categories: Sequence[Row[Any]]
    """Placed crimes: area, slug, name, n; most first"""
    unplaced: Sequence[Row[Any]]
    """Crimes without a place: area, force, n"""
    set_aside: Sequence[Row[Any]]
    """Records that were set aside: area, reason, category, records, example; most first"""
    tries: Sequence[Row[Any]]
    """The last 50 ingestions of it, newest first: rows of `ingestion_runs`"""
    grid: Row[Any] | None
    coverage: Sequence[Row[Any]]
    """What the forces supplied of it: area, force, status, reason; the worst first"""
    before: dt.date | None
    """The newest month before it that is held"""
    after: dt.date | None
    """The oldest month after it that is held"""
    deleted: Row[Any] | None
    """crimes, unplaced and deleted_at, where its crimes were deleted"""


def overview(connection: Connection, count: int | None = None, year: int | None = None) -> Overview:
    """The newest `count` months that are held or published, those of a year, or all of them."""
    newest, source, by_year = newest_month(connection), source_state(connection), years(connection)
    found = Overview(EVERY, areas(connection), (), {}, newest, source, {}, (), by_year, deleted(connection))
    between = EVERY
    if year:
        between = Between(dt.date(year, 1, 1), dt.date(year, 12, 1))
    elif count and found.first:
        between = Between(oldest=add_months(found.first, 1 - count))
    return replace(
        found,
        between=between,
        months=months(connection, between),
        grid=grid(connection, between),
        crimes=crimes(connection, between),
        coverage=coverage(connection, between),
    )


def month(connection: Connection, day: dt.date) -> Month:
    """A month in full."""
    only = Between(day, day)
    with connection.begin():
        beside = connection.execute(_BESIDE, {"month": day}).one()
    return Month(
        areas=areas(connection),
        held={row.area: row for row in months(connection, only)},
        categories=categories(connection, day),
        unplaced=unplaced(connection, day),
        set_aside=set_aside(connection, day),
        tries=tries(connection, day),
        grid=grid(connection, only).get(day),
        coverage=coverage(connection, only),
        before=beside.before,
        after=beside.after,
        deleted=deleted(connection).get(day),
    )


def areas(connection: Connection) -> Sequence[Row[Any]]:
    """Slug, name and forces of every area, oldest first."""
    with connection.begin():
        return connection.execute(
            text(
                "SELECT slug, name, array_remove(array_agg(force ORDER BY force), NULL) AS forces "
                "FROM areas LEFT JOIN area_forces ON area = slug GROUP BY slug, name, created_at "
                "ORDER BY created_at, slug"
            )
        ).all()


def category_names(connection: Connection) -> dict[str, str]:
    """{slug: name} of every category, by name."""
    with connection.begin():
        rows = connection.execute(text("SELECT slug, name FROM crime_categories ORDER BY name"))
        return {row.slug: row.name for row in rows}


def newest_month(connection: Connection) -> dt.date | None:
    """The newest month of which anything is held."""
    with connection.begin():
        newest: dt.date | None = connection.scalar(_NEWEST)
        return newest


def years(connection: Connection) -> dict[int, int]:
    """{year: how many of its months are held}, the newest first"""
    with connection.begin():
        return {row.year: row.n for row in connection.execute(_YEARS)}


def months(connection: Connection, between: Between) -> Sequence[Row[Any]]:
    """What is held of each area and month."""
    with connection.begin():
        return connection.execute(_MONTHS, vars(between)).all()


def usual(connection: Connection, between: Between) -> dict[tuple[str, dt.date], float]:
    """{(area, month): the median of the area's crimes a month, from a year before to a year after}"""
    with connection.begin():
        rows = connection.execute(_USUAL, {**vars(between), "fewest": FEWEST})
        return {(row.area, row.month): row.usual for row in rows}


def crimes(connection: Connection, between: Between) -> dict[dt.date, int]:
    """{month: placed crimes}"""
    with connection.begin():
        return {row.month: row.crimes for row in connection.execute(_CRIMES, vars(between))}


def grid(connection: Connection, between: Between) -> dict[dt.date, Row[Any]]:
    """{month: cells, crimes, generation and built_at of its grid}"""
    with connection.begin():
        return {row.month: row for row in connection.execute(_GRID, vars(between))}


def deleted(connection: Connection) -> dict[dt.date, Row[Any]]:
    """{month: crimes, unplaced and deleted_at} of months that were deleted"""
    with connection.begin():
        return {row.month: row for row in deleting.deleted(connection)}


def coverage(connection: Connection, between: Between) -> Sequence[Row[Any]]:
    """What the forces supplied of each area and month; the newest month first, the worst of it first."""
    with connection.begin():
        return supplied.verdicts(connection, between.oldest, between.newest)


def categories(connection: Connection, month: dt.date) -> Sequence[Row[Any]]:
    """Placed crimes of a month: area, slug, name, n; most first."""
    with connection.begin():
        return connection.execute(_CATEGORIES, {"month": month}).all()


def unplaced(connection: Connection, month: dt.date) -> Sequence[Row[Any]]:
    """Crimes of a month without a place: area, force, n."""
    with connection.begin():
        return connection.execute(_UNPLACED, {"month": month}).all()


def set_aside(connection: Connection, month: dt.date) -> Sequence[Row[Any]]:
    """Records of a month that were set aside: area, reason, category, records, example; most first."""
    with connection.begin():
        return connection.execute(_SET_ASIDE, {"month": month}).all()


def tries(connection: Connection, month: dt.date) -> Sequence[Row[Any]]:
    """Every try to bring in that month, newest first: the rows of `ingestion_runs`."""
    with connection.begin():
        return connection.execute(_TRIES, {"month": month}).all()
