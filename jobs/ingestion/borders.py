"""Months that were brought in within another border than their area has now."""

import datetime as dt
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, mapping, shape
from sqlalchemy import Connection, func, null, select, text, update

from jobs import areas
from jobs.areas import Area
from jobs.crimes import fingerprint
from jobs.database import lock
from jobs.models.crimes import CrimeIncident, IngestionRun

_DELETE = text(
    """
    DELETE FROM crime_incidents USING unnest(CAST(:lats AS float8[]), CAST(:lngs AS float8[])) AS outside (lat, lng)
    WHERE area = :area AND month = :month AND latitude = lat AND longitude = lng
    """
)


@dataclass(frozen=True)
class Outside:
    """What a border leaves out of a month: how many crimes, and their points in degrees."""

    crimes: int
    lats: list[float]
    lngs: list[float]


def outdated(connection: Connection, area: str) -> list[dt.date]:
    """Months that are held within a former border of the area, newest first."""
    return _held(connection, area, IngestionRun.border.is_not(None))


def not_offered(connection: Connection, area: str, offered: Collection[dt.date]) -> list[dt.date]:
    """Months that are held and that the source does not offer any more, newest first."""
    return _held(connection, area, IngestionRun.month.not_in(offered))


def _held(connection: Connection, area: str, where: Any) -> list[dt.date]:
    months = select(IngestionRun.month).where(IngestionRun.area == area, IngestionRun.current, where)
    return list(connection.scalars(months.order_by(IngestionRun.month.desc())))


def outside(connection: Connection, area: Area, month: dt.date) -> Outside:
    """What this border of the area leaves out of what is held of the month."""
    place = CrimeIncident.latitude, CrimeIncident.longitude
    points = select(*place, func.count()).filter_by(area=area.slug, month=month).group_by(*place)
    # Three columns where there are no rows, too.
    found = np.array(connection.execute(points).all(), dtype=float).reshape(-1, 3)
    gone = found[~area.contains(found[:, 0], found[:, 1])]
    return Outside(int(gone[:, 2].sum()), gone[:, 0].tolist(), gone[:, 1].tolist())


def resize(connection: Connection, area: Area, offered: Collection[dt.date]) -> list[dt.date]:
    """Give an area that is held the border of `area`. Raises AreaError when it would overlap another.

    Part of the caller's transaction. Months on offer keep what is held of them until they are ingested again. Of the
    others stays what lies inside both borders; returns those that lost crimes by that, newest first.
    """
    months = not_offered(connection, area.slug, offered)
    # Months before areas, as whoever brings a month in or re-cells it locks them.
    for month in months:
        lock(connection, f"safegrid:month:{area.slug}:{month}")
    areas.resize(connection, area)
    return [month for month in months if _cut(connection, area, month)]


def _cut(connection: Connection, area: Area, month: dt.date) -> bool:
    """Keep what lies inside the month's border and the area's. Returns whether there were other crimes."""
    where = {"area": area.slug, "month": month}
    former = connection.scalar(select(IngestionRun.border).filter_by(**where, current=True))
    if former is None:
        return False
    found = outside(connection, area, month)
    if found.crimes:
        connection.execute(_DELETE, {**where, "lats": found.lats, "lngs": found.lngs})
        _recount(connection, where)
    _set_border(connection, area, where, former)
    return found.crimes > 0


def _recount(connection: Connection, where: dict[str, Any]) -> None:
    """Make the month's row that of the crimes which are left."""
    key = CrimeIncident.h3_cell, CrimeIncident.category
    rows = connection.execute(select(*key, func.count()).filter_by(**where).group_by(*key))
    counts: dict[tuple[int | None, str], int] = {(cell, category): count for cell, category, count in rows}
    categories: Counter[str] = Counter()
    for (_, category), count in counts.items():
        categories[category] += count
    run = select(IngestionRun.h3_resolution).filter_by(**where, current=True)
    print_of_counts = fingerprint(connection.scalar(run) or 0, counts)
    connection.execute(
        update(IngestionRun)
        .filter_by(**where, current=True)
        .values(records=categories.total(), categories=categories, fingerprint=print_of_counts)
    )


def _set_border(connection: Connection, area: Area, where: dict[str, Any], former: dict[str, Any]) -> None:
    common = shape(former).intersection(area.polygon)
    both = MultiPolygon([part for part in shapely.get_parts(common) if part.area])
    is_whole = both.equals(area.polygon)
    connection.execute(
        update(IngestionRun)
        .filter_by(**where, current=True)
        # Of a border that lies elsewhere, the month holds nothing.
        .values(border=null() if is_whole else mapping(both), current=not both.is_empty)
    )
