"""Areas: the parts of the country whose crimes are held. They may touch, never overlap."""

import shapely
import structlog
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Connection, delete, func, null, select, update
from sqlalchemy.dialects.postgresql import insert

from jobs.boundaries.area import Area, from_box, from_geojson, from_land
from jobs.boundaries.errors import AreaError
from jobs.models import crimes as models
from jobs.settings import Settings

__all__ = ["Area", "AreaError", "from_box", "from_geojson", "from_land"]

log = structlog.get_logger("safegrid.areas")

DEFAULT_AREA = "southampton-core"
DEFAULT_FORCES = ("hampshire",)


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
