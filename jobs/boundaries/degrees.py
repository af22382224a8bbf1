"""Latitudes and longitudes that were given in the wrong order."""

from typing import Final

import numpy as np
import numpy.typing as npt

# The United Kingdom with its sea: a point in it that is swapped lies east of Africa.
LATITUDES: Final = (49.0, 61.5)
LONGITUDES: Final = (-9.0, 2.5)


def look_swapped(lat: npt.ArrayLike, lng: npt.ArrayLike) -> bool:
    """Whether every latitude is a longitude of the United Kingdom, and every longitude a latitude of it.

    lat, lng: degrees, shape (n,).
    """
    return _within(lat, LONGITUDES) and _within(lng, LATITUDES)


def _within(values: npt.ArrayLike, bounds: tuple[float, float]) -> bool:
    low, high = bounds
    given = np.asarray(values, dtype=float)
    return bool(np.all((low <= given) & (given <= high)))
