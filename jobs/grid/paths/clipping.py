"""What polygons share with a strip along a line, many pairs at once: exact but for rounding."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def shared(along: Floats, across: Floats, half: Floats, reach: float) -> tuple[Floats, Floats]:
    """What each polygon shares with its rectangle, and with the line in the middle of that: areas and lengths, (n,).

    The rectangle reaches `half`, shape (n,), to either side of the origin along the line, and `reach` across. along,
    across: corners of simple polygons there, counterclockwise, shape (corners, n); a corner may be repeated.
    """
    along, across = _closed(along), _closed(across)
    return _areas(along, across, half, reach), _spans(along, across, half)


def _closed(corners: Floats) -> Floats:
    return np.concatenate((corners, corners[:1]))


def _areas(along: Floats, across: Floats, half: Floats, reach: float) -> Floats:
    """By Green's theorem: under each side, as far as it stands over the rectangle, the mean of its height there.

    Of a height that is cut off at `reach` that is the middle of its two ends, and where it is bent, as much more as
    the ends lie beyond.
    """
    x = np.clip(along, -half, half)
    beyond = x - along
    slope = _divided(np.diff(across, axis=0), np.diff(along, axis=0))
    left, right = across[:-1] + beyond[:-1] * slope, across[1:] + beyond[1:] * slope
    low, high = np.clip(left, -reach, reach), np.clip(right, -reach, reach)
    flat = low + high
    bent = _divided((high - low) * (left + right - flat), right - left)
    return np.asarray(((x[:-1] - x[1:]) * (flat + bent)).sum(axis=0) / 2)


def _spans(along: Floats, across: Floats, half: Floats) -> Floats:
    """The line enters where a side leads down through it, and leaves where one leads up.

    A polygon has the points on its lower side, and not those on its upper one: of two neighbours one has a common side.
    """
    above = (across >= 0).astype(np.int8)
    turn = np.diff(above, axis=0)
    slope = _divided(np.diff(along, axis=0), np.diff(across, axis=0))
    at = np.clip(along[:-1] - across[:-1] * slope, -half, half)
    return np.asarray((at * turn).sum(axis=0))


def _divided(some: Floats, by: Floats) -> Floats:
    """0 where there is nothing to divide by."""
    return np.divide(some, by, out=np.zeros_like(some), where=by != 0)
