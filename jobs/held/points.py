"""The anonymous points that crimes refer to, their cells, and the areas that they lie in."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import h3.api.basic_int as h3
import numpy as np
from sqlalchemy import Connection, delete, select, text

from jobs.areas import Area
from jobs.database import copy
from jobs.models.crimes import AreaPoint, HeldMonth, Point

COARSE: Final = 6
"""Resolution of the cells whose land is known to be a force's."""
# In the order of the index, so that two who add the same points at once wait for each other, and never in a circle.
_FRESH = text(
    """
    SELECT DISTINCT ON (latitude, longitude, street_name) latitude, longitude, street_name, staged_crimes.street_id
    FROM staged_crimes LEFT JOIN points USING (latitude, longitude, street_name)
    WHERE pull = :pull AND latitude IS NOT NULL AND points.id IS NULL ORDER BY 1, 2, 3
    """
)
_BATCH: Final = 10_000
_COLUMNS = ("latitude", "longitude", "street_name", "street_id", "h3_cell", "coarse_cell")
_ADD = text(
    f"""
    INSERT INTO points ({", ".join(_COLUMNS)}) SELECT {", ".join(_COLUMNS)} FROM fresh_points
    ORDER BY latitude, longitude, street_name ON CONFLICT DO NOTHING RETURNING id, latitude, longitude
    """  # noqa: S608 - constants
)
_RECELL = text("UPDATE points SET h3_cell = celled.cell FROM celled WHERE points.id = celled.id")


def resolution(connection: Connection, wanted: int) -> int:
    """Of the cells of the points: `wanted` where no month is held. Part of the caller's transaction."""
    cell = connection.scalar(select(Point.h3_cell).limit(1))
    if cell is None:
        return wanted
    found: int = h3.get_resolution(cell)
    if found != wanted and not connection.scalar(select(HeldMonth.month).limit(1)):
        recell(connection, wanted)
        return wanted
    return found


def take_in(connection: Connection, pull: int, areas: Sequence[Area], wanted: int) -> None:
    """Add the points of what is staged that are not there. wanted: resolution of cells where nothing is held."""
    held = resolution(connection, wanted)
    connection.execute(text("CREATE TEMPORARY TABLE fresh_points (LIKE points)"))
    connection.execute(text("ALTER TABLE fresh_points ALTER id DROP NOT NULL"))
    # A cursor of the server: neither side holds all points of a country.
    streaming = {"stream_results": True, "max_row_buffer": _BATCH}
    found = connection.execute(_FRESH, {"pull": pull}, execution_options=streaming)
    for fresh in found.partitions(_BATCH):
        _add(connection, fresh, areas, held)
    connection.execute(text("DROP TABLE fresh_points"))


def _add(connection: Connection, fresh: Sequence[Any], areas: Sequence[Area], held: int) -> None:
    rows = (
        (repr(row.latitude), repr(row.longitude), row.street_name, row.street_id, *_cells(row, held)) for row in fresh
    )
    copy(connection, "fresh_points", _COLUMNS, rows)
    added = connection.execute(_ADD).all()
    connection.execute(text("TRUNCATE fresh_points"))
    for area in areas:
        _join(connection, area, added)


def _cells(row: Any, held: int) -> tuple[int, int]:
    place = (row.latitude, row.longitude)
    return h3.latlng_to_cell(*place, held), h3.latlng_to_cell(*place, COARSE)


def join(connection: Connection, area: Area) -> None:
    """Find the points that lie in an area that is new, or has a new border."""
    connection.execute(delete(AreaPoint).where(AreaPoint.area == area.slug))
    south, west, north, east = area.bounds
    nearby = select(Point.id, Point.latitude, Point.longitude).where(
        Point.latitude.between(south, north), Point.longitude.between(west, east)
    )
    _join(connection, area, connection.execute(nearby).all())


def _join(connection: Connection, area: Area, points: Sequence[Any]) -> None:
    """points: id, latitude and longitude of each."""
    inside = within(area, points)
    copy(connection, "area_points", ("area", "point_id"), ((area.slug, point) for point in inside))


def within(area: Area, points: Sequence[Any]) -> list[int]:
    """Ids of those points that lie in the area. points: id, latitude and longitude of each."""
    places = np.array([(point[1], point[2]) for point in points], dtype=float).reshape(-1, 2)
    mask = area.contains(places[:, 0], places[:, 1])
    return [point[0] for point, is_inside in zip(points, mask.tolist(), strict=True) if is_inside]


def recell(connection: Connection, wanted: int) -> int:
    """Give every point its cell of resolution `wanted`. Returns how many there are."""
    points = connection.execute(select(Point.id, Point.latitude, Point.longitude)).all()
    connection.execute(text("CREATE TEMPORARY TABLE celled (id bigint, cell bigint) ON COMMIT DROP"))
    cells: Iterable[tuple[int, int]] = ((id_, h3.latlng_to_cell(lat, lng, wanted)) for id_, lat, lng in points)
    copy(connection, "celled", ("id", "cell"), cells)
    # PostgreSQL knows nothing of a table so fresh, and might compare every point with every other.
    connection.execute(text("ANALYZE celled"))
    return connection.execute(_RECELL).rowcount
