"""Routes and accidents as they are held, ready to be scored."""

from collections.abc import Collection
from typing import Literal

import numpy as np
from sqlalchemy import Connection, text

from jobs.scores.climbing.rows import Accident, Route
from jobs.scores.weather.windows import FIELDS, Windows
from jobs.settings import Box

# The columns are in the order of the fields of Route and of Accident.
_ROUTE = """
    SELECT route_id, routes.name, mountain_id, mountain_name, coalesce(grade, '') AS grade,
           coalesce(grade_yds, '') AS grade_yds, length_ft, pitches, routes.type, routes.latitude, routes.longitude,
           routes.accident_count, elevation_m
    FROM routes LEFT JOIN mountains USING (mountain_id)
"""
_FOUND = "(:sought = '' OR route_id::text = :sought OR strpos(sought, lower(:sought)) > 0)"
_POPULAR = text(
    f"""
    {_ROUTE} WHERE routes.latitude IS NOT NULL AND routes.longitude IS NOT NULL AND {_FOUND}
    AND (
        CAST(:box AS float8[]) IS NULL OR point(routes.longitude, routes.latitude)
        <@ box(point((CAST(:box AS float8[]))[2], (CAST(:box AS float8[]))[1]),
               point((CAST(:box AS float8[]))[4], (CAST(:box AS float8[]))[3]))
    )
    ORDER BY coalesce(mountains.accident_count, 0) DESC, route_id LIMIT :count
    """
)
_BY_ID = text(f"{_ROUTE} WHERE route_id = ANY(:ids)")
# A number finds the route of that id first.
_SEARCH = text(
    f"""
    {_ROUTE} WHERE {_FOUND}
    ORDER BY route_id::text = :sought DESC, routes.name, route_id LIMIT :count OFFSET :skipped
    """
)
_COUNTS = text("SELECT count(*), count(*) FILTER (WHERE latitude IS NOT NULL AND longitude IS NOT NULL) FROM routes")
_ACCIDENTS = text(
    """
    SELECT accident_id, source, source_id, date, coalesce(accidents.state, '') AS state, accidents.latitude,
           accidents.longitude, accident_type, activity, injury_severity, coalesce(tags, '') AS tags, mountain_id,
           route_id, elevation_m
    FROM accidents LEFT JOIN mountains USING (mountain_id) ORDER BY accident_id
    """
)
# The position in its window, and the values in the order of windows.FIELDS; visibility is not known.
_WEATHER = text(
    """
    SELECT accident_id, weather.date - accidents.date + 6, temperature_mean_c, precipitation_mm, wind_max_ms, NULL,
           cloud_cover_pct, temperature_min_c, temperature_max_c
    FROM accident_weather AS weather JOIN accidents USING (accident_id)
    """
)


def popular_routes(
    connection: Connection, count: int | Literal["all"], sought: str = "", within: Box | None = None
) -> list[Route]:
    """Routes with coordinates, those on the mountains with the most accidents first, then by id.

    sought: as `search` does; within: south, west, north and east in degrees.
    """
    box = list(within) if within else None
    values = {"count": None if count == "all" else count, "sought": sought, "box": box}
    return [Route(*row) for row in connection.execute(_POPULAR, values).all()]


def routes(connection: Connection, ids: Collection[int]) -> dict[int, Route]:
    """By id, those of these routes that there are, with or without coordinates."""
    rows = connection.execute(_BY_ID, {"ids": list(ids)})
    return {row.route_id: Route(*row) for row in rows.all()}


def search(connection: Connection, sought: str, count: int, skipped: int = 0) -> list[Route]:
    """Routes of that id, or with that text in their name or that of their mountain; by name."""
    rows = connection.execute(_SEARCH, {"sought": sought, "count": count, "skipped": skipped})
    return [Route(*row) for row in rows.all()]


def route_counts(connection: Connection) -> tuple[int, int]:
    """How many routes are held, and how many of them have coordinates."""
    held, placed = connection.execute(_COUNTS).one()
    return held, placed


def accidents(connection: Connection) -> tuple[list[Accident], Windows]:
    """Every accident in the order of ids, and the windows of all of them."""
    past = [Accident(*row) for row in connection.execute(_ACCIDENTS).all()]
    # As tuples: numpy reads rows one attribute at a time.
    rows = [tuple(row) for row in connection.execute(_WEATHER).all()]
    days = np.array(rows, dtype=np.float64).reshape(-1, 2 + len(FIELDS))
    owner = np.searchsorted([accident.accident_id for accident in past], days[:, 0])
    return past, Windows.scattered(len(past), owner, days[:, 1].astype(np.intp), days[:, 2:])
