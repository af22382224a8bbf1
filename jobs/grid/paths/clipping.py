"""What convex polygons share, many pairs at once: exact but for rounding."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def areas(polygons: Floats) -> Floats:
    """Areas of polygons, shape (n, corners, 2), counterclockwise."""
    x, y = polygons[..., 0], polygons[..., 1]
    return np.asarray((x * np.roll(y, -1, axis=-1) - np.roll(x, -1, axis=-1) * y).sum(axis=-1) / 2)


def shared_areas(one: Floats, other: Floats) -> Floats:
    """The area that each convex polygon of `one` shares with that of `other`: (n, a, 2) and (n, b, 2) to (n,).

    Both counterclockwise; a corner may be repeated. By Green's theorem: the border of what is shared is the parts of
    each border that lie within the other polygon.
    """
    mine, theirs = _turned(one), _turned(other)
    shared = _within(mine, theirs, is_open=False) + _within(theirs, mine, is_open=True)
    return np.where((areas(one) > 0) & (areas(other) > 0), np.maximum(0.0, shared), 0.0)


def shared_spans(starts: Floats, ends: Floats, polygons: Floats) -> Floats:
    """The share of each line, (n, 2) to (n, 2), that lies in the convex polygon of its place: 0 to 1, shape (n,)."""
    first, last = _clipped(_turned(starts[:, None]), _turned(ends[:, None]), _turned(polygons), is_open=False)
    return np.asarray((last - first)[0])


def _turned(points: Floats) -> Floats:
    """From (n, m, 2) to (2, m, n): what is reckoned with stands side by side in memory."""
    return np.ascontiguousarray(points.transpose(2, 1, 0))


def _within(one: Floats, other: Floats, *, is_open: bool) -> Floats:
    """Twice the area under the parts of the borders of `one` that lie in `other`, halved."""
    starts, ends = one, np.roll(one, -1, axis=1)
    first, last = _clipped(starts, ends, other, is_open=is_open)
    # The cross product of two points of one line grows with the distance between them.
    whole = starts[0] * ends[1] - starts[1] * ends[0]
    return np.asarray((whole * (last - first)).sum(axis=0) / 2)


def _clipped(starts: Floats, ends: Floats, polygons: Floats, *, is_open: bool) -> tuple[Floats, Floats]:
    """Where each line, (2, m, n), enters and leaves its polygon, as shares of its length: (m, n) each, equal outside.

    M. Cyrus, J. Beck, "Generalized two- and three-dimensional clipping", Computers & Graphics 3 (1978). is_open: a line
    that runs along a side of the polygon is outside of it.
    """
    (x, y), (along_x, along_y) = starts, ends - starts
    sides = np.roll(polygons, -1, axis=1) - polygons
    first, last = np.zeros(starts.shape[1:]), np.ones(starts.shape[1:])
    for (side_x, side_y), (corner_x, corner_y) in zip(sides.swapaxes(0, 1), polygons.swapaxes(0, 1), strict=True):
        # Left of the side is inside: how far the start is on that side, and how much that changes up to the end.
        begin = side_x * (y - corner_y) - side_y * (x - corner_x)
        change = side_x * along_y - side_y * along_x
        with np.errstate(divide="ignore", invalid="ignore"):
            cut = -begin / change
        first = np.maximum(first, np.where(change > 0, cut, 0.0))
        last = np.minimum(last, np.where(change < 0, cut, 1.0))
        is_along = change == 0
        if is_along.any():
            # A side without length, of a repeated corner, has nobody outside.
            has_length = (side_x != 0) | (side_y != 0)
            last[is_along & has_length & ((begin < 0) | (is_open & (begin == 0)))] = 0.0
    return first, np.maximum(first, last)
