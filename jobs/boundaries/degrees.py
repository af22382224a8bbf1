"""Latitudes and longitudes that were given in the wrong order."""

from collections.abc import Iterable
from typing import Final

# The United Kingdom with its sea: a point in it that is swapped lies east of Africa.
LATITUDES: Final = (49.0, 61.5)
LONGITUDES: Final = (-9.0, 2.5)


# Without numpy, as every command reads settings, and few need more.
def look_swapped(lat: Iterable[float], lng: Iterable[float]) -> bool:
    """Whether every latitude is a longitude of the United Kingdom, and every longitude a latitude of it; in degrees."""
    return _within(lat, LONGITUDES) and _within(lng, LATITUDES)


def _within(values: Iterable[float], bounds: tuple[float, float]) -> bool:
    low, high = bounds
    return all(low <= value <= high for value in values)
