"""Records that were set aside: kept with their reason as long as what they came with."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, select, text

from jobs.areas import Area
from jobs.held import points
from jobs.models.crimes import SetAside

_MOVE = text(
    """
    INSERT INTO set_aside_records (month, area, force, reason, record, category, latitude, longitude)
    SELECT :month, :area, force, reason, record, category, latitude, longitude
    FROM staged_asides WHERE pull = :pull ORDER BY id
    """
)
_PLACES = select(SetAside.id, SetAside.latitude, SetAside.longitude).where(SetAside.latitude.is_not(None))


def replace(connection: Connection, pull: int, area: Area, month: dt.date) -> None:
    """Keep what a pull set aside, in place of what others did of the same land, forces and area."""
    mine = SetAside.month == month
    inside = points.within(area, connection.execute(_PLACES.where(mine)).all())
    unread = (SetAside.area == area.slug) & SetAside.latitude.is_(None) & SetAside.force.is_(None)
    gone = SetAside.id.in_(inside) | SetAside.force.in_(area.forces) | unread
    connection.execute(delete(SetAside).where(mine, gone))
    connection.execute(_MOVE, {"pull": pull, "area": area.slug, "month": month})


def waiting_for(connection: Connection, category: str) -> Sequence[Any]:
    """month, area, force and record of what is a crime once the category is known, month by month."""
    columns = SetAside.id, SetAside.month, SetAside.area, SetAside.force, SetAside.record
    return connection.execute(select(*columns).where(SetAside.category == category).order_by(SetAside.month)).all()
