"""Routes and accidents as they are held, ready to be scored."""

from collections.abc import Collection, Mapping
from typing import Any, Literal

from sqlalchemy import Connection, text

from jobs.warming.climbing import Accident, Route, WeatherDay

_ROUTE = """
    SELECT route_id, routes.name, mountain_id, mountain_name, coalesce(grade, '') AS grade,
           coalesce(grade_yds, '') AS grade_yds, length_ft, pitches, routes.type, routes.latitude, routes.longitude,
           routes.accident_count, elevation_m
    FROM routes LEFT JOIN mountains USING (mountain_id)
"""
_POPULAR = text(
    f"""
    {_ROUTE} WHERE routes.latitude IS NOT NULL AND routes.longitude IS NOT NULL
    ORDER BY coalesce(mountains.accident_count, 0) DESC, route_id LIMIT :count
    """
)
_BY_ID = text(f"{_ROUTE} WHERE route_id = ANY(:ids)")
_ACCIDENTS = text(
    """
    SELECT accident_id, source, source_id, date, coalesce(accidents.state, '') AS state, accidents.latitude,
           accidents.longitude, accident_type, activity, injury_severity, coalesce(tags, '') AS tags, mountain_id,
           route_id, elevation_m
    FROM accidents LEFT JOIN mountains USING (mountain_id) ORDER BY accident_id
    """
)
_WEATHER = text(
    """
    SELECT weather_id, accident_id, date, NULL AS latitude, NULL AS longitude, temperature_mean_c, temperature_min_c,
           temperature_max_c, wind_mean_ms, wind_max_ms, precipitation_mm, cloud_cover_pct
    FROM accident_weather
    """
)


def popular_routes(connection: Connection, count: int | Literal["all"]) -> list[Route]:
    """Routes with coordinates, those on the mountains with the most accidents first, then by id."""
    rows = connection.execute(_POPULAR, {"count": None if count == "all" else count})
    return [_route(row) for row in rows.mappings()]


def routes(connection: Connection, ids: Collection[int]) -> dict[int, Route]:
    """By id, those of these routes that there are, with or without coordinates."""
    rows = connection.execute(_BY_ID, {"ids": list(ids)})
    return {row["route_id"]: _route(row) for row in rows.mappings()}


def _route(row: Mapping[Any, Any]) -> Route:
    return Route(**row)


def accidents(connection: Connection) -> tuple[list[Accident], list[WeatherDay]]:
    """Every accident in the order of ids, and the weather of all of them."""
    past = [Accident(**row) for row in connection.execute(_ACCIDENTS).mappings()]
    return past, [WeatherDay(*row) for row in connection.execute(_WEATHER)]
