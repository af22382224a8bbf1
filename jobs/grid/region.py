"""A part of the map: which cells it touches, and where their descendants stand in the order of H3's numbers."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import h3.api.basic_int as h3
import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Ranges = list[tuple[str, str]]

# Few enough for PostgreSQL to look each up in the index.
_MOST_COVERING: Final = 100
_KM_PER_DEGREE: Final = 111.32
_SHARED_DIGITS: Final = 15  # H3 counts 15 digits of three bits below the base cell.


@dataclass(frozen=True)
class Region:
    """A polygon in degrees, longitude first."""

    shape: BaseGeometry

    def touches(self, outlines: npt.NDArray[np.object_]) -> npt.NDArray[np.bool_]:
        """Whether hexagons (shape (n,), polygons in degrees) and the region have a point in common."""
        shapely.prepare(self.shape)
        return np.asarray(shapely.intersects(self.shape, outlines), dtype=bool)

    def covering(self, resolution: int) -> list[int]:
        """Few cells of `resolution` or coarser, whose descendants hold every cell of `resolution` that touches the
        region, and the neighbours of those.
        """
        south, west, north, east = _sides(self.shape)
        for coarser in range(resolution, -1, -1):
            # A descendant reaches over the border of its ancestor by less than the ancestor's edge.
            margin_km = h3.average_hexagon_edge_length(coarser) + 4 * h3.average_hexagon_edge_length(resolution)
            high = margin_km / _KM_PER_DEGREE
            # At a pole a degree of longitude has no width.
            wide = high / max(0.01, np.cos(np.radians(max(abs(south), abs(north)) + high)))
            # Of a ring around half the world H3 takes the other half; to look through all of the grid is no slower.
            if east - west + 2 * wide >= 180:
                return []
            corners = [(lat, lng) for lat in (south - high, north + high) for lng in (west - wide, east + wide)]
            # The corners stand row by row; a ring goes around.
            ring = [corners[0], corners[1], corners[3], corners[2]]
            if _estimate(ring, coarser) <= _MOST_COVERING:
                return list(h3.h3shape_to_cells_experimental(h3.LatLngPoly(ring), coarser, contain="overlap"))
        return []


def _sides(shape: BaseGeometry) -> tuple[float, float, float, float]:
    west, south, east, north = shape.bounds
    return south, west, north, east


def _estimate(ring: Sequence[tuple[float, float]], resolution: int) -> float:
    """About how many cells a box takes, those on its border included."""
    (south, west), (_, east), (north, _), _ = ring
    height = (north - south) * _KM_PER_DEGREE
    width = (east - west) * _KM_PER_DEGREE * np.cos(np.radians((south + north) / 2))
    edge = h3.average_hexagon_edge_length(resolution)
    return float((height + 2 * edge) * (width + 2 * edge) / h3.average_hexagon_area(resolution))


def ranges(cells: Sequence[int], resolutions: Sequence[int]) -> Ranges:
    """First and last text of the descendants of each cell, for every one of `resolutions`.

    The digits of an index follow the hierarchy, so the descendants of one resolution stand side by side.
    """
    return [(f"{low:x}", f"{high:x}") for finer in resolutions for low, high in (_range(cell, finer) for cell in cells)]


def _range(cell: int, finer: int) -> tuple[int, int]:
    # Bits 52 to 55 are the resolution, three bits a digit below: https://h3geo.org/docs/core-library/h3Indexing
    shift = 3 * (_SHARED_DIGITS - h3.get_resolution(cell))
    unused = (1 << 3 * (_SHARED_DIGITS - finer)) - 1
    low = (cell & ~(0xF << 52) | finer << 52) >> shift << shift
    return low | unused, low | (1 << shift) - 1


def corners(cells: Sequence[int]) -> Floats:
    """Corners of cells in degrees, longitude first, counterclockwise: (n, most, 2), the last of fewer repeated."""
    rings = [h3.cell_to_boundary(cell) for cell in cells]
    sizes = np.array([len(ring) for ring in rings], dtype=np.int64)
    flat = itertools.chain.from_iterable(itertools.chain.from_iterable(rings))
    points = np.fromiter(flat, np.float64, 2 * int(sizes.sum())).reshape(-1, 2)[:, ::-1]
    number = np.minimum(np.arange(sizes.max(initial=6)), sizes[:, None] - 1)
    return np.asarray(points[(np.cumsum(sizes) - sizes)[:, None] + number])


def parents(cells: Ints, resolution: int) -> Ints:
    """The ancestors of cells, shape (n,), at a resolution that is not finer; as coarse.parent in PostgreSQL."""
    return (cells & ~(0xF << 52)) | (resolution << 52) | ((1 << 3 * (_SHARED_DIGITS - resolution)) - 1)


def outlines(cells: Sequence[int]) -> npt.NDArray[np.object_]:
    """The hexagons of cells as shapely polygons in degrees, longitude first, counterclockwise."""
    return np.atleast_1d(shapely.polygons(corners(cells)))
