"""Places that weather is asked for: positions rounded to 0.01 degree, about a kilometre."""

from collections.abc import Sequence
from typing import NamedTuple, Self

from jobs.scores.model import Floats


class Place(NamedTuple):
    """Latitude and longitude in degrees, with two decimals."""

    lat: float
    lng: float

    @classmethod
    def at(cls, lat: float, lng: float) -> Self:
        """The place of a position in degrees."""
        return cls(round(lat, 2) + 0.0, round(lng, 2) + 0.0)  # + 0.0 makes a zero of a minus zero

    def __str__(self) -> str:
        return f"{self.lat:.2f},{self.lng:.2f}"


def places_of(lat: Floats, lng: Floats) -> Sequence[Place]:
    """The place of each position, degrees (n,)."""
    return [Place.at(*position) for position in zip(lat.tolist(), lng.tolist(), strict=True)]
