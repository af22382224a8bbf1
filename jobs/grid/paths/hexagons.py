"""Shapes and neighbours of cells. They never change, so that a process computes each once."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import h3.api.basic_int as h3
import numpy as np
import numpy.typing as npt
import shapely

from jobs.grid.paths.geodesy import Floats, metres_per_degree, same_turn
from jobs.grid.paths.kept import Kept
from jobs.grid.region import Ints, corners

# Metres of a degree differ between a cell and what is near it.
_MARGIN: Final = 1.01


class Hexagons:
    """Cells of one resolution, in the order of their numbers.

    middles: degrees, longitude first, shape (2, n). radius_m: of a circle about the middle that holds the cell, with a
    margin; (n,).
    """

    def __init__(self, ids: Ints, columns: Floats, places: Ints) -> None:
        self.ids, self._columns, self._places = ids, columns, places
        self.middles, self.radius_m = columns[:2, places], columns[2, places]

    def areas(self, cells: Ints) -> Floats:
        """Square degrees of the cells at these places of `ids`."""
        return np.asarray(self._columns[3, self._places[cells]])

    def corners(self, cells: Ints) -> Floats:
        """Corners, counterclockwise, of the cells at these places of `ids`, in degrees from their middles.

        Shape (2, most, m), the last of a cell with fewer repeated.
        """
        found = self._columns[4:, self._places[cells]]
        return found.reshape(2, -1, len(cells))


def within(centres: Ints, rings: int, resolution: int) -> tuple[Hexagons, Ints]:
    """The cells of so many rings about `centres` (distinct, in order), and where they are: shape (m, centres).

    Near a pentagon there are fewer: there one is named twice.
    """
    columns, places = _disks(resolution, rings).of(centres, lambda some: _disks_of(some.tolist(), rings))
    disks = columns[:, places]
    ids = np.unique(disks)
    return _known(ids, resolution), np.searchsorted(ids, disks)


def outlines(cells: Ints, resolution: int) -> npt.NDArray[np.object_]:
    """Cells (distinct, in order) as shapely polygons in degrees, longitude first."""
    shapes = _known(cells, resolution)
    corners = shapes.corners(np.arange(len(cells))) + shapes.middles[:, None]
    # Side by side in memory: of others shapely reads number by number.
    return np.atleast_1d(shapely.polygons(np.ascontiguousarray(corners.transpose(2, 1, 0))))


def _known(ids: Ints, resolution: int) -> Hexagons:
    return Hexagons(ids, *_shapes(resolution).of(ids, lambda some: _shapes_of(some.tolist(), resolution)))


@lru_cache(maxsize=4)
def _shapes(_resolution: int) -> Kept:
    return Kept()


@lru_cache(maxsize=2)
def _disks(_resolution: int, _rings: int) -> Kept:
    return Kept()


def _disks_of(cells: Sequence[int], rings: int) -> Ints:
    found = np.empty((len(cells), 3 * rings * (rings + 1) + 1), np.int64)
    for row, cell in zip(found, cells, strict=True):
        disk = h3.grid_disk(cell, rings)
        row[: len(disk)] = disk
        row[len(disk) :] = cell
    return np.sort(found, axis=1).T


def _shapes_of(cells: Sequence[int], resolution: int) -> Floats:
    """Longitude and latitude of the middle, radius in metres, area in square degrees, and corners from the middle."""
    # Sides of the icosahedron run along those of cells of even resolutions, and bend those of odd ones.
    most = 6 if resolution % 2 == 0 else 10
    rings = corners(cells)
    x, y = rings[..., 0].T, rings[..., 1].T
    x = same_turn(x, x[0])
    number = np.minimum(np.arange(most), len(x) - 1)
    x, y = x[number], y[number]
    middle_x, middle_y = (x.min(axis=0) + x.max(axis=0)) / 2, (y.min(axis=0) + y.max(axis=0)) / 2
    x, y = x - middle_x, y - middle_y
    metres = metres_per_degree(middle_y).T
    radius = np.hypot(x * metres[0], y * metres[1]).max(axis=0) * _MARGIN
    area = (x * np.roll(y, -1, axis=0) - np.roll(x, -1, axis=0) * y).sum(axis=0) / 2
    return np.concatenate(([middle_x, middle_y, radius, area], x, y))
