"""Which months of crimes are kept: the newest so many, counted back from the newest ingested month."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import Connection

from jobs import crimes
from jobs.errors import PermanentError
from jobs.months import add_months, month_text


class ExpiredMonth(PermanentError):
    """A month that would be deleted again, as it is older than those that are kept."""


def oldest(connection: Connection, months: int | None, offered: Sequence[dt.date] = ()) -> dt.date:
    """The oldest month that is kept, of so many; the first day that there is where all are kept.

    offered: months that are about to come in. Part of the caller's transaction.
    """
    newest = max(filter(None, (crimes.newest_month(connection), *offered)), default=None)
    return add_months(newest, 1 - months) if months and newest else dt.date.min


def among(connection: Connection, months: int | None, offered: Sequence[dt.date]) -> list[dt.date]:
    """Those of the offered months that are kept, in their order. Part of the caller's transaction."""
    first = oldest(connection, months, offered)
    return [month for month in offered if month >= first]


def check(connection: Connection, months: int | None, month: dt.date) -> None:
    """Raises ExpiredMonth for a month that is not kept. Part of the caller's transaction."""
    if month < (first := oldest(connection, months, [month])):
        raise ExpiredMonth(
            f"Month {month_text(month)} is older than {month_text(first)}, the oldest month that "
            f"SAFEGRID_CRIME_RETENTION_MONTHS={months} keeps"
        )
