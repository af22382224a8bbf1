"""What a score is computed from: routes, accidents and the places they share, as columns of equal length."""

import functools
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from jobs.scores.model import KINDS, SEVERITIES, Codes, Dates, Floats, Indices
from jobs.scores.risk.similarity import Patterns
from jobs.scores.weather.windows import Windows


@dataclass(frozen=True, slots=True)
class Routes:
    """Routes, n of them at p distinct places. Weather belongs to a place, so routes of one place share it.

    place_lat, place_lng: degrees, shape (p,). place: index into those, (n,). kind: index into KINDS, (n,).
    elevation_m: (n,), nan when unknown. difficulty: (n,), see `grades`, nan when unknown.
    """

    place_lat: Floats
    place_lng: Floats
    place: Indices
    kind: Codes
    elevation_m: Floats
    difficulty: Floats

    def __post_init__(self) -> None:
        _check_coordinates("place", self.place_lat, self.place_lng)
        _check_lengths(
            "routes",
            place=self.place,
            kind=self.kind,
            elevation_m=self.elevation_m,
            difficulty=self.difficulty,
        )
        _check_codes("routes", "kind", self.kind, len(KINDS))
        _check_codes("routes", "place", self.place, len(self.place_lat))

    def __len__(self) -> int:
        return len(self.place)

    @classmethod
    def at(
        cls,
        lat: npt.ArrayLike,
        lng: npt.ArrayLike,
        kind: npt.ArrayLike,
        elevation_m: npt.ArrayLike,
        difficulty: npt.ArrayLike,
    ) -> Self:
        """Routes from one position each, degrees, shape (n,). Routes at equal positions share a place."""
        position = np.column_stack([np.asarray(lat, np.float64), np.asarray(lng, np.float64)])
        places, place = np.unique(position, axis=0, return_inverse=True)
        return cls(
            places[:, 0].copy(),
            places[:, 1].copy(),
            place.astype(np.intp),
            np.asarray(kind, np.int8),
            np.asarray(elevation_m, np.float64),
            np.asarray(difficulty, np.float64),
        )


@dataclass(frozen=True)
class Accidents:
    """Accidents, n of them; every column has shape (n,).

    lat, lng: degrees. date: datetime64[D]. kind, severity: indices into KINDS and SEVERITIES.
    elevation_m, difficulty: nan when unknown. windows: the weather up to the day of the accident, shape (n,).
    """

    lat: Floats
    lng: Floats
    date: Dates
    kind: Codes
    severity: Codes
    elevation_m: Floats
    difficulty: Floats
    windows: Windows

    def __post_init__(self) -> None:
        _check_coordinates("accident", self.lat, self.lng)
        _check_lengths(
            "accidents",
            lat=self.lat,
            date=self.date,
            kind=self.kind,
            severity=self.severity,
            elevation_m=self.elevation_m,
            difficulty=self.difficulty,
            windows=self.windows.days,
        )
        _check_codes("accidents", "kind", self.kind, len(KINDS))
        _check_codes("accidents", "severity", self.severity, len(SEVERITIES))
        if np.isnat(self.date).any():
            raise ValueError(f"Accident {int(np.isnat(self.date).argmax())} has no date; leave it out")

    def __len__(self) -> int:
        return len(self.lat)

    @functools.cached_property
    def patterns(self) -> Patterns:
        """Their weather, ready to be compared; made once for all that is compared with it."""
        return Patterns.of(self.windows)


def _check_lengths(what: str, **columns: np.ndarray) -> None:
    lengths = {name: column.shape for name, column in columns.items()}
    if len(set(lengths.values())) > 1 or any(len(shape) != 1 for shape in lengths.values()):
        raise ValueError(f"The columns of {what} must be flat and equally long, but their shapes are {lengths}")


def _check_coordinates(what: str, lat: Floats, lng: Floats) -> None:
    _check_lengths(f"{what} coordinates", lat=lat, lng=lng)
    wrong = ~((np.abs(lat) <= 90) & (np.abs(lng) <= 180))
    if wrong.any():
        first = int(wrong.argmax())
        raise ValueError(
            f"The {what} with index {first} is at ({lat[first]}, {lng[first]}), which is not a latitude and"
            " longitude in degrees; leave it out"
        )


def _check_codes(what: str, column: str, codes: npt.NDArray[np.integer], count: int) -> None:
    if codes.size and (codes.min() < 0 or codes.max() >= count):
        raise ValueError(f"The column {column} of {what} must hold indices from 0 to {count - 1}")
