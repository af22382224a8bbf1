"""Weather windows: the seven days that end on a day, oldest first."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from jobs.scores.model import FEWEST_DAYS, UNKNOWN_CLOUD_PCT, UNKNOWN_VISIBILITY_M, WINDOW_DAYS, Floats, Indices

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
CLOUD: Final = FIELDS.index("cloud")
MINIMUM: Final = FIELDS.index("temperature_min")
MAXIMUM: Final = FIELDS.index("temperature_max")
# The first five fields are the series that are correlated, the first four are compared with history.
SERIES: Final = 5
_ASSUMED: Final = {VISIBILITY: UNKNOWN_VISIBILITY_M, CLOUD: UNKNOWN_CLOUD_PCT}


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of any shape s, such as (accidents,) or (places, planned days).

    values: (*s, 7, 7) = day, field of FIELDS; the known days stand in front, oldest first, and zeros follow.
    days: (*s,), how many days are known: 5 to 7, or 0 for a pattern that is missing, as one of fewer days is.
    clouds_assumed: (*s,), on how many of these days the cloud cover was not known.
    """

    values: Floats
    days: npt.NDArray[np.int8]
    clouds_assumed: npt.NDArray[np.int8]

    def __post_init__(self) -> None:
        if self.values.shape != (*self.days.shape, WINDOW_DAYS, len(FIELDS)):
            raise ValueError(
                f"Windows of shape {self.days.shape} need values of shape"
                f" {(*self.days.shape, WINDOW_DAYS, len(FIELDS))}, not {self.values.shape}"
            )

    @classmethod
    def of(cls, values: npt.ArrayLike) -> Self:
        """Windows from values (*s, 7, 7) where nan is not known.

        A visibility that is not known is 10,000 m, a cloud cover 50 %. A day that lacks another of the five series is
        left out; where fewer than 5 are left, so are they: so short a pattern would look like no accident's, and safe.
        A day that lacks its minimum or maximum is no day that freezes and thaws.
        """
        filled = np.array(values, dtype=np.float64)
        cloudless = ~np.isfinite(filled[..., CLOUD])
        for field, assumed in _ASSUMED.items():
            np.copyto(filled[..., field], assumed, where=~np.isfinite(filled[..., field]))
        known = np.isfinite(filled[..., :SERIES]).all(axis=-1)
        known &= known.sum(axis=-1, keepdims=True) >= FEWEST_DAYS
        np.copyto(filled, 0.0, where=~(known[..., None] & np.isfinite(filled)))
        if not known.all():
            front = np.argsort(~known, axis=-1, kind="stable")
            filled = np.take_along_axis(filled, front[..., None], axis=-2)
        return cls(filled, known.sum(axis=-1, dtype=np.int8), (known & cloudless).sum(axis=-1, dtype=np.int8))

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
        return cls(np.zeros((*shape, WINDOW_DAYS, len(FIELDS))), np.zeros(shape, np.int8), np.zeros(shape, np.int8))

    def take(self, indices: npt.NDArray[np.intp] | slice) -> Self:
        """The windows at some indices of the first axis."""
        return type(self)(self.values[indices], self.days[indices], self.clouds_assumed[indices])

    def flat(self) -> Self:
        """The same windows as one row, shape (n,)."""
        values = self.values.reshape(-1, WINDOW_DAYS, len(FIELDS))
        return type(self)(values, self.days.reshape(-1), self.clouds_assumed.reshape(-1))

    def means(self) -> Floats:
        """Plain mean of every field over the known days, shape (*s, 7); nan for a missing pattern."""
        sums = self.values.sum(axis=-2)
        days = self.days[..., None].astype(np.float64)
        means: Floats = np.divide(sums, days, out=np.full_like(sums, np.nan), where=days > 0)
        return means
