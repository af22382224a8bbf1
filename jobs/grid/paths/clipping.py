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
    shared = _within(one, other, is_open=False) + _within(other, one, is_open=True)
    return np.where((areas(one) > 0) & (areas(other) > 0), np.maximum(0.0, shared), 0.0)


def shared_spans(starts: Floats, ends: Floats, polygons: Floats) -> Floats:
    """The share of each line, (n, 2) to (n, 2), that lies in the convex polygon of its place: 0 to 1, shape (n,)."""
    first, last = _clipped(starts[:, None], ends[:, None], polygons, is_open=False)
    return np.asarray((last - first)[:, 0])


def _within(one: Floats, other: Floats, *, is_open: bool) -> Floats:
    """Twice the area under the parts of the borders of `one` that lie in `other`, halved."""
    starts, ends = one, np.roll(one, -1, axis=1)
    first, last = _clipped(starts, ends, other, is_open=is_open)
    # The cross product of two points of one line grows with the distance between them.
    whole = starts[..., 0] * ends[..., 1] - starts[..., 1] * ends[..., 0]
    return np.asarray((whole * (last - first)).sum(axis=1) / 2)


def _clipped(starts: Floats, ends: Floats, polygons: Floats, *, is_open: bool) -> tuple[Floats, Floats]:
    """Where each line, (n, m, 2), enters and leaves its polygon, as shares of its length: (n, m) each, equal outside.

    M. Cyrus, J. Beck, "Generalized two- and three-dimensional clipping", Computers & Graphics 3 (1978). is_open: a line
    that runs along a side of the polygon is outside of it.
    """
    corners = polygons
    sides = np.roll(corners, -1, axis=1) - corners
    first, last = np.zeros(starts.shape[:-1]), np.ones(starts.shape[:-1])
    for number in range(corners.shape[1]):
        side, corner = sides[:, None, number], corners[:, None, number]
        # Left of the side is inside: how far each end is on that side.
        begin = side[..., 0] * (starts[..., 1] - corner[..., 1]) - side[..., 1] * (starts[..., 0] - corner[..., 0])
        end = side[..., 0] * (ends[..., 1] - corner[..., 1]) - side[..., 1] * (ends[..., 0] - corner[..., 0])
        change = end - begin
        is_along = change == 0
        cut = -begin / np.where(is_along, 1.0, change)
        first = np.where(change > 0, np.maximum(first, cut), first)
        last = np.where(change < 0, np.minimum(last, cut), last)
        # A side without length, of a repeated corner, has nobody outside.
        has_length = (side != 0).any(axis=-1)
        is_out = is_along & has_length & ((begin < 0) | (is_open & (begin == 0)))
        last = np.where(is_out, 0.0, last)
    return first, np.maximum(first, last)
