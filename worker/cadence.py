"""Times of a cadence. All in UTC, whatever the process's time zone: no hour is skipped, none comes twice."""

import datetime as dt
import itertools
from collections.abc import Iterator

from croniter import croniter


def next_time(cron: str, after: dt.datetime) -> dt.datetime:
    """The first time of the cadence later than `after`. Raises ValueError for a cadence that is none."""
    return next(_times_after(cron, after))


def times(cron: str, first: dt.datetime, last: dt.datetime) -> list[dt.datetime]:
    """`first`, which is a time of the cadence, and those after it up to `last`."""
    later = itertools.takewhile(lambda time: time <= last, _times_after(cron, first))
    return [first, *later] if first <= last else []


def _times_after(cron: str, start: dt.datetime) -> Iterator[dt.datetime]:
    found = croniter(cron, start.astimezone(dt.UTC), ret_type=dt.datetime)
    while True:
        yield found.get_next()
