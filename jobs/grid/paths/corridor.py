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
import numpy.typing as npt

from jobs.grid.cells import MOST_CELLS, TooManyCells
from jobs.grid.paths.clipping import areas, shared_areas, shared_spans
from jobs.grid.paths.geodesy import Floats, lengths_m, metres_per_degree
from jobs.grid.region import Ints, corners

# Within a piece so long, metres of a degree are the same to a ten-thousandth.
_LONGEST_M: Final = 1_000.0
# Of an average one: cells are smaller here and larger there.
_SHORTEST_EDGE: Final = 0.6
_LONGEST_RADIUS: Final = 1.5
# Pairs at once: few enough for the processor's cache.
_TOGETHER: Final = 4_096
# 200 MB: ways of 16,000 km with a usual buffer.
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
    corners: Floats
    segment: Ints
    cell: Ints
    inside_m: Floats
    share: Floats
    area_m2: Floats


def of(paths: Sequence[Floats], buffer_m: float, resolution: int) -> Corridors:
    """Of ways of two positions or more each, in degrees, longitude first: shape (n, 2). buffer_m: more than 0.

    Raises TooManyCells.
    """
    of_path = np.repeat(np.arange(len(paths)), [len(path) - 1 for path in paths])
    starts = np.concatenate([path[:-1] for path in paths])
    ends = np.concatenate([path[1:] for path in paths])
    whole = lengths_m(starts, ends)
    segment, begin, end = _pieces(starts, ends, whole)
    piece, cell, cells = _candidates(begin, end, buffer_m, resolution)
    shapes = corners(cells.tolist())
    share, area, span = _shared(begin[piece], end[piece], buffer_m, shapes[cell])
    # A way that runs along the border of a cell may have no area in it.
    there = (share > 0) | (span > 0)
    piece, cell, share, area, span = piece[there], cell[there], share[there], area[there], span[there]
    # Straight in degrees is not quite the shortest: what its pieces have too much is taken off evenly.
    apart = lengths_m(begin, end)
    sums = np.bincount(segment, apart, minlength=len(whole))
    exact = apart * (whole / np.where(sums == 0, 1, sums))[segment]
    of_segment, cell, (inside_m, share, area) = _merged(segment[piece], cell, [span * exact[piece], share, area])
    used, cell = np.unique(cell, return_inverse=True)
    return Corridors(of_path, starts, ends, whole, cells[used], shapes[used], of_segment, cell, inside_m, share, area)


def _merged(segment: Ints, cell: Ints, columns: Sequence[Floats]) -> tuple[Ints, Ints, list[Floats]]:
    """Sums over the pieces that a segment has in one cell: the pairs in the order of segments."""
    most = int(cell.max(initial=0)) + 1
    pairs, places = np.unique(segment * most + cell, return_inverse=True)
    sums: list[Floats] = [np.bincount(places, column, minlength=len(pairs)).astype(np.float64) for column in columns]
    return pairs // most, pairs % most, sums


def _pieces(starts: Floats, ends: Floats, whole: Floats) -> tuple[Ints, Floats, Floats]:
    """Each segment in equal pieces that are short: the segment, begin and end of each."""
    counts = np.maximum(1, np.ceil(whole / _LONGEST_M)).astype(np.int64)
    segment = np.repeat(np.arange(len(whole)), counts)
    number = _numbered(counts)
    step = ((ends - starts) / counts[:, None])[segment]
    begin = starts[segment] + step * number[:, None]
    return segment, begin, np.where((number + 1 == counts[segment])[:, None], ends[segment], begin + step)


def _candidates(begin: Floats, end: Floats, buffer_m: float, resolution: int) -> tuple[Ints, Ints, Ints]:
    """Places of pieces, in their order, and of cells near enough to have a part of their corridors; the cells' numbers.

    H3's cover of a polygon misses cells where a way that crosses itself leaves a hole in its corridor. So cells about
    points of the way are taken, so many rings of them that nothing in the corridor is farther away.
    """
    edge_m = h3.average_hexagon_edge_length(resolution, unit="m")
    along = (end - begin) * metres_per_degree((begin + end)[:, 1] / 2)
    parts = np.maximum(1, np.ceil(np.hypot(*along.T) / edge_m)).astype(np.int64)
    # From the corner of a cell it is an edge to the end of the first ring, and one and a half with each further one.
    rings = math.ceil(((buffer_m + edge_m / 2) / (_SHORTEST_EDGE * edge_m) + 0.5) / 1.5)
    if parts.sum() * (3 * rings * (rings + 1) + 1) > _MOST_LOOKED_AT:
        raise TooManyCells
    piece, points = _points(begin, end, parts)
    lngs, lats = points.T.tolist()
    at = np.array(
        [h3.latlng_to_cell(lat, lng, resolution) for lat, lng in zip(lats, lngs, strict=True)], dtype=np.int64
    )
    centres, place = np.unique(at, return_inverse=True)
    disks = [h3.grid_disk(cell, rings) for cell in centres.tolist()]
    sizes = np.array([len(disk) for disk in disks])
    cells, members = np.unique(np.fromiter(itertools.chain.from_iterable(disks), np.int64), return_inverse=True)
    first = np.cumsum(sizes) - sizes
    counts = sizes[place]
    in_disks = members[np.repeat(first[place], counts) + _numbered(counts)]
    pairs = np.sort(np.repeat(piece, counts) * len(cells) + in_disks)
    # Sorted, it is quicker than `unique`, which hashes.
    piece, cell = np.divmod(pairs[np.concatenate(([True], pairs[1:] != pairs[:-1]))], len(cells))
    middles = np.array([h3.cell_to_latlng(one) for one in cells.tolist()])[:, ::-1]
    near = _distances_m(begin[piece], end[piece], middles[cell]) < buffer_m + _LONGEST_RADIUS * edge_m
    used, cell = np.unique(cell[near], return_inverse=True)
    if len(used) > MOST_CELLS:
        raise TooManyCells
    return piece[near], cell, cells[used]


def _points(begin: Floats, end: Floats, counts: Ints) -> tuple[Ints, Floats]:
    """Points in the middles of so many equal parts of each line: the line and the point, degrees."""
    line = np.repeat(np.arange(len(begin)), counts)
    return line, begin[line] + (end - begin)[line] * ((_numbered(counts) + 0.5) / counts[line])[:, None]


def _numbered(counts: Ints) -> Ints:
    """From 0 on for each of the counts, one after the other."""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)


def _distances_m(begin: Floats, end: Floats, points: Floats) -> Floats:
    """Of each point from its line."""
    metres = metres_per_degree((begin + end)[:, 1] / 2)
    along, away = (end - begin) * metres, (points - begin) * metres
    square = (along**2).sum(axis=1)
    part = np.clip((along * away).sum(axis=1) / np.where(square == 0, 1, square), 0, 1)
    return np.asarray(np.hypot(*(away - part[:, None] * along).T))


def _rectangles(along: Floats, buffer_m: float) -> Floats:
    """Corridors of lines about the origin, metres, counterclockwise: (n, 2) to (n, 4, 2)."""
    length = np.hypot(*along.T)[:, None]
    across = buffer_m * np.stack([along[:, 1], -along[:, 0]], axis=-1) / np.where(length == 0, np.inf, length)
    half = along / 2
    return np.stack([across - half, across + half, half - across, -half - across], axis=1)


def _shared(begin: Floats, end: Floats, buffer_m: float, shapes: Floats) -> tuple[Floats, Floats, Floats]:
    """Of each piece and cell: the part of the cell that the corridor has, its area in m2, and the part of the piece."""
    found = np.zeros((3, len(begin)))
    for low in range(0, len(begin), _TOGETHER):
        some = slice(low, low + _TOGETHER)
        found[:, some] = _shared_few(begin[some], end[some], buffer_m, shapes[some])
    share, area, span = found
    return share, area, span


def _shared_few(begin: Floats, end: Floats, buffer_m: float, shapes: Floats) -> Floats:
    middle = (begin + end) / 2
    metres = metres_per_degree(middle[:, 1])
    half = (end - begin) / 2 * metres
    cells = (shapes - middle[:, None]) * metres[:, None]
    found = np.zeros((3, len(begin)))
    meets = np.flatnonzero(_meets(half, buffer_m, cells))
    half, cells = half[meets], cells[meets]
    area = shared_areas(_rectangles(2 * half, buffer_m), cells)
    found[:, meets] = area / areas(cells), area, shared_spans(-half, half, cells)
    return found


def _meets(half: Floats, buffer_m: float, cells: Floats) -> npt.NDArray[np.bool_]:
    """Whether a cell may reach into a corridor: neither beside nor beyond it. What does not is most of what is near."""
    length = np.hypot(*half.T)
    along, across = half.T / np.where(length == 0, 1.0, length)
    x, y = cells[..., 0].T, cells[..., 1].T
    ahead, aside = x * along + y * across, y * along - x * across
    beyond = (ahead.min(axis=0) > length) | (ahead.max(axis=0) < -length)
    beside = (aside.min(axis=0) > buffer_m) | (aside.max(axis=0) < -buffer_m)
    return np.asarray(~(beyond | beside))
