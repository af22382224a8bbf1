"""Times of a cadence. All in UTC, whatever the process's time zone: no hour is skipped, none comes twice."""

import datetime as dt
from collections.abc import Iterator

from croniter import croniter


def next_time(cron: str, after: dt.datetime) -> dt.datetime:
    """The first time of the cadence later than `after`. Raises ValueError for a cadence that is none."""
    time: dt.datetime = croniter(cron, after.astimezone(dt.UTC)).get_next(dt.datetime)
    return time


def times(cron: str, first: dt.datetime, last: dt.datetime) -> Iterator[dt.datetime]:
    """`first`, which is a time of the cadence, and those after it up to `last`."""
    while first <= last:
        yield first
        first = next_time(cron, first)
