"""What the weather of a place usually is: means and deviations by month, blended towards a planned day."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from jobs.scores.model import Dates, Flags, Floats, Indices
from jobs.scores.weather.windows import FIELDS

FACTORS: Final = FIELDS[:4]
# No daily visibility is offered.
OFFERED: Final = [FACTORS.index(name) for name in FACTORS if name != "visibility"]
# Of the days of each month, for means and deviations to be those of the place and not those of what is left.
LEAST_KNOWN: Final = 0.9
_MONTHS: Final = np.arange(12)
_APART: Final = np.abs(np.subtract.outer(_MONTHS, _MONTHS))
# Planned month down, month of the history across: exp(-m/2), m the cyclic distance in months.
MONTH_WEIGHT: Final = np.exp(-np.minimum(_APART, 12 - _APART) / 2)


@dataclass(frozen=True, slots=True)
class Climatology:
    """The usual weather on planned days. mean, std: (places, planned days, 4 of FACTORS); nan = no history."""

    mean: Floats
    std: Floats

    @classmethod
    def unknown(cls, places: int, days: int) -> Self:
        """No history anywhere: every extreme factor is 1."""
        nothing = np.broadcast_to(np.nan, (places, days, len(FACTORS)))
        return cls(nothing, nothing)

    def take(self, places: npt.NDArray[np.intp] | slice) -> Self:
        """The climatology of some places."""
        return type(self)(self.mean[places], self.std[places])


@dataclass(frozen=True, slots=True)
class MonthlyHistory:
    """Days, mean and population standard deviation of each calendar month, all (places, 12, 4 of FACTORS).

    A month without days has the count 0; its mean and deviation are not read.
    """

    count: Floats
    mean: Floats
    std: Floats

    @classmethod
    def of(cls, dates: Dates, values: npt.ArrayLike) -> Self:
        """From daily values (places, n, 4 of FACTORS) on dates (n,) datetime64[D]; nan is a day not known."""
        daily = np.asarray(values, dtype=np.float64)
        month_of_day = _month(dates)
        one_hot = (month_of_day[None, :] == _MONTHS[:, None]).astype(np.float64)
        known = np.isfinite(daily)
        count = _by_month(one_hot, known.astype(np.float64))
        mean = _ratio(_by_month(one_hot, np.where(known, daily, 0.0)), count)
        off = np.where(known, daily - mean[:, month_of_day, :], 0.0)
        return cls(count, mean, np.sqrt(_ratio(_by_month(one_hot, off * off), count)))

    def take(self, places: Indices) -> Self:
        """The history of some places."""
        return type(self)(self.count[places], self.mean[places], self.std[places])

    def is_complete(self, dates: Dates) -> Flags:
        """Whether enough days of every month on these dates are known, (places,), of all that the service offers."""
        asked = np.bincount(_month(dates), minlength=len(_MONTHS))[None, :, None]
        return np.asarray((self.count[..., OFFERED] >= LEAST_KNOWN * asked).all(axis=(1, 2)))

    def on(self, dates: Dates) -> Climatology:
        """The climatology of planned dates (days,): every day of the history weighs by its month's distance."""
        months = _month(dates)
        share = MONTH_WEIGHT[months][None, :, :, None] * self.count[:, None]
        total = share.sum(axis=2)
        there = self.count[:, None] > 0
        month_mean = np.where(there, self.mean[:, None], 0.0)
        mean = np.divide((share * month_mean).sum(axis=2), total, out=np.full(total.shape, np.nan), where=total > 0)
        variance = np.where(there, self.std[:, None] ** 2 + (month_mean - mean[:, :, None]) ** 2, 0.0)
        summed = (share * variance).sum(axis=2)
        std = np.sqrt(np.divide(summed, total, out=np.full(total.shape, np.nan), where=total > 0))
        return Climatology(mean, std)


def _month(dates: Dates) -> npt.NDArray[np.int64]:
    """The month of each date, January 0."""
    return dates.astype("datetime64[M]").astype(np.int64) % 12


def _by_month(one_hot: Floats, values: Floats) -> Floats:
    """Sums by month, (places, 12, factors), of values (places, days, factors)."""
    return np.asarray(np.einsum("md,pdf->pmf", one_hot, values), dtype=np.float64)


def _ratio(sums: Floats, counts: Floats) -> Floats:
    return np.divide(sums, counts, out=np.zeros(sums.shape), where=counts > 0)
