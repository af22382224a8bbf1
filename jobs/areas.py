"""Areas: the parts of the country whose crimes are held. They may touch, never overlap."""

import itertools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
import structlog
from shapely.geometry import Polygon, box, mapping, shape
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Connection, delete, func, null, select, update
from sqlalchemy.dialects.postgresql import insert

from jobs.errors import WrongCall
from jobs.models import crimes as models
from jobs.settings import Box, Settings

log = structlog.get_logger("safegrid.areas")

DEFAULT_AREA = "southampton-core"
DEFAULT_FORCES = ("hampshire",)
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class AreaError(WrongCall):
    """An area that cannot be held."""


@dataclass(frozen=True)
class Area:
    """A polygon with the forces whose unplaced crimes belong to it."""

    slug: str
    name: str
    polygon: Polygon
    is_box: bool
    forces: tuple[str, ...]

    @property
    def bounds(self) -> Box:
        """South, west, north, east in degrees."""
        west, south, east, north = self.polygon.bounds
        return south, west, north, east

    @property
    def sides(self) -> str:
        """The bounds as SOUTHAMPTON_BBOX and `--box` have them."""
        return ",".join(map(str, self.bounds))

    @property
    def border(self) -> dict[str, Any]:
        """The polygon as GeoJSON, as the database returns it."""
        found: dict[str, Any] = json.loads(json.dumps(mapping(self.polygon)))
        return found

    def contains(self, lat: npt.NDArray[np.float64], lng: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Whether points are inside; degrees, shape (n,).

        Crossing number with half-open edges: a point on a border that two areas share is in exactly one of
        them, and a box holds its south and west sides only. Every edge is computed from its lower end, so that
        both neighbours of an edge round alike.
        """
        inside = np.zeros(lat.shape, dtype=bool)
        for ring in (self.polygon.exterior, *self.polygon.interiors):
            corners = np.asarray(ring.coords)[:, :2]
            for a, b in itertools.pairwise(corners):
                (x1, y1), (x2, y2) = (a, b) if a[1] <= b[1] else (b, a)
                if y1 == y2:
                    continue
                spans = (y1 <= lat) & (lat < y2)
                with np.errstate(over="ignore"):  # north and south of its span, an almost level edge has no bounds
                    inside ^= spans & (lng < (x2 - x1) * (lat - y1) / (y2 - y1) + x1)
        return inside


def from_box(slug: str, name: str, sides: Box, forces: Sequence[str]) -> Area:
    """An area bounded by south, west, north and east in degrees."""
    south, west, north, east = sides
    return _checked(Area(slug, name, box(west, south, east, north), True, tuple(dict.fromkeys(forces))))


def from_geojson(slug: str, name: str, document: dict[str, Any], forces: Sequence[str]) -> Area:
    """An area from a GeoJSON Polygon, or a Feature that has one. Raises AreaError."""
    geometry = document.get("geometry", document) if isinstance(document, dict) else {}
    if not isinstance(geometry, dict) or geometry.get("type") != "Polygon":
        raise AreaError(f"Area {slug}: expected a GeoJSON Polygon, or a Feature that has one")
    try:
        polygon = shape(geometry)
    except (KeyError, IndexError, TypeError, ValueError, shapely.errors.ShapelyError) as error:
        raise AreaError(f"Area {slug}: this polygon cannot be read: {error}") from None
    return _checked(Area(slug, name, polygon, False, tuple(dict.fromkeys(forces))))


def _checked(area: Area) -> Area:
    for text in (area.slug, *area.forces):
        if not _SLUG.fullmatch(text):
            raise AreaError(f"{text!r} is not a slug (expected lower-case words joined by hyphens)")
    if not area.polygon.is_valid or area.polygon.is_empty:
        reason = "it is empty" if area.polygon.is_empty else shapely.is_valid_reason(area.polygon)
        raise AreaError(f"Area {area.slug}: its border is not a simple ring: {reason}")
    south, west, north, east = area.bounds
    if not (-90 <= south < north <= 90 and -180 <= west < east <= 180):
        raise AreaError(
            f"Area {area.slug}: latitudes go from -90 to 90 and longitudes from -180 to 180, "
            "the smaller first; GeoJSON has longitude first"
        )
    return area


def slugs(connection: Connection) -> list[str]:
    """The slug of every area, oldest first."""
    return [area.slug for area in all_areas(connection)]


def all_areas(connection: Connection) -> list[Area]:
    """Every area, oldest first."""
    forces: dict[str, list[str]] = {}
    for row in connection.execute(select(models.AreaForce).order_by(models.AreaForce.force)):
        forces.setdefault(row.area, []).append(row.force)
    rows = connection.execute(select(models.Area).order_by(models.Area.created_at, models.Area.slug))
    return [Area(row.slug, row.name, shape(row.boundary), row.is_box, tuple(forces.get(row.slug, ()))) for row in rows]


def find(connection: Connection, slug: str) -> Area:
    """The area of that slug. Raises AreaError."""
    areas = all_areas(connection)
    for area in areas:
        if area.slug == slug:
            return area
    raise AreaError(f"There is no area {slug!r}; the areas are {', '.join(area.slug for area in areas)}")


def add(connection: Connection, area: Area) -> None:
    """Hold a further area. Raises AreaError when it, or one of its forces, is held already."""
    _lock(connection)
    for other in all_areas(connection):
        if other.slug == area.slug:
            raise AreaError(f"Area {area.slug} is there already; remove it first, or choose another name")
        for force in area.forces:
            if force in other.forces:
                raise AreaError(f"The unplaced crimes of {force} belong to area {other.slug} already")
    _refuse_overlap(connection, area)
    connection.execute(
        insert(models.Area).values(slug=area.slug, name=area.name, boundary=area.border, is_box=area.is_box)
    )
    if area.forces:
        connection.execute(insert(models.AreaForce), [{"force": force, "area": area.slug} for force in area.forces])


def remove(connection: Connection, slug: str) -> None:
    """Let go of an area with all its crimes. Raises AreaError when there is none of that name."""
    _lock(connection)
    find(connection, slug)
    connection.execute(delete(models.Area).where(models.Area.slug == slug))


def resize(connection: Connection, area: Area) -> None:
    """Give an area that is held the border of `area`. Raises AreaError when it would overlap another.

    What is held of it stays, and is of the border that it was brought in within, until its months are ingested again.
    """
    _lock(connection)
    held = find(connection, area.slug)
    _refuse_overlap(connection, area)
    # The area first: a month that is being replaced has it locked until it is there.
    connection.execute(
        update(models.Area).where(models.Area.slug == area.slug).values(boundary=area.border, is_box=area.is_box)
    )
    months = update(models.IngestionRun).where(models.IngestionRun.area == area.slug, models.IngestionRun.current)
    border = models.IngestionRun.border
    connection.execute(months.where(border.is_(None)).values(border=held.border))
    connection.execute(months.where(border == area.border).values(border=null()))


def _refuse_overlap(connection: Connection, area: Area) -> None:
    former = former_borders(connection)
    for other in all_areas(connection):
        if other.slug == area.slug:
            continue
        if _overlap(area.polygon, other.polygon):
            raise AreaError(
                f"Areas {area.slug} and {other.slug} overlap: crimes would be counted twice. "
                "Draw them so that they touch at most"
            )
        if any(_overlap(area.polygon, border) for border in former.get(other.slug, ())):
            raise AreaError(
                f"Area {area.slug} overlaps the former border of {other.slug}, within which months of it are held: "
                f"bring them in within the new one first, with `safegrid backfill --area {other.slug}`"
            )


def _overlap(one: BaseGeometry, other: BaseGeometry) -> bool:
    """Whether they have more in common than a border."""
    return bool(shapely.relate_pattern(one, other, "T********"))


def former_borders(connection: Connection) -> dict[str, list[BaseGeometry]]:
    """{slug: borders that the area has no longer, and within which months of it are held}"""
    run = models.IngestionRun
    borders: dict[str, list[BaseGeometry]] = {}
    for row in connection.execute(select(run.area, run.border).where(run.current, run.border.is_not(None)).distinct()):
        borders.setdefault(row.area, []).append(shape(row.border))
    return borders


def ensure_default(connection: Connection, settings: Settings) -> None:
    """Hold the area of SOUTHAMPTON_BBOX where no area is held; follow the setting while nothing is ingested.

    What is held goes before the setting: where they differ, the log says so.
    """
    _lock(connection)
    wanted = _default(settings)
    if not connection.scalar(select(func.count()).select_from(models.Area)):
        add(connection, wanted)
    elif held := unlike_setting(connection, settings):
        ingested = select(func.count()).where(models.IngestionRun.area == held.slug, models.IngestionRun.current)
        try:
            if not connection.scalar(ingested):
                resize(connection, wanted)
                return
        except AreaError as error:
            log.warning("area_cannot_follow_setting", area=held.slug, error=str(error))
        log.warning("area_is_not_the_setting", area=held.slug, remedy=keep_or_resize(held, settings))


def unlike_setting(connection: Connection, settings: Settings) -> Area | None:
    """The first area, where it is held with another box than that of SOUTHAMPTON_BBOX."""
    held = next((area for area in all_areas(connection) if area.slug == DEFAULT_AREA), None)
    return held if held and held.is_box and held.bounds != settings.southampton_bbox else None


def keep_or_resize(held: Area, settings: Settings) -> str:
    """What is held and what is set, and both ways out."""
    wanted = _default(settings).sides
    return (
        f"{held.slug} is held as the box {held.sides}, and SOUTHAMPTON_BBOX is {wanted}. To take that box over: "
        f"`safegrid area resize {held.slug} --box {wanted}`. To keep what is held: SOUTHAMPTON_BBOX={held.sides}"
    )


def _default(settings: Settings) -> Area:
    return from_box(DEFAULT_AREA, "Southampton core", settings.southampton_bbox, DEFAULT_FORCES)


def _lock(connection: Connection) -> None:
    # One change at a time, so that two overlapping areas cannot be added side by side.
    connection.exec_driver_sql("LOCK TABLE areas IN SHARE ROW EXCLUSIVE MODE")
