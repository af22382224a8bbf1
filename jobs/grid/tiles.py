"""Tiles of the web's usual map (Web Mercator, 256 px, zoom 0 shows the world), filled with cells."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

from jobs.grid import mvt
from jobs.grid.cells import PROPERTIES, Cells
from jobs.grid.mvt import EXTENT
from jobs.grid.region import Region

# As far as map libraries zoom.
DEEPEST: Final = 22
LAYER: Final = "cells"
# What a cell's border may stick out of its tile, so that no seam shows.
_BUFFER: Final = 64
# (zoom, at most; resolution): mostly 20 to 60 px a hexagon, and half of that where it shows the country.
_BY_ZOOM: Final = ((4, 4), (6, 5), (8, 6), (10, 7), (12, 8), (14, 9))
_FINE: Final = 10
SHARPEST: Final = _BY_ZOOM[-1][0] + 1
"""The zoom of the finest cells; deeper tiles show the same ones, larger."""
FIELDS: Final = dict.fromkeys(PROPERTIES, "Number") | {"h3": "String", "few_data": "Boolean"}


@dataclass(frozen=True)
class Tile:
    """A square of the map; x counts from the west, y from the north."""

    z: int
    x: int
    y: int

    @property
    def is_on_map(self) -> bool:
        """Whether there is such a tile."""
        return 0 <= self.z <= DEEPEST and max(self.x, self.y) < 2**self.z and min(self.x, self.y) >= 0

    @property
    def resolution(self) -> int:
        """The resolution whose cells are of a good size on the screen."""
        return next((resolution for most, resolution in _BY_ZOOM if self.z <= most), _FINE)

    @property
    def region(self) -> Region:
        """The tile in degrees."""
        (west, north), (east, south) = (self._corner(self.x + d, self.y + d) for d in (0, 1))
        return Region(shapely.box(west, south, east, north))

    def _corner(self, x: int, y: int) -> tuple[float, float]:
        # Web Mercator and back: https://wiki.openstreetmap.org/wiki/Slippy_map_tilenames
        lat = math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * y / 2**self.z))))
        return x / 2**self.z * 360 - 180, lat

    def project(self, degrees: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Longitude and latitude, shape (n, 2), as coordinates of the tile: 0 to 4096, y down."""
        lng, lat = degrees[:, 0], np.radians(degrees[:, 1])
        x = (lng + 180) / 360
        y = (1 - np.arcsinh(np.tan(lat)) / np.pi) / 2
        return np.asarray((np.stack([x, y], axis=1) * 2**self.z - (self.x, self.y)) * EXTENT)


def encode(tile: Tile, cells: Cells) -> bytes:
    """The cells as a vector tile with the layer `cells`; no bytes where there are none."""
    return layer(tile, cells.outlines, (dict(zip(PROPERTIES, values, strict=True)) for values in cells.said()))


def layer(tile: Tile, outlines: npt.NDArray[np.object_], properties: Iterable[Mapping[str, mvt.Value]]) -> bytes:
    """Polygons in degrees, shape (n,), as that layer, each with its properties."""
    return mvt.layer(LAYER, _features(tile, outlines, properties))


def _features(
    tile: Tile, outlines: npt.NDArray[np.object_], properties: Iterable[Mapping[str, mvt.Value]]
) -> Iterator[tuple[mvt.Ring, Mapping[str, mvt.Value]]]:
    projected = shapely.transform(outlines, tile.project)
    clipped = shapely.clip_by_rect(projected, -_BUFFER, -_BUFFER, EXTENT + _BUFFER, EXTENT + _BUFFER)
    for shape, values in zip(clipped, properties, strict=True):
        if ring := _ring(shape):
            yield ring, values


def _ring(shape: Any) -> mvt.Ring:
    """Whole numbers, clockwise on the screen; empty where nothing of the cell is left at this scale."""
    if shape.geom_type != "Polygon" or shape.is_empty:
        return []
    corners = [(round(x), round(y)) for x, y in shape.exterior.coords[:-1]]
    # Rounding may put two corners on one point.
    corners = [corner for index, corner in enumerate(corners) if corner != corners[index - 1]]
    pairs = zip(corners, corners[1:] + corners[:1], strict=True)
    # Twice the signed area, by the shoelace formula: its sign tells which way round the ring goes.
    doubled = sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairs)
    return [] if doubled == 0 else corners if doubled > 0 else corners[::-1]
