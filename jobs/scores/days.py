"""The days that are scored: today, of UTC, and the six after it."""

import datetime as dt
from typing import Final

# A week: what readers of the scores plan with, and how far a forecast can be trusted.
DAYS: Final = 7


def today() -> dt.date:
    """The first planned day."""
    return dt.datetime.now(dt.UTC).date()


def days_from(first: dt.date, count: int) -> list[dt.date]:
    """`count` days, beginning with `first`."""
    return [first + dt.timedelta(days=day) for day in range(count)]
