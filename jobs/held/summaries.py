"""What is held of each area and month, added up when it changes: pages and jobs read it all the time."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, TextClause, delete, insert, text

from jobs.areas import Area
from jobs.coverage import counting
from jobs.coverage import store as coverage
from jobs.held import grounds
from jobs.held.grounds import Ground
from jobs.models.crimes import AreaMonth, HeldMonth, MonthGround

# The sum is the same in whatever order the crimes came in.
_CELLS = """
    SELECT count(DISTINCT h3_cell) AS cells, count(*) AS crimes,
           md5(coalesce(sum(hashint8extended(h3_cell, hashtextextended(category, 0))), 0)::text) AS fingerprint
    FROM crime_incidents JOIN points ON points.id = point_id {} WHERE {}
"""
_OF_MONTH = text(_CELLS.format("", "month = :month"))
_OF_AREA = text(_CELLS.format("JOIN area_points USING (point_id)", "area = :area AND month = :month"))
_NOTE_MONTH = text(
    """
    INSERT INTO held_months (month, fingerprint, h3_resolution, crimes)
    VALUES (:month, :fingerprint, :resolution, :crimes)
    ON CONFLICT (month) DO UPDATE
    SET fingerprint = excluded.fingerprint, h3_resolution = excluded.h3_resolution, crimes = excluded.crimes,
        changed_at = CASE WHEN held_months.fingerprint = excluded.fingerprint THEN held_months.changed_at
                          ELSE clock_timestamp() END
    """
)
_UNPLACED = text(
    """
    SELECT area, month, count(*) AS n FROM unplaced_crimes JOIN area_forces USING (force)
    WHERE area = ANY(:areas) AND month = ANY(:months) GROUP BY 1, 2
    """
)


@dataclass(frozen=True)
class Cells:
    """What a grid would be made from."""

    cells: int
    """Those that have crimes."""
    crimes: int
    fingerprint: str
    """The same for the same crimes of each category in each cell."""


def refresh_months(connection: Connection, months: Sequence[dt.date], resolution: int) -> dict[dt.date, Cells]:
    """Note what the grids of these months are made from. Those of which nothing is held are dropped."""
    found = {month: _cells(connection, _OF_MONTH, month=month) for month in months}
    for month, cells in found.items():
        values = {"month": month, "fingerprint": cells.fingerprint, "crimes": cells.crimes, "resolution": resolution}
        connection.execute(_NOTE_MONTH, values)
    held = text("SELECT month FROM month_grounds")
    connection.execute(delete(HeldMonth).where(HeldMonth.month.not_in(held.columns(MonthGround.month))))
    return found


def cells_of(connection: Connection, area: str, month: dt.date) -> Cells:
    """What an area's part of a month's grid is made from."""
    return _cells(connection, _OF_AREA, area=area, month=month)


def _cells(connection: Connection, query: TextClause, **values: Any) -> Cells:
    row = connection.execute(query, values).one()
    return Cells(row.cells, row.crimes, row.fingerprint)


def refresh_areas(
    connection: Connection, areas: Sequence[Area], months: Sequence[dt.date], asked: Collection[str] = ()
) -> None:
    """Note what is held of these areas in these months, and what the forces supplied of it.

    asked: forces whose crimes without a place have just come in.
    """
    slugs = [area.slug for area in areas]
    values = {"areas": slugs, "months": list(months)}
    placed = counting.placed(connection, areas, months)
    categories: dict[tuple[str, dt.date], Counter[str]] = defaultdict(Counter)
    for one in placed:
        categories[one.area, one.month][one.category] += one.crimes
    unplaced = {(row.area, row.month): row.n for row in connection.execute(_UNPLACED, values)}
    connection.execute(delete(AreaMonth).where(AreaMonth.area.in_(slugs), AreaMonth.month.in_(months)))
    for month in months:
        held = grounds.of_month(connection, month)
        for area in areas:
            key = area.slug, month
            if part := grounds.touching(held, area.polygon):
                row = _row(area, part, categories[key], unplaced.get(key, 0))
                connection.execute(insert(AreaMonth).values(area=area.slug, month=month, **row))
    coverage.refresh(connection, areas, months, placed, asked)


def _row(area: Area, part: Sequence[Ground], categories: Counter[str], unplaced: int) -> dict[str, Any]:
    releases = [ground.release for ground in part]
    return {
        "is_whole": grounds.is_whole(part, area.polygon),
        "records": categories.total(),
        "unplaced": unplaced,
        "categories": categories,
        "release": None if None in releases else min(one for one in releases if one),
        "ingestion_id": part[0].ingestion_id,
    }
