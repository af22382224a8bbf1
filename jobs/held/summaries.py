"""What is held of each area and month, added up when it changes: pages and jobs read it all the time."""

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, text

from jobs.areas import Area
from jobs.coverage import store as coverage
from jobs.held import grounds
from jobs.held.grounds import Ground
from jobs.models.crimes import AreaMonth, HeldMonth, MonthGround

# The sum is the same in whatever order the crimes came in. Points first: a month has far fewer of them than crimes.
FINGERPRINT = "md5(coalesce(sum(n * hashint8extended(h3_cell, hashtextextended(category, 0))), 0)::text)"
"""Of rows with n, h3_cell and category."""
_NOTE_MONTH = text(
    f"""
    INSERT INTO held_months (month, fingerprint, h3_resolution, crimes)
    SELECT :month, {FINGERPRINT}, :resolution, coalesce(sum(n), 0)
    FROM (
        SELECT point_id, category, count(*)::numeric AS n FROM crime_incidents WHERE month = :month GROUP BY 1, 2
    ) AS counted JOIN points ON points.id = point_id
    ON CONFLICT (month) DO UPDATE
    SET fingerprint = excluded.fingerprint, h3_resolution = excluded.h3_resolution, crimes = excluded.crimes,
        changed_at = CASE WHEN held_months.fingerprint = excluded.fingerprint THEN held_months.changed_at
                          ELSE clock_timestamp() END
    """  # noqa: S608 - constants
)
_CATEGORIES = text(
    """
    SELECT area, month, jsonb_object_agg(category, n) AS categories, sum(n)::int AS records
    FROM (
        SELECT area, month, category, count(*) AS n FROM crime_incidents JOIN area_points USING (point_id)
        WHERE area = ANY(:areas) AND month = ANY(:months) GROUP BY 1, 2, 3
    ) AS counted GROUP BY 1, 2
    """
)
_UNPLACED = text(
    """
    SELECT area, month, count(*) AS n FROM unplaced_crimes JOIN area_forces USING (force)
    WHERE area = ANY(:areas) AND month = ANY(:months) GROUP BY 1, 2
    """
)


def refresh_months(connection: Connection, months: Sequence[dt.date], resolution: int) -> None:
    """Note what the grids of these months are made from. Those of which nothing is held are dropped."""
    for month in months:
        connection.execute(_NOTE_MONTH, {"month": month, "resolution": resolution})
    held = text("SELECT month FROM month_grounds")
    connection.execute(delete(HeldMonth).where(HeldMonth.month.not_in(held.columns(MonthGround.month))))


def refresh_areas(
    connection: Connection, areas: Sequence[Area], months: Sequence[dt.date], asked: Collection[str] = ()
) -> None:
    """Note what is held of these areas in these months, and what the forces supplied of it.

    asked: forces whose crimes without a place have just come in.
    """
    slugs = [area.slug for area in areas]
    values = {"areas": slugs, "months": list(months)}
    counted = {(row.area, row.month): row for row in connection.execute(_CATEGORIES, values)}
    unplaced = {(row.area, row.month): row.n for row in connection.execute(_UNPLACED, values)}
    connection.execute(delete(AreaMonth).where(AreaMonth.area.in_(slugs), AreaMonth.month.in_(months)))
    for month in months:
        held = grounds.of_month(connection, month)
        for area in areas:
            key = area.slug, month
            if part := grounds.touching(held, area.polygon):
                row = _row(area, part, counted.get(key), unplaced.get(key, 0))
                connection.execute(insert(AreaMonth).values(area=area.slug, month=month, **row))
    coverage.refresh(connection, areas, months, asked)


def _row(area: Area, part: Sequence[Ground], counted: Any, unplaced: int) -> dict[str, Any]:
    releases = [ground.release for ground in part]
    return {
        "is_whole": grounds.is_whole(part, area.polygon),
        "records": counted.records if counted else 0,
        "unplaced": unplaced,
        "categories": counted.categories if counted else {},
        "release": None if None in releases else min(one for one in releases if one),
        "ingestion_id": part[0].ingestion_id,
    }
