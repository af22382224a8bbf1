"""Lengths on the ellipsoid WGS 84, and degrees as metres near a place."""

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_A: Final = 6_378_137.0
_F: Final = 1 / 298.257223563
_B: Final = _A * (1 - _F)
_E2: Final = _F * (2 - _F)
# Lines within a country converge in four; each adds about three digits.
_ROUNDS: Final = 12
_EXACT: Final = 1e-15


def lengths_m(starts: Floats, ends: Floats) -> Floats:
    """Metres of the geodesics from `starts` to `ends`: shape (n, 2) each, degrees, longitude first.

    T. Vincenty, "Direct and Inverse Solutions of Geodesics on the Ellipsoid", Survey Review 23 (1975): to 0.1 mm, but
    for points nearly opposite to each other on the globe.
    """
    (lng_1, lat_1), (lng_2, lat_2) = np.radians(starts).T, np.radians(ends).T
    reduced_1, reduced_2 = np.arctan((1 - _F) * np.tan(lat_1)), np.arctan((1 - _F) * np.tan(lat_2))
    sin_1, cos_1, sin_2, cos_2 = np.sin(reduced_1), np.cos(reduced_1), np.sin(reduced_2), np.cos(reduced_2)
    difference = lng_2 - lng_1
    turned = difference
    for _ in range(_ROUNDS):
        across, along = cos_2 * np.sin(turned), cos_1 * sin_2 - sin_1 * cos_2 * np.cos(turned)
        sin_sigma = np.hypot(across, along)
        cos_sigma = sin_1 * sin_2 + cos_1 * cos_2 * np.cos(turned)
        sigma = np.arctan2(sin_sigma, cos_sigma)
        # Points that are one have no direction: any will do.
        sin_alpha = cos_1 * cos_2 * np.sin(turned) / np.where(sin_sigma == 0, 1, sin_sigma)
        cos2_alpha = 1 - sin_alpha**2
        middle = cos_sigma - 2 * sin_1 * sin_2 / np.where(cos2_alpha == 0, np.inf, cos2_alpha)
        c = _F / 16 * cos2_alpha * (4 + _F * (4 - 3 * cos2_alpha))
        bent = sigma + c * sin_sigma * (middle + c * cos_sigma * (2 * middle**2 - 1))
        before, turned = turned, difference + (1 - c) * _F * sin_alpha * bent
        if np.abs(turned - before).max(initial=0) < _EXACT:
            break
    u2 = cos2_alpha * (_A**2 - _B**2) / _B**2
    a = 1 + u2 / 16384 * (4096 + u2 * (u2 * (320 - 175 * u2) - 768))
    b = u2 / 1024 * (256 + u2 * (u2 * (74 - 47 * u2) - 128))
    inner = cos_sigma * (2 * middle**2 - 1) - b / 6 * middle * (4 * sin_sigma**2 - 3) * (4 * middle**2 - 3)
    return np.asarray(_B * a * (sigma - b * sin_sigma * (middle + b / 4 * inner)))


def metres_per_degree(latitudes: Floats) -> Floats:
    """Metres of a degree to the east and to the north at these latitudes in degrees: shape (n, 2)."""
    angle = np.radians(latitudes)
    flatter = 1 - _E2 * np.sin(angle) ** 2
    east = _A / np.sqrt(flatter) * np.cos(angle)
    north = _A * (1 - _E2) / flatter**1.5
    return np.radians(np.stack([east, north], axis=-1))


def same_turn(longitudes: Floats, other: Floats) -> Floats:
    """The same longitudes in degrees, by whole turns as near to `other` as can be."""
    return np.asarray(longitudes - 360 * np.rint((longitudes - other) / 360))
