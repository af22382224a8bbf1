"""Everything that risks depend on, checked to fit together."""

from dataclasses import dataclass
from typing import Self

from jobs.scores.model import Dates
from jobs.scores.risk.inputs import Accidents, Routes
from jobs.scores.weather.climatology import FACTORS, Climatology
from jobs.scores.weather.windows import Windows


@dataclass(frozen=True, slots=True)
class Outlook:
    """Routes at p places on d planned days, the accidents, and the weather.

    dates: datetime64[D], shape (d,). windows: planned weather, shape (p, d), places as in `routes`.
    climatology: what is usual there and then, (p, d, 4).
    """

    routes: Routes
    dates: Dates
    accidents: Accidents
    windows: Windows
    climatology: Climatology

    def __post_init__(self) -> None:
        expected = (len(self.routes.place_lat), len(self.dates))
        if self.windows.days.shape != expected:
            raise ValueError(f"Planned windows have shape {self.windows.days.shape}, not (places, days) = {expected}")
        for name, array in (("mean", self.climatology.mean), ("std", self.climatology.std)):
            if array.shape != (*expected, len(FACTORS)):
                raise ValueError(f"The climatology's {name} has shape {array.shape}, not {(*expected, len(FACTORS))}")

    @classmethod
    def without_history(cls, routes: Routes, dates: Dates, accidents: Accidents, windows: Windows) -> Self:
        """An outlook in which no weather is extreme."""
        return cls(routes, dates, accidents, windows, Climatology.unknown(*windows.days.shape))
