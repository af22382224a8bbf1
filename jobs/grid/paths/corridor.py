"""The corridor along a line: the cells it lies in, and how much of each.

The corridor of a segment is the rectangle that reaches `buffer_m` to either side of it. So what a way has is the sum of
what its segments have, and a corridor is as long as its way also where that bends.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import h3.api.basic_int as h3
import numpy as np

from jobs.grid.cells import MOST_CELLS, TooManyCells
from jobs.grid.paths import clipping, hexagons
from jobs.grid.paths.geodesy import Floats, lengths_m, metres_per_degree, same_turn
from jobs.grid.paths.hexagons import Hexagons
from jobs.grid.region import Ints

# Within a piece so long, metres of a degree are the same to a ten-thousandth.
_LONGEST_M: Final = 1_000.0
# A way that stands still is in a cell all the same.
_SHORTEST_M: Final = 1e-12
# Of an average one: cells are smaller here and larger there.
_SHORTEST_EDGE: Final = 0.6
# Pairs at once: few enough for the processor's cache.
_TOGETHER: Final = 4_096
# Of a cell. Less is lost in rounding, here and in the twelve decimals that are written.
_LEAST_SHARE: Final = 1e-12
# Ways of 16,000 km with a usual buffer.
_MOST_LOOKED_AT: Final = 4_000_000


@dataclass(frozen=True)
class Corridors:
    """Segments of ways, in their order, and the cells of their corridors.

    of_path, starts, ends, lengths_m: of each segment, shape (s,) or (s, 2). segment, cell, inside_m, share: of each
    pair of a segment and a cell that its corridor overlaps, shape (p,), in the order of segments; `cell` is a place in
    `cells`, inside_m how much of the segment lies in the cell, `share` the part of the cell's area that is in the
    corridor, area_m2 that area itself.
    """

    of_path: Ints
    starts: Floats
    ends: Floats
    lengths_m: Floats
    cells: Ints
    segment: Ints
    cell: Ints
    inside_m: Floats
    share: Floats
    area_m2: Floats


@dataclass(frozen=True)
class Pieces:
    """Short lines, and metres from the middle of each: along it, and across to its left. Every array ends in (n,).

    middle: degrees, longitude first. metres: of a degree of longitude and of latitude. direction: of length 1, to the
    east and to the north. half_m: half the length.
    """

    middle: Floats
    metres: Floats
    direction: Floats
    half_m: Floats

    @classmethod
    def between(cls, begin: Floats, end: Floats) -> "Pieces":
        """Lines from (n, 2) to (n, 2) in degrees."""
        middle = ((begin + end) / 2).T
        metres = metres_per_degree(middle[1]).T
        half = (end - begin).T / 2 * metres
        half_m = np.hypot(*half)
        # A line without length has no corridor in any direction.
        direction = np.where(half_m == 0, [[1.0], [0.0]], half / np.where(half_m == 0, 1, half_m))
        return cls(middle, metres, direction, half_m)

    def at(self, places: Ints | slice) -> "Pieces":
        """Those at these places."""
        one, other = self.middle[:, places], self.metres[:, places]
        return Pieces(one, other, self.direction[:, places], self.half_m[places])

    def to(self, points: Floats) -> tuple[Floats, Floats]:
        """Metres along and across to points in degrees, longitude first: (2, ..., n) to (..., n) each."""
        return self.turned(same_turn(points[0], self.middle[0]) - self.middle[0], points[1] - self.middle[1])

    def turned(self, east: Floats, north: Floats) -> tuple[Floats, Floats]:
        """Metres along and across of differences in degrees: (..., n) each."""
        (kx, ky), (x, y) = self.metres, self.direction
        return east * (kx * x) + north * (ky * y), north * (ky * x) - east * (kx * y)


def of(paths: Sequence[Floats], buffer_m: float, resolution: int) -> Corridors:
    """Of ways of two positions or more each, in degrees, longitude first: shape (n, 2). buffer_m: more than 0.

    Raises TooManyCells.
    """
    of_path = np.repeat(np.arange(len(paths)), [len(path) - 1 for path in paths])
    starts = np.concatenate([path[:-1] for path in paths])
    ends = np.concatenate([path[1:] for path in paths])
    whole = lengths_m(starts, ends)
    segment, begin, end = _cut(starts, ends, whole)
    pieces = Pieces.between(begin, end)
    near, piece, cell = _candidates(begin, end, pieces, buffer_m, resolution)
    area, inside = _shared(pieces, piece, near, cell, buffer_m)
    share = area / (near.areas(cell) * pieces.metres.prod(axis=0)[piece])
    # A way that runs along the border of a cell may have no area in it.
    there = (share > _LEAST_SHARE) | (inside > 0)
    piece, cell, share, area, inside = piece[there], cell[there], share[there], area[there], inside[there]
    # Straight in degrees is not quite the shortest: what its pieces have too much is taken off evenly.
    plane = np.bincount(segment, 2 * pieces.half_m, minlength=len(whole))
    inside *= (whole / np.where(plane == 0, 1, plane))[segment[piece]]
    of_segment, cell, (inside_m, share, area) = _merged(segment[piece], cell, [inside, share, area])
    used, cell = _used(cell, len(near.ids))
    return Corridors(of_path, starts, ends, whole, near.ids[used], of_segment, cell, inside_m, share, area)


def _merged(segment: Ints, cell: Ints, columns: Sequence[Floats]) -> tuple[Ints, Ints, list[Floats]]:
    """Sums over the pieces that a segment has in one cell: the pairs in the order of segments."""
    most = int(cell.max(initial=0)) + 1
    pairs, places = np.unique(segment * most + cell, return_inverse=True)
    sums: list[Floats] = [np.bincount(places, column, minlength=len(pairs)).astype(np.float64) for column in columns]
    return pairs // most, pairs % most, sums


def _used(places: Ints, count: int) -> tuple[Ints, Ints]:
    """The distinct places, in order, and where each is among them. count: how many there may be."""
    is_used = np.zeros(count, dtype=bool)
    is_used[places] = True
    return np.flatnonzero(is_used), (np.cumsum(is_used) - 1)[places]


def _cut(starts: Floats, ends: Floats, whole: Floats) -> tuple[Ints, Floats, Floats]:
    """Each segment in equal pieces that are short: the segment, begin and end of each."""
    # Over the antimeridian the short way around.
    ends = np.stack([same_turn(ends[:, 0], starts[:, 0]), ends[:, 1]], axis=-1)
    counts = np.maximum(1, np.ceil(whole / _LONGEST_M)).astype(np.int64)
    segment = np.repeat(np.arange(len(whole)), counts)
    number = _numbered(counts)
    step = ((ends - starts) / counts[:, None])[segment]
    begin = starts[segment] + step * number[:, None]
    return segment, begin, np.where((number + 1 == counts[segment])[:, None], ends[segment], begin + step)


def _candidates(
    begin: Floats, end: Floats, pieces: Pieces, buffer_m: float, resolution: int
) -> tuple[Hexagons, Ints, Ints]:
    """Cells, and pairs of a piece and one of them that is near enough to have a part of its corridor, in order.

    H3's cover of a polygon misses cells where a way that crosses itself leaves a hole in its corridor. So cells about
    points of the way are taken, so many rings of them that nothing in the corridor is farther away.
    """
    edge_m = h3.average_hexagon_edge_length(resolution, unit="m")
    parts = np.maximum(1, np.ceil(2 * pieces.half_m / edge_m)).astype(np.int64)
    # From the corner of a cell it is an edge to the end of the first ring, and one and a half with each further one.
    rings = math.ceil(((buffer_m + edge_m / 2) / (_SHORTEST_EDGE * edge_m) + 0.5) / 1.5)
    if parts.sum() * (3 * rings * (rings + 1) + 1) > _MOST_LOOKED_AT:
        raise TooManyCells
    piece, points = _points(begin, end, parts)
    lngs, lats = points.T.tolist()
    at = np.fromiter(map(h3.latlng_to_cell, lats, lngs, itertools.repeat(resolution)), np.int64, len(lats))
    centres, place = np.unique(at, return_inverse=True)
    near, disks = hexagons.within(centres, rings, resolution)
    pairs = _near(pieces, piece, near, disks, place, buffer_m)
    if not (pairs[1:] > pairs[:-1]).all():
        pairs = np.unique(pairs)
    found, cell = np.divmod(pairs, len(near.ids))
    if len(_used(cell, len(near.ids))[0]) > MOST_CELLS:
        raise TooManyCells
    return near, found, cell


def _near(pieces: Pieces, piece: Ints, near: Hexagons, disks: Ints, place: Ints, buffer_m: float) -> Ints:
    """Pieces times the number of cells, plus a cell whose circle the corridor meets: in order where a piece has one
    point. place: of the disk of each point, in `disks`.
    """
    found = []
    step = max(1, 8 * _TOGETHER // len(disks))
    for low in range(0, len(piece), step):
        some = piece[low : low + step]
        cells = disks[:, place[low : low + step]]
        of = pieces.at(some)
        along, across = of.to(near.middles[:, cells])
        radius = near.radius_m[cells]
        meets = (np.abs(across) < buffer_m + radius) & (np.abs(along) < of.half_m + radius)
        found.append((some * len(near.ids) + cells).T[meets.T])
    return np.concatenate(found)


def _points(begin: Floats, end: Floats, counts: Ints) -> tuple[Ints, Floats]:
    """Points in the middles of so many equal parts of each line: the line and the point, degrees."""
    line = np.repeat(np.arange(len(begin)), counts)
    return line, begin[line] + (end - begin)[line] * ((_numbered(counts) + 0.5) / counts[line])[:, None]


def _numbered(counts: Ints) -> Ints:
    """From 0 on for each of the counts, one after the other."""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)


def _shared(pieces: Pieces, piece: Ints, near: Hexagons, cell: Ints, buffer_m: float) -> tuple[Floats, Floats]:
    """Of each pair: m2 of the cell that are in the corridor, and metres of the piece that are in the cell."""
    found = np.zeros((2, len(piece)))
    for low in range(0, len(piece), _TOGETHER):
        some = slice(low, low + _TOGETHER)
        of, cells = pieces.at(piece[some]), cell[some]
        middle_along, middle_across = of.to(near.middles[:, cells])
        along, across = of.turned(*near.corners(cells))
        half_m = np.maximum(of.half_m, _SHORTEST_M)
        found[:, some] = clipping.shared(along + middle_along, across + middle_across, half_m, buffer_m)
    area, inside = found
    return area * (pieces.half_m[piece] > 0), inside
