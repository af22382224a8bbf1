"""Areas: the parts of the country whose crimes are held. They may overlap: a crime is held once all the same."""

from sqlalchemy import Connection, Text, cast, select

from jobs.boundaries.area import Area, from_box, from_geojson, from_land
from jobs.boundaries.errors import AreaError
from jobs.boundaries.parsed import parsed
from jobs.models import crimes as models

__all__ = ["Area", "AreaError", "from_box", "from_geojson", "from_land"]

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
    one = models.Area
    border = cast(one.boundary, Text)
    rows = connection.execute(select(one.slug, one.name, border, one.is_box).order_by(one.created_at, one.slug))
    return [
        Area(slug, name, parsed(border), is_box, tuple(forces.get(slug, ()))) for slug, name, border, is_box in rows
    ]


def find(connection: Connection, slug: str) -> Area:
    """The area of that slug. Raises AreaError."""
    areas = all_areas(connection)
    for area in areas:
        if area.slug == slug:
            return area
    raise AreaError(f"There is no area {slug}. Areas: {', '.join(area.slug for area in areas)}")


def keep_still(connection: Connection) -> None:
    """Until the end of the transaction no area is added, changed or removed; others may do the same."""
    connection.exec_driver_sql("LOCK TABLE areas IN SHARE MODE")


def lock(connection: Connection) -> None:
    """Until the end of the transaction nobody else changes an area, or what is held of it."""
    connection.exec_driver_sql("LOCK TABLE areas IN SHARE ROW EXCLUSIVE MODE")
