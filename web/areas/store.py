"""The areas as pages and API show them."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import shapely
from flask import abort
from sqlalchemy import Connection, Row, text

from jobs import areas
from jobs.areas import Area, AreaError

_HELD = text(
    "SELECT area, count(*) AS months, count(*) FILTER (WHERE NOT is_whole) AS partly, max(month) AS newest, "
    "sum(records)::bigint AS crimes FROM area_months GROUP BY 1"
)


@dataclass(frozen=True)
class Listed:
    """An area and what is ingested for it."""

    area: Area
    months: int = 0
    partly: int = 0
    """Of the months: those of which a part of the area is missing."""
    newest: dt.date | None = None
    crimes: int = 0

    @property
    def parts(self) -> int:
        """Separate pieces of land."""
        return int(shapely.get_num_geometries(self.area.polygon))

    @property
    def points(self) -> int:
        """Points of its border; in GeoJSON each ring repeats its first."""
        rings = shapely.get_rings(shapely.get_parts(self.area.polygon))
        return int(shapely.count_coordinates(rings)) - len(rings)


def listed(connection: Connection) -> list[Listed]:
    """Every area, oldest first."""
    with connection.begin():
        held = {row.area: row for row in connection.execute(_HELD)}
        known = areas.all_areas(connection)
    return [_listed(area, held.get(area.slug)) for area in known]


def _listed(area: Area, row: Row[Any] | None) -> Listed:
    names = ("months", "partly", "newest", "crimes")
    return Listed(area, **{name: getattr(row, name) for name in names}) if row else Listed(area)


def known_area(connection: Connection, slug: str) -> Area:
    """The area of an address; 404 for what is none. Part of the caller's transaction."""
    try:
        return areas.find(connection, slug)
    except AreaError as error:
        abort(404, str(error))
