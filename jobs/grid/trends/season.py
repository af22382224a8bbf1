"""Months that are held against each other: the newest ones, and the same calendar months of earlier years."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from jobs.months import add_months, days

YEARS: Final = 5
"""So far back a cell's past goes: farther, a town is another."""
MARGIN: Final = 1.25
"""So many times its past rate is still usual: how crimes are recorded changes by as much."""


@dataclass(frozen=True)
class Season:
    """Both may be empty: then nothing can be said."""

    recent: tuple[dt.date, ...]
    earlier: tuple[dt.date, ...]

    @property
    def scale(self) -> float:
        """Days of the recent months for each day of the earlier ones."""
        return days(self.recent) / days(self.earlier)

    @property
    def share(self) -> float:
        """The share of all crimes that would be recent at MARGIN times the past rate."""
        recent = MARGIN * days(self.recent)
        return recent / (recent + days(self.earlier))


def wanted(last: dt.date, count: int) -> list[list[dt.date]]:
    """`count` months up to `last`, oldest first; then the same of each earlier year, the last year first."""
    recent = [add_months(last, back) for back in range(1 - count, 1)]
    return [[add_months(month, -12 * year) for month in recent] for year in range(YEARS + 1)]


def select(last: dt.date, count: int, recent: Collection[dt.date], earlier: Collection[dt.date]) -> Season:
    """Those of the months wanted that can be used: an earlier year only with all months that are used of this one."""
    this, *years = wanted(last, count)
    used = [index for index, month in enumerate(this) if month in recent]
    whole = [[year[index] for index in used] for year in years]
    found = sorted(month for year in whole if all(month in earlier for month in year) for month in year)
    return Season(tuple(this[index] for index in used), tuple(found))
