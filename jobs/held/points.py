"""The anonymous points that crimes refer to, their cells, and the areas that they lie in."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import h3.api.basic_int as h3
import numpy as np
from sqlalchemy import Connection, delete, select, text

from jobs.areas import Area
from jobs.database import copy
from jobs.models.crimes import AreaPoint, HeldMonth, Point

COARSE: Final = 6
"""Resolution of the cells whose land is known to be a force's."""
_WANT = """
    CREATE TEMPORARY TABLE wanted_places (
        n int, latitude float8, longitude float8, street_name text, street_id bigint, h3_cell bigint, coarse_cell bigint
    ) ON COMMIT DROP
"""
_COLUMNS = ("n", "latitude", "longitude", "street_name", "street_id", "h3_cell", "coarse_cell")
# One look into the index for each: PostgreSQL knows nothing of tables so fresh, and would read all points, for some
# plans once for each place.
_PLANS = ("hashjoin", "mergejoin", "seqscan")
_LOOK_UP = "; ".join(f"SET LOCAL enable_{plan} = off" for plan in _PLANS)
_AS_BEFORE = "; ".join(f"SET LOCAL enable_{plan} = DEFAULT" for plan in _PLANS)
# In the order of the index, so that two who add the same points at once wait for each other, and never in a circle.
_ADD = text(
    """
    INSERT INTO points (latitude, longitude, street_name, street_id, h3_cell, coarse_cell)
    SELECT latitude, longitude, street_name, wanted_places.street_id, wanted_places.h3_cell, wanted_places.coarse_cell
    FROM wanted_places LEFT JOIN points USING (latitude, longitude, street_name) WHERE points.id IS NULL
    ORDER BY latitude, longitude, street_name ON CONFLICT DO NOTHING RETURNING id, latitude, longitude
    """
)
_FOUND = text("SELECT n, points.id FROM wanted_places JOIN points USING (latitude, longitude, street_name)")
_RECELL = text("UPDATE points SET h3_cell = celled.cell FROM celled WHERE points.id = celled.id")


class Place(NamedTuple):
    """Where the source snaps crimes to: degrees, and its name for people, which several have at the same spot."""

    lat: float
    lng: float
    street_name: str


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


def ids(
    connection: Connection, places: Mapping[Place, int | None], areas: Sequence[Area], wanted: int
) -> dict[Place, int]:
    """The id of the point of each place; those that are not there are added. Part of the caller's transaction.

    places: {place: the source's id of its street, where it has one}. areas: all of them. wanted: resolution of cells
    where nothing is held.
    """
    if not places:
        return {}
    held = resolution(connection, wanted)
    order = list(places)
    connection.exec_driver_sql(_WANT)
    rows = ((n, repr(place.lat), repr(place.lng), place.street_name, places[place]) for n, place in enumerate(order))
    cells = (_cells(place, held) for place in order)
    copy(connection, "wanted_places", _COLUMNS, ((*row, *both) for row, both in zip(rows, cells, strict=True)))
    connection.exec_driver_sql(_LOOK_UP)
    added = connection.execute(_ADD).all()
    # After it, as another may have added some at the same time.
    found = {order[n]: point for n, point in connection.execute(_FOUND).all()}
    connection.exec_driver_sql(_AS_BEFORE)
    connection.exec_driver_sql("DROP TABLE wanted_places")
    for area in areas:
        _join(connection, area, added)
    return found


def _cells(place: Place, held: int) -> tuple[int, int]:
    return h3.latlng_to_cell(place.lat, place.lng, held), h3.latlng_to_cell(place.lat, place.lng, COARSE)


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


def left_out(connection: Connection, land: Area) -> list[int]:
    """Ids of the points of an area that do not lie in `land`, which has its slug."""
    known = connection.execute(
        select(Point.id, Point.latitude, Point.longitude)
        .join(AreaPoint, AreaPoint.point_id == Point.id)
        .where(AreaPoint.area == land.slug)
    ).all()
    return sorted({row.id for row in known} - set(within(land, known)))


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
