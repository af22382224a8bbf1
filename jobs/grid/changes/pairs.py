"""Months that are compared: each with its other, and only where both are held."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jobs.grid import period
from jobs.grid.period import Held, Period
from jobs.months import add_months, days, month_text, months_from


@dataclass(frozen=True)
class Pairs:
    """Held months, and as many of before."""

    now: Period
    before: Period
    asked: tuple[dt.date, ...]
    """Months of the newer period, whether or not they can be compared."""
    apart: int
    """Months between the two of a pair."""

    @property
    def share(self) -> float:
        """The share of all crimes that would be of the newer period at the same rate a day; a half of no months."""
        now, before = days(self.now.months), days(self.before.months)
        return now / (now + before) if now else 0.5

    @property
    def months(self) -> list[dt.date]:
        """Those of both periods that are read."""
        return sorted({*self.now.months, *self.before.months})

    @property
    def about(self) -> dict[str, Any]:
        """What was compared, for people and programs."""
        return {
            "months": _texts(self.now.months),
            "months_before": _texts(self.before.months),
            "months_not_compared": _texts(month for month in self.asked if month not in self.now.months),
        }


def select(held: Sequence[Held], first: dt.date | None, last: dt.date | None, apart: int) -> Pairs:
    """The months from `first` to `last`, twelve where an end is missing, each with the one so many months before."""
    chosen = period.select(held, first, last, False)
    there = {one.month for one in held}
    asked = tuple(months_from(chosen.first, chosen.last)) if chosen.first and chosen.last else ()
    now = [month for month in chosen.months if add_months(month, -apart) in there]
    before = [add_months(month, -apart) for month in now]
    return Pairs(period.of(held, now), period.of(held, before), asked, apart)


def _texts(months: Any) -> list[str]:
    return [month_text(month) for month in months]
