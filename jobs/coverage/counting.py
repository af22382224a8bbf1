"""How many crimes of each force are held of an area's months."""

import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from jobs.areas import Area
from jobs.coverage import forces
from jobs.coverage.judge import LANDLESS

# The railway police's crimes lie on every force's land.
_PLACED = text(
    """
    SELECT area, month, category, force, count(*) AS crimes, count(*) FILTER (WHERE location_type = 'BTP') AS railway
    FROM crime_incidents JOIN area_points USING (point_id) JOIN points ON points.id = point_id
    LEFT JOIN force_cells ON cell = coarse_cell
    WHERE area = ANY(:areas) AND month = ANY(:months) GROUP BY 1, 2, 3, 4
    """
)
_UNPLACED = text(
    "SELECT month, force, count(*) AS n FROM unplaced_crimes "
    "WHERE month = ANY(:months) AND force = ANY(:forces) GROUP BY 1, 2"
)
_KEEP = text(
    """
    INSERT INTO area_coverage (area, month, force, status, reason, placed, unplaced, is_whole)
    SELECT area, month, :force, 'unknown', '', :placed, :unplaced, :is_whole FROM area_months
    WHERE area = :area AND month = :month
    ON CONFLICT (area, month, force) DO UPDATE
    SET placed = excluded.placed, is_whole = excluded.is_whole,
        unplaced = CASE WHEN :is_asked THEN excluded.unplaced
                        ELSE coalesce(excluded.unplaced, area_coverage.unplaced) END
    """
)
_DROP = text(
    """
    DELETE FROM area_coverage AS kept WHERE area = :area AND (
        force <> ALL(:forces)
        OR NOT EXISTS (SELECT FROM area_months AS held WHERE held.area = kept.area AND held.month = kept.month)
    )
    """
)


def placed(connection: Connection, areas: Sequence[Area], months: Sequence[dt.date]) -> Sequence[Row[Any]]:
    """area, month, category, force of the land (or none), crimes, and how many of them are the railway police's."""
    return connection.execute(_PLACED, {"areas": [area.slug for area in areas], "months": list(months)}).all()


def count(
    connection: Connection, area: Area, months: Sequence[dt.date], crimes: Sequence[Row[Any]], asked: Collection[str]
) -> None:
    """Keep what is held of the area's forces in these months.

    crimes: what `placed` returned of it. asked: forces whose crimes without a place have just come in. Of others, none
    held does not mean none.
    """
    own = list(forces.of_land(connection, area))
    whole = forces.whole(connection, area)
    connection.execute(_DROP, {"area": area.slug, "forces": [*own, LANDLESS]})
    of_force = _by_force(crimes, own)
    rows = connection.execute(_UNPLACED, {"months": list(months), "forces": own})
    unplaced = {(row.month, row.force): row.n for row in rows}
    values = [
        {
            "area": area.slug,
            "month": month,
            "force": force,
            "placed": of_force.get((month, force), 0),
            "unplaced": unplaced.get((month, force), 0 if force in asked else None),
            "is_whole": force in whole,
            "is_asked": force in asked,
        }
        for month in months
        for force in (*own, LANDLESS)
    ]
    if values:
        connection.execute(_KEEP, values)


def _by_force(crimes: Sequence[Row[Any]], own: Sequence[str]) -> Mapping[tuple[dt.date, Any], int]:
    """Crimes by month and force. What lies on land that nobody asked for is of the area's only force, if it has one."""
    found: Counter[tuple[dt.date, Any]] = Counter()
    only = own[0] if len(own) == 1 else None
    for row in crimes:
        found[row.month, row.force or only] += row.crimes - row.railway
        found[row.month, LANDLESS] += row.railway
    return found
