"""The land whose crimes are held, and how much of each cell it covers."""

import datetime as dt
import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Connection, text

from jobs.boundaries.parsed import parsed

# Few enough for one clipping to leave little of the border, and to save as many.
_TOGETHER: Final = 16
# Of a border of some corners, what is left where the same land was cut in two ways.
_SLIVERS: Final = 1e-6
# Months whose land is known: five years of them, and room.
_KEPT: Final = 200
# A row is written anew when its land shrinks: then it has another xmin.
_ROWS = text(
    "SELECT month, string_agg(id || ' ' || CAST(xmin AS text), ' ' ORDER BY id) AS rows FROM month_grounds "
    "WHERE month = ANY(:months) GROUP BY 1"
)
_BORDERS = text("SELECT boundary::text FROM month_grounds WHERE month = :month ORDER BY id")


class Ground:
    """A piece of land. May be used by several threads at once."""

    def __init__(self, shape: BaseGeometry) -> None:
        self._shape = shape
        self._lock = threading.Lock()
        shapely.prepare(shape)

    def shares(self, outlines: npt.NDArray[np.object_]) -> npt.NDArray[np.float64]:
        """The share of each outline (shape (n,), polygons in degrees) that is of this land, 0 to 1.

        An outline is so small that shares of degrees are shares of land.
        """
        shares = np.ones(len(outlines))
        # What is prepared grows its index as it is asked.
        with self._lock:
            apart = ~shapely.intersects(self._shape, outlines)
            cut = np.flatnonzero(~(apart | shapely.contains_properly(self._shape, outlines)))
        shares[apart] = 0.0
        for start in range(0, len(cut), _TOGETHER):
            some = cut[start : start + _TOGETHER]
            near = shapely.clip_by_rect(self._shape, *shapely.total_bounds(outlines[some]))
            parts = [self._within(near, bounds) for bounds in shapely.bounds(outlines[some])]
            shares[some] = shapely.area(shapely.intersection(parts, outlines[some])) / shapely.area(outlines[some])
        return shares

    def has_all_of(self, other: "Ground", outline: BaseGeometry) -> bool:
        """Whether all that `other` has of an outline is of this land too."""
        if self is other:
            return True
        parts = (one._within(one._shape, outline.bounds) for one in (self, other))
        mine, theirs = (shapely.intersection(part, outline) for part in parts)
        return bool(shapely.area(shapely.difference(theirs, mine)) <= _SLIVERS * shapely.area(outline))

    def _within(self, near: BaseGeometry, bounds: npt.NDArray[np.float64]) -> BaseGeometry:
        """All of the land that lies within the bounds: one overlay with a border of 100,000 corners takes 7 ms."""
        part = shapely.clip_by_rect(near, *bounds)
        # It is quick because it promises neither that rings do not touch, nor that there are no stray lines.
        is_sound = part.is_empty or (part.geom_type in ("Polygon", "MultiPolygon") and part.is_valid)
        return part if is_sound else self._shape


def of_month(connection: Connection, month: dt.date) -> Ground:
    """The land that is held of a month."""
    return _joined(tuple(connection.scalars(_BORDERS, {"month": month})))


class Grounds:
    """The land of many months of one database, each read once for as long as it stays; of use to several threads."""

    def __init__(self) -> None:
        self._known: dict[str, Ground] = {}

    def of(self, connection: Connection, months: Sequence[dt.date]) -> dict[dt.date, Ground]:
        """{month: its land} for the months of which some is held; months of equal land have the same object."""
        rows = {row.month: row.rows for row in connection.execute(_ROWS, {"months": list(months)})}
        known = {key: self._known.get(key) or of_month(connection, month) for month, key in rows.items()}
        # What changed meanwhile is forgotten, as are months that nobody asked for again.
        if len(self._known | known) > _KEPT:
            self._known = {}
        self._known |= known
        return {month: known[key] for month, key in rows.items()}


@lru_cache(maxsize=8)
def _joined(borders: tuple[str, ...]) -> Ground:
    return Ground(shapely.union_all([parsed(border) for border in borders]))
