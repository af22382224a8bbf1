"""Rings and the land within them: mended where that changes no land, else refused with the point that is wrong."""

import re
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from jobs.boundaries.errors import BorderRefused

Points = npt.NDArray[np.float64]
"""Longitude and latitude in degrees, shape (n, 2)."""
Land: TypeAlias = Polygon | MultiPolygon
Mended = tuple[Land, tuple[str, ...]]
"""Valid land, and what was mended, for people."""

# Square degrees, 7 m2 in England: no crime is won or lost by so little.
_SLIVER: Final = 1e-9
_SLIVER_SHARE: Final = 1e-3
_REASON: Final = re.compile(r"(?P<reason>.+)\[(?P<lng>\S+) (?P<lat>\S+)\]")
_WORDS: Final = {
    "Self-intersection": "its border crosses or overlaps itself",
    "Ring Self-intersection": "its border touches itself",
    "Hole lies outside shell": "a hole lies outside its polygon",
    "Holes are nested": "a hole lies in a hole",
    "Nested shells": "a part lies inside another (is it meant as a hole?)",
    "Interior is disconnected": "its holes cut it in two",
}


def points(ring: Any) -> Points:
    """The points of a ring that is a list of [longitude, latitude, ...]. Raises BorderRefused."""
    if not isinstance(ring, list | tuple):
        raise BorderRefused(f"expected a ring, which is a list of points (found {ring!r:.40})")
    for point in ring:
        if not (isinstance(point, list | tuple) and len(point) >= 2 and _are_numbers(point[:2])):
            raise BorderRefused(f"expected a point, which is [longitude, latitude] (found {point!r:.60})")
    try:
        return np.array([point[:2] for point in ring], dtype=float).reshape(-1, 2)
    except OverflowError:
        raise BorderRefused("a coordinate has hundreds of digits: expected degrees") from None


def _are_numbers(values: Sequence[Any]) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def land(polygons: Sequence[Sequence[Points]]) -> Mended:
    """The land of polygons, each an outer ring with its holes; they may touch. Raises BorderRefused."""
    opened = 0
    parts: list[Polygon] = []
    notes: list[str] = []
    for rings in polygons:
        for ring in rings:
            _refuse_off_earth(ring)
        closed = [_closed(ring) for ring in rings]
        opened += sum(not np.array_equal(ring[0], ring[-1]) for ring in rings)
        part, mended = _mended(Polygon(closed[0], closed[1:]))
        parts += polygons_of(part)
        notes += mended
    whole, mended = _mended(MultiPolygon(parts))
    said = [f"closed {opened} ring{'s' * (opened > 1)} whose last point was not the first"] * bool(opened)
    return whole, (*said, *notes, *mended)


def polygons_of(geometry: BaseGeometry) -> list[Polygon]:
    """The polygons that a geometry consists of."""
    return [part for part in shapely.get_parts(geometry) if isinstance(part, Polygon)]


def as_land(polygons: list[Polygon]) -> Land:
    """One polygon as it is, several as one geometry."""
    return polygons[0] if len(polygons) == 1 else MultiPolygon(polygons)


def place(lng: Any, lat: Any) -> str:
    """A point for people."""
    return f"longitude {float(lng):.10g}, latitude {float(lat):.10g}"


def _refuse_off_earth(ring: Points) -> None:
    is_on = (np.abs(ring[:, 0]) <= 180) & (np.abs(ring[:, 1]) <= 90)  # NaN is neither
    if not is_on.all():
        lng, lat = ring[~is_on][0]
        raise BorderRefused(
            f"the point {lng:.10g}, {lat:.10g} is not on Earth: longitudes go from -180 to 180, latitudes from -90 "
            "to 90. Export coordinates in metres (British National Grid) as WGS 84 (EPSG:4326)"
        )


def _closed(ring: Points) -> Points:
    """The ring without points that are repeated at once, its first point at its end."""
    is_new = np.any(ring[1:] != ring[:-1], axis=1)
    distinct = ring[:1] if len(ring) < 2 else ring[np.concatenate(([True], is_new))]
    if len(distinct) and not np.array_equal(distinct[0], distinct[-1]):
        distinct = np.concatenate((distinct, distinct[:1]))
    if len(distinct) < 4:
        where = f" at {place(*ring[0])}" if len(ring) else ""
        raise BorderRefused(f"a ring{where} has fewer than three different points")
    return distinct


def _mended(drawn: Land) -> Mended:
    if drawn.is_valid:
        return drawn if isinstance(drawn, Polygon) else as_land(polygons_of(drawn)), ()
    # As drawn, a ring that crosses itself has less area than its parts together; land that is drawn twice has more.
    allowed = min(_SLIVER, _SLIVER_SHARE * drawn.area)
    whole = polygons_of(shapely.make_valid(drawn, method="structure", keep_collapsed=False))
    parts = [part for part in whole if part.area > allowed]
    mended = as_land(parts)
    where = _reason(drawn)
    if mended.is_empty:
        raise BorderRefused(f"it has no area: {where}")
    if not mended.is_valid or abs(mended.area - drawn.area) > allowed:
        raise BorderRefused(where)
    return mended, (f"repaired without a change of the area: {where}",)


def _reason(drawn: Land) -> str:
    found = _REASON.fullmatch(text := shapely.is_valid_reason(drawn))
    return f"{_WORDS.get(found['reason'], found['reason'])} at {place(found['lng'], found['lat'])}" if found else text
