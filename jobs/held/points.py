"""The anonymous points that crimes refer to, their cells, and the areas that they lie in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import h3.api.basic_int as h3
import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, delete, select, text

from jobs.areas import Area
from jobs.database import copy
from jobs.gazetteer import upkeep
from jobs.models.crimes import AreaPoint, HeldMonth, Point

Ids = npt.NDArray[np.int64]
Degrees = npt.NDArray[np.float64]
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
    WITH added AS (
        INSERT INTO points (latitude, longitude, street_name, street_id, h3_cell, coarse_cell)
        SELECT latitude, longitude, street_name, wanted.street_id, wanted.h3_cell, wanted.coarse_cell
        FROM wanted_places AS wanted LEFT JOIN points USING (latitude, longitude, street_name) WHERE points.id IS NULL
        ORDER BY latitude, longitude, street_name ON CONFLICT DO NOTHING RETURNING id
    )
    SELECT coalesce(array_agg(id), '{}') FROM added
    """
)
_FOUND = text(
    "SELECT array_agg(n), array_agg(points.id) FROM wanted_places JOIN points USING (latitude, longitude, street_name)"
)
_RECELL = text("UPDATE points SET h3_cell = celled.cell FROM celled WHERE points.id = celled.id")


@dataclass(frozen=True)
class Places:
    """Where the source snaps crimes to, as columns of equal length."""

    lat: Degrees
    lng: Degrees
    """Degrees, WGS84."""
    streets: Sequence[str]
    """Names for people, of which several may be at the same spot."""
    street_ids: Sequence[int | None]
    """The source's ids of the streets, where it has them."""


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


def ids(connection: Connection, places: Places, areas: Sequence[Area], wanted: int) -> Ids:
    """The id of the point of each place; those that are not there are added. Part of the caller's transaction.

    areas: all of them. wanted: resolution of cells where nothing is held.
    """
    found = np.zeros(len(places.lat), dtype=np.int64)
    if not len(found):
        return found
    _copy_wanted(connection, places, resolution(connection, wanted))
    connection.exec_driver_sql(_LOOK_UP)
    added = connection.scalar(_ADD)
    # After it, as another may have added some at the same time.
    numbers, there = connection.execute(_FOUND).one()
    found[numbers] = there
    connection.exec_driver_sql(_AS_BEFORE)
    connection.exec_driver_sql("DROP TABLE wanted_places")
    is_new = np.isin(found, added)
    upkeep.name(connection, added)
    for area in areas if added else ():
        inside = area.contains(places.lat[is_new], places.lng[is_new])
        fresh = np.unique(found[is_new][inside]).tolist()
        _hold(connection, area, fresh)
        upkeep.add(connection, area.slug, fresh)
    return found


def _copy_wanted(connection: Connection, places: Places, held: int) -> None:
    lat, lng = places.lat.tolist(), places.lng.tolist()
    cells = ([h3.latlng_to_cell(*place, one) for place in zip(lat, lng, strict=True)] for one in (held, COARSE))
    connection.exec_driver_sql(_WANT)
    rows = zip(range(len(lat)), lat, lng, places.streets, places.street_ids, *cells, strict=True)
    copy(connection, "wanted_places", _COLUMNS, rows)


def join(connection: Connection, area: Area) -> None:
    """Find the points that lie in an area that is new, or has a new border."""
    connection.execute(delete(AreaPoint).where(AreaPoint.area == area.slug))
    south, west, north, east = area.bounds
    nearby = connection.execute(
        select(Point.id, Point.latitude, Point.longitude).where(
            Point.latitude.between(south, north), Point.longitude.between(west, east)
        )
    ).all()
    _hold(connection, area, within(area, nearby))
    upkeep.refill(connection, area.slug)


def _hold(connection: Connection, area: Area, inside: Iterable[int]) -> None:
    """Note the points that lie in an area, which does not have them yet."""
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
