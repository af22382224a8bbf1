"""Weather windows: the seven days that end on a day, oldest first."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from jobs.scores.model import UNKNOWN_VISIBILITY_M, WINDOW_DAYS, Floats, Indices

# C, mm, m/s, m, %, C, C
FIELDS: Final = (
    "temperature",
    "precipitation",
    "wind",
    "visibility",
    "cloud",
    "temperature_min",
    "temperature_max",
)
VISIBILITY: Final = FIELDS.index("visibility")
MINIMUM: Final = FIELDS.index("temperature_min")
MAXIMUM: Final = FIELDS.index("temperature_max")
# The first five fields are the series that are correlated, the first four are compared with history.
SERIES: Final = 5


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of any shape s, such as (accidents,) or (places, planned days).

    values: (*s, 7, 7) = day, field of FIELDS; the known days stand in front, oldest first, and zeros follow.
    days: (*s,), how many days are known. 0 is a pattern that is missing altogether.
    """

    values: Floats
    days: npt.NDArray[np.int8]

    def __post_init__(self) -> None:
        if self.values.shape != (*self.days.shape, WINDOW_DAYS, len(FIELDS)):
            raise ValueError(
                f"Windows of shape {self.days.shape} need values of shape"
                f" {(*self.days.shape, WINDOW_DAYS, len(FIELDS))}, not {self.values.shape}"
            )

    @classmethod
    def of(cls, values: npt.ArrayLike) -> Self:
        """Windows from values (*s, 7, 7) where nan is not known.

        A visibility that is not known is 10,000 m. A day that lacks anything else is left out of its window.
        """
        filled = np.array(values, dtype=np.float64)
        visibility = filled[..., VISIBILITY]
        visibility[np.isnan(visibility)] = UNKNOWN_VISIBILITY_M
        known = np.isfinite(filled).all(axis=-1)
        if not known.all():
            filled[~known] = 0.0
            front = np.argsort(~known, axis=-1, kind="stable")
            filled = np.take_along_axis(filled, front[..., None], axis=-2)
        return cls(filled, known.sum(axis=-1, dtype=np.int8))

    @classmethod
    def rolling(cls, daily: npt.ArrayLike) -> Self:
        """Windows (places, planned days) from daily values (places, planned days + 6, 7 fields), nan = not known.

        The daily values begin six days before the first planned day.
        """
        values = np.asarray(daily, dtype=np.float64)
        if values.ndim != 3 or values.shape[1] < WINDOW_DAYS or values.shape[2] != len(FIELDS):
            raise ValueError(
                f"Daily weather must have shape (places, at least {WINDOW_DAYS} days, {len(FIELDS)} fields),"
                f" not {values.shape}"
            )
        rolled = np.lib.stride_tricks.sliding_window_view(values, WINDOW_DAYS, axis=1)
        return cls.of(np.moveaxis(rolled, -1, -2))

    @classmethod
    def scattered(cls, count: int, owner: Indices, day: Indices, values: npt.ArrayLike) -> Self:
        """Windows (count,) from single days in any order: m values (m, 7 fields) with their owners and positions.

        owner: index of the window, (m,). day: 0 six days before the window's own day, 6 on it; days beyond are
        left out, (m,). Owners without a day have a missing pattern.
        """
        inside = (day >= 0) & (day < WINDOW_DAYS)
        placed = np.full((count, WINDOW_DAYS, len(FIELDS)), np.nan)
        placed[owner[inside], day[inside]] = np.asarray(values, dtype=np.float64)[inside]
        return cls.of(placed)

    @classmethod
    def missing(cls, *shape: int) -> Self:
        """Windows of a shape for which no weather is known at all."""
        return cls(np.zeros((*shape, WINDOW_DAYS, len(FIELDS))), np.zeros(shape, np.int8))

    def take(self, indices: npt.NDArray[np.intp] | slice) -> Self:
        """The windows at some indices of the first axis."""
        return type(self)(self.values[indices], self.days[indices])

    def flat(self) -> Self:
        """The same windows as one row, shape (n,)."""
        return type(self)(self.values.reshape(-1, WINDOW_DAYS, len(FIELDS)), self.days.reshape(-1))

    def means(self) -> Floats:
        """Plain mean of every field over the known days, shape (*s, 7); nan for a missing pattern."""
        sums = self.values.sum(axis=-2)
        days = self.days[..., None].astype(np.float64)
        means: Floats = np.divide(sums, days, out=np.full_like(sums, np.nan), where=days > 0)
        return means
