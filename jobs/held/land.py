"""Areas come, change and go, and what is held follows: crimes are held where an area is."""

import shapely
import structlog
from sqlalchemy import Connection, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from jobs import areas
from jobs.areas import DEFAULT_AREA, DEFAULT_FORCES, Area, AreaError, from_box
from jobs.gazetteer import upkeep
from jobs.held import grounds, partitions, points, summaries
from jobs.models import crimes as models
from jobs.settings import Settings

log = structlog.get_logger("safegrid.areas")

_ALONE = text(
    """
    SELECT count(*) FROM crime_incidents JOIN area_points AS own USING (point_id)
    WHERE own.area = :area AND NOT EXISTS (
        SELECT FROM area_points AS other WHERE other.point_id = own.point_id AND other.area <> :area
    )
    """
)
_ALONE_AMONG = text(f"{_ALONE.text} AND own.point_id = ANY(:points)")
_UNPLACED_ALONE = text(
    """
    SELECT count(*) FROM unplaced_crimes JOIN area_forces AS own USING (force)
    WHERE own.area = :area AND NOT EXISTS (
        SELECT FROM area_forces AS other WHERE other.force = own.force AND other.area <> :area
    )
    """
)
# No area counts them any more.
_DROP_STRAYS = text(
    "DELETE FROM crime_incidents AS crime WHERE NOT EXISTS (SELECT FROM area_points WHERE point_id = crime.point_id) "
    "RETURNING month"
)
_DROP_UNPLACED = text("DELETE FROM unplaced_crimes WHERE force NOT IN (SELECT force FROM area_forces)")


def add(connection: Connection, area: Area) -> None:
    """Add an area, with what is held of its land already. Raises AreaError when its name is taken."""
    areas.lock(connection)
    if any(other.slug == area.slug for other in areas.all_areas(connection)):
        raise AreaError(f"The area {area.slug} exists already: remove it first, or choose another slug")
    values = {"name": area.name, "boundary": area.border, "is_box": area.is_box}
    connection.execute(insert(models.Area).values(slug=area.slug, **values))
    if area.forces:
        connection.execute(insert(models.AreaForce), [{"force": force, "area": area.slug} for force in area.forces])
    points.join(connection, area)
    summaries.refresh_areas(connection, [area], grounds.months(connection))


def alone(connection: Connection, slug: str) -> int:
    """Crimes of an area that no other area covers: they are deleted with it."""
    return connection.scalar(_ALONE, {"area": slug}) or 0


def unplaced_alone(connection: Connection, slug: str) -> int:
    """Crimes without a place of the forces that only this area names: they are deleted with it."""
    return connection.scalar(_UNPLACED_ALONE, {"area": slug}) or 0


def remove(connection: Connection, slug: str) -> None:
    """Give up an area, and the crimes that no other covers. Raises AreaError when there is none of that name."""
    areas.lock(connection)
    areas.find(connection, slug)
    connection.execute(delete(models.Area).where(models.Area.slug == slug))
    _hold_areas_only(connection)


def lost_by_resizing(connection: Connection, area: Area) -> int:
    """Crimes that this border of an area leaves out and that no other area covers: they are deleted by it."""
    out = points.left_out(connection, area)
    return connection.scalar(_ALONE_AMONG, {"area": area.slug, "points": out}) or 0


def resize(connection: Connection, area: Area) -> None:
    """Give an area that is held the border of `area`. What the new one adds is held once it is ingested."""
    areas.lock(connection)
    areas.find(connection, area.slug)
    connection.execute(
        update(models.Area).where(models.Area.slug == area.slug).values(boundary=area.border, is_box=area.is_box)
    )
    points.join(connection, area)
    _hold_areas_only(connection)


def _hold_areas_only(connection: Connection) -> None:
    """Drop what lies in no area, and add up anew what is held."""
    upkeep.forget(connection)
    held = areas.all_areas(connection)
    touched = sorted({row.month for row in connection.execute(_DROP_STRAYS)})
    connection.execute(_DROP_UNPLACED)
    before = grounds.months(connection)
    grounds.clip(connection, shapely.union_all([area.polygon for area in held]))
    resolution = connection.scalar(select(func.max(models.HeldMonth.h3_resolution))) or 0
    summaries.refresh_months(connection, touched, resolution)
    summaries.refresh_areas(connection, held, before)
    partitions.drop_unheld(connection)


def ensure_default(connection: Connection, settings: Settings) -> None:
    """Hold the area of SOUTHAMPTON_BBOX where no area is held; follow the setting while nothing is ingested.

    What is held goes before the setting: where they differ, the log says so.
    """
    areas.lock(connection)
    wanted = _default(settings)
    if not connection.scalar(select(func.count()).select_from(models.Area)):
        add(connection, wanted)
    elif held := unlike_setting(connection, settings):
        if not connection.scalar(select(models.AreaMonth.month).where(models.AreaMonth.area == held.slug).limit(1)):
            resize(connection, wanted)
            return
        log.warning("area_is_not_the_setting", area=held.slug, remedy=keep_or_resize(held, settings))


def unlike_setting(connection: Connection, settings: Settings) -> Area | None:
    """The first area, where it is held with another box than that of SOUTHAMPTON_BBOX."""
    held = next((area for area in areas.all_areas(connection) if area.slug == DEFAULT_AREA), None)
    return held if held and held.is_box and held.bounds != settings.southampton_bbox else None


def keep_or_resize(held: Area, settings: Settings) -> str:
    """What is held and what is set, and both ways out."""
    wanted = _default(settings).sides
    return (
        f"The area {held.slug} is the box {held.sides}, but SOUTHAMPTON_BBOX is {wanted}. To use that box: "
        f"`safegrid area resize {held.slug} --box {wanted}`. To keep the area, set SOUTHAMPTON_BBOX={held.sides}"
    )


def _default(settings: Settings) -> Area:
    return from_box(DEFAULT_AREA, "Southampton core", settings.southampton_bbox, DEFAULT_FORCES)
