"""An area: land with a border that is half-open, so that areas which touch share no point and lose none."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import box, mapping

from jobs.boundaries import geojson
from jobs.boundaries.degrees import look_swapped
from jobs.boundaries.drawing import united
from jobs.boundaries.errors import AreaError, BorderRefused
from jobs.boundaries.rings import Land
from jobs.settings import Box

_SLUG: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Area:
    """Land with the forces whose unplaced crimes belong to it."""

    slug: str
    name: str
    polygon: Land
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
        """The land as GeoJSON, Polygon or MultiPolygon, as the database returns it."""
        found: dict[str, Any] = json.loads(json.dumps(mapping(self.polygon)))
        return found

    def touches(self, sides: Box) -> bool:
        """Whether a box of south, west, north and east has a point in common with it."""
        south, west, north, east = sides
        return bool(self.polygon.intersects(box(west, south, east, north)))

    def contains(self, lat: npt.NDArray[np.float64], lng: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Whether points are inside; degrees, shape (n,).

        Crossing number with half-open edges, over the rings of all parts and holes: a point on a border that areas
        share is in exactly one of them, and a box holds its south and west sides only. Every edge is computed from
        its lower end, so that both neighbours of an edge round alike.
        """
        x1, y1, x2, y2 = self._edges
        order = np.argsort(lat)
        lats, lngs = lat[order], lng[order]
        # Of the points by latitude, those of y1 <= latitude < y2.
        first, last = np.searchsorted(lats, y1), np.searchsorted(lats, y2)
        inside = np.zeros(lat.shape, dtype=bool)
        for edge in np.flatnonzero(first < last):
            span = slice(first[edge], last[edge])
            with np.errstate(over="ignore"):  # of an edge that is almost level
                rise = (x2[edge] - x1[edge]) * (lats[span] - y1[edge]) / (y2[edge] - y1[edge])
            inside[order[span]] ^= lngs[span] < rise + x1[edge]
        return inside

    @cached_property
    def _edges(self) -> tuple[npt.NDArray[np.float64], ...]:
        """Longitude and latitude of the lower end of every edge, then of its upper end."""
        rings = [shapely.get_coordinates(ring) for ring in shapely.get_rings(shapely.get_parts(self.polygon))]
        starts, ends = (np.concatenate([ring[cut] for ring in rings]) for cut in (slice(-1), slice(1, None)))
        is_up = (starts[:, 1] <= ends[:, 1])[:, np.newaxis]
        low, high = np.where(is_up, starts, ends), np.where(is_up, ends, starts)
        return low[:, 0], low[:, 1], high[:, 0], high[:, 1]


def from_box(slug: str, name: str, sides: Box, forces: Sequence[str]) -> Area:
    """An area bounded by south, west, north and east in degrees. Raises AreaError."""
    south, west, north, east = sides
    if not (-90 <= south < north <= 90 and -180 <= west < east <= 180):
        raise AreaError(f"Area {slug}: latitudes go from -90 to 90 and longitudes from -180 to 180, the smaller first")
    if look_swapped(lat=(south, north), lng=(west, east)):
        raise AreaError(f"Area {slug}: latitude and longitude of its box look swapped: latitude comes first")
    return _named(Area(slug, name, box(west, south, east, north), True, tuple(dict.fromkeys(forces))))


def from_land(slug: str, name: str, land: Land, forces: Sequence[str]) -> Area:
    """An area with land that is valid. Raises AreaError."""
    return _named(Area(slug, name, land, False, tuple(dict.fromkeys(forces))))


def from_geojson(slug: str, name: str, document: Any, forces: Sequence[str]) -> Area:
    """An area with all the land of a GeoJSON document. Raises AreaError."""
    try:
        border = united(geojson.drawings(document))
    except BorderRefused as error:
        raise AreaError(f"Area {slug}: {error}") from None
    return from_land(slug, name, border.land, forces)


def is_slug(text: str) -> bool:
    """Whether an area or a force may have that name."""
    return bool(_SLUG.fullmatch(text))


def _named(area: Area) -> Area:
    for text in (area.slug, *area.forces):
        if not is_slug(text):
            raise AreaError(f"{text} is not a slug (lower-case words joined by hyphens)")
    return area
