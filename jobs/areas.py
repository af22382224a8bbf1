"""Areas: the parts of the country whose crimes are held. They may overlap: a crime is held once all the same."""

from shapely.geometry import shape
from sqlalchemy import Connection, select

from jobs.boundaries.area import Area, from_box, from_geojson, from_land
from jobs.boundaries.errors import AreaError
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
    rows = connection.execute(select(models.Area).order_by(models.Area.created_at, models.Area.slug))
    return [Area(row.slug, row.name, shape(row.boundary), row.is_box, tuple(forces.get(row.slug, ()))) for row in rows]


def find(connection: Connection, slug: str) -> Area:
    """The area of that slug. Raises AreaError."""
    areas = all_areas(connection)
    for area in areas:
        if area.slug == slug:
            return area
    raise AreaError(f"There is no area {slug!r}; the areas are {', '.join(area.slug for area in areas)}")


def keep_still(connection: Connection) -> None:
    """Until the end of the transaction no area is added, changed or removed; others may do the same."""
    connection.exec_driver_sql("LOCK TABLE areas IN SHARE MODE")


def lock(connection: Connection) -> None:
    """Until the end of the transaction nobody else changes an area, or what is held of it."""
    connection.exec_driver_sql("LOCK TABLE areas IN SHARE ROW EXCLUSIVE MODE")
