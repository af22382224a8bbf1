"""The land that is held of a month: pieces that do not overlap, each of one release."""

import dataclasses
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import shapely
from shapely.geometry import MultiPolygon, mapping, shape
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Connection, delete, insert, select, update

from jobs.areas import Area
from jobs.models.crimes import AreaForce, IngestionRun, MonthGround

# Some 8 square metres in degrees: what is less was left by rounding where two borders meet.
_SLIVER = 1e-9
# Of a long border more is left.
_SLIVERS = 1e-6


@dataclass(frozen=True)
class Ground:
    """A piece of land with what is held of it."""

    shape: BaseGeometry
    release: dt.date | None
    source: str
    ingestion_id: int | None


def of_month(connection: Connection, month: dt.date) -> list[Ground]:
    """The pieces of a month, the newest ingestion first."""
    rows = connection.execute(
        select(MonthGround).where(MonthGround.month == month).order_by(MonthGround.ended_at.desc(), MonthGround.id)
    )
    return [Ground(shape(row.boundary), row.release, row.source, row.ingestion_id) for row in rows]


def months(connection: Connection) -> list[dt.date]:
    """Every month of which some land is held, newest first."""
    return list(connection.scalars(select(MonthGround.month).distinct().order_by(MonthGround.month.desc())))


def replace(connection: Connection, month: dt.date, land: BaseGeometry, values: dict[str, Any]) -> None:
    """Hold `land` of the month as one piece, out of which others lose what they had of it. values: its columns."""
    for row in connection.execute(select(MonthGround.id, MonthGround.boundary).where(MonthGround.month == month)).all():
        _shrink(connection, row, solid(shape(row.boundary).difference(land)))
    connection.execute(insert(MonthGround).values(month=month, boundary=mapping(land), **values))


def not_newer(connection: Connection, area: Area, month: dt.date, release: dt.date | None) -> Area | None:
    """The area without the land, and the forces, of which a newer release of the month is held; None without any."""
    held = [one for one in of_month(connection, month) if one.release and release and one.release > release]
    newer = touching(held, area.polygon)
    if not newer:
        return area
    left = solid(area.polygon.difference(shapely.union_all([one.shape for one in newer])))
    if left.area <= max(_SLIVER, _SLIVERS * area.polygon.area):
        return None
    named = select(AreaForce.force).join(IngestionRun, IngestionRun.area == AreaForce.area)
    theirs = set(connection.scalars(named.where(IngestionRun.id.in_([one.ingestion_id for one in newer]))))
    forces = tuple(force for force in area.forces if force not in theirs)
    return dataclasses.replace(area, polygon=left, is_box=False, forces=forces)


def clip(connection: Connection, land: BaseGeometry) -> None:
    """Give up what is held outside of `land`, in every month."""
    shapely.prepare(land)
    for row in connection.execute(select(MonthGround.id, MonthGround.boundary)).all():
        held = shape(row.boundary)
        if not land.covers(held):
            _shrink(connection, row, solid(held.intersection(land)))


def _shrink(connection: Connection, row: Any, left: MultiPolygon) -> None:
    if left.is_empty:
        connection.execute(delete(MonthGround).where(MonthGround.id == row.id))
    elif not left.equals(shape(row.boundary)):
        connection.execute(update(MonthGround).where(MonthGround.id == row.id).values(boundary=mapping(left)))


def touching(grounds: Sequence[Ground], land: BaseGeometry) -> list[Ground]:
    """Those that have some of the land."""
    return [one for one in grounds if overlap(one.shape, land)]


def is_all_of(connection: Connection, area: Area, month: dt.date, source: str) -> bool:
    """Whether all of the area's month is held, and all of it came from this source."""
    held = touching(of_month(connection, month), area.polygon)
    return all(one.source == source for one in held) and is_whole(held, area.polygon)


def is_whole(grounds: Sequence[Ground], land: BaseGeometry) -> bool:
    """Whether they have all of the land."""
    held = shapely.union_all([one.shape for one in grounds])
    return bool(land.difference(held).area <= max(_SLIVER, _SLIVERS * land.area))


def overlap(one: BaseGeometry, other: BaseGeometry) -> bool:
    """Whether they have more in common than a border."""
    return bool(one.intersects(other)) and not solid(one.intersection(other)).is_empty


def solid(geometry: BaseGeometry) -> MultiPolygon:
    """Its polygons, without lines, points and slivers."""
    return MultiPolygon([part for part in _polygons(geometry) if part.area > _SLIVER])


def _polygons(geometry: BaseGeometry) -> list[BaseGeometry]:
    parts = shapely.get_parts(geometry)
    if len(parts) == 1:
        return [geometry] if geometry.geom_type == "Polygon" else list(parts)
    return [polygon for part in parts for polygon in _polygons(part)]
