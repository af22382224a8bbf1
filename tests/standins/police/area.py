"""The two shapes that a request can ask for: a polygon and a circle of one mile."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt
import shapely

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

MILE_M = 1609.344
EARTH_RADIUS_M = 6_371_000.0


class Area(Protocol):
    def contains(self, lats: Floats, lngs: Floats) -> Mask:
        """Which points lie inside or on the border. Degrees, shape (n,); NaN is outside."""
        ...


class Polygon:
    """A ring of `lat,lng` corners, closed or not; its border belongs to it."""

    def __init__(self, corners: list[tuple[float, float]]) -> None:
        self.ring = shapely.Polygon([(lng, lat) for lat, lng in corners])
        shapely.prepare(self.ring)

    def contains(self, lats: Floats, lngs: Floats) -> Mask:
        inside: Mask = shapely.intersects_xy(self.ring, lngs, lats)
        return inside


class Circle:
    """All points within a mile of the centre; degrees."""

    def __init__(self, lat: float, lng: float) -> None:
        self.lat, self.lng = lat, lng

    def contains(self, lats: Floats, lngs: Floats) -> Mask:
        """Great-circle distance by the haversine formula, R = 6371.0 km."""
        half_lat, half_lng = np.radians(lats - self.lat) / 2, np.radians(lngs - self.lng) / 2
        cosines = np.cos(np.radians(lats)) * np.cos(np.radians(self.lat))
        chord = np.sin(half_lat) ** 2 + cosines * np.sin(half_lng) ** 2
        distances_m: Floats = 2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(chord))
        return distances_m <= MILE_M


def asked_for(parameters: Mapping[str, str]) -> Area:
    """The area in `poly` or in `lat` and `lng`. ValueError where there is none that can be read."""
    if "poly" in parameters:
        return Polygon([_corner(text) for text in parameters["poly"].split(":")])
    if "lat" in parameters and "lng" in parameters:
        return Circle(float(parameters["lat"]), float(parameters["lng"]))
    raise ValueError("Neither poly nor lat and lng are given")


def _corner(text: str) -> tuple[float, float]:
    lat, lng = text.split(",")
    return float(lat), float(lng)
