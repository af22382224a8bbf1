"""Places grouped into compact blocks, so that a block can look up its surroundings once."""

from collections.abc import Iterator

import numpy as np

from jobs.scores.model import Floats, Indices


def neighbourhoods(lat: Floats, lng: Floats, size: int) -> Iterator[Indices]:
    """Indices of the places, degrees (n,), in blocks of at most `size` that lie close together.

    A block that is too large is halved at the median of its longest side in space, so neither poles nor the date
    line matter.
    """
    position = unit_vectors(lat, lng)
    waiting = [np.arange(len(lat))] if len(lat) else []
    while waiting:
        block = waiting.pop()
        if len(block) <= size:
            yield block
            continue
        side = np.ptp(position[block], axis=0).argmax()
        halves = np.argsort(position[block, side], kind="stable")
        middle = len(block) // 2
        waiting += [block[halves[middle:]], block[halves[:middle]]]


def central(lat: Floats, lng: Floats) -> int:
    """Index of the place nearest to the middle of all of them, degrees (n,)."""
    position = unit_vectors(lat, lng)
    return int((position @ position.mean(axis=0)).argmax())


def unit_vectors(lat: Floats, lng: Floats) -> Floats:
    """Points on the unit sphere, shape (n, 3), from degrees (n,)."""
    phi, lam = np.radians(lat), np.radians(lng)
    return np.column_stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)])
