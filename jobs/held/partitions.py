"""The table of crimes is in parts, one a month: a month that was not there is attached as it was staged.

What changes tables is done by functions of the database, which belong to the role that migrates: a worker's role may
own nothing.
"""

import datetime as dt

from sqlalchemy import Connection, select, text

from jobs.migrations.locks import SHORT
from jobs.models.crimes import HeldMonth

_PARTS = text(
    "SELECT to_date(right(inhrelid::regclass::text, 6), 'YYYYMM') FROM pg_inherits "
    "WHERE inhparent = 'crime_incidents'::regclass"
)
# Of what tests and measurements fill by themselves.
_NO_PULL = 0


def is_there(connection: Connection, month: dt.date) -> bool:
    """Whether the month has its part."""
    name = f"crime_incidents_{month:%Y%m}"
    return connection.scalar(text("SELECT to_regclass(:name)"), {"name": name}) is not None


def stage(connection: Connection, pull: int, month: dt.date) -> None:
    """Make the table of a pull, which can become the month's part. It takes no rows of another month."""
    _call(connection, "stage_month", pull, month)


def attach(connection: Connection, pull: int, month: dt.date) -> None:
    """Make a pull's table the month's part, indexes and all. Readers are not disturbed."""
    _call(connection, "attach_month", pull, month)


def analyze(connection: Connection, month: dt.date) -> None:
    """Let PostgreSQL know what is new in a month's part, and among points where many are new."""
    _call(connection, "analyze_month", _NO_PULL, month)


def drop_staged(connection: Connection, pull: int) -> None:
    """Drop a pull's table, if it is there."""
    _call(connection, "drop_staged", pull, dt.date.min)


def ensure(connection: Connection, month: dt.date) -> None:
    """Make the part of a month, where it is not there."""
    if not is_there(connection, month):
        stage(connection, _NO_PULL, month)
        attach(connection, _NO_PULL, month)


def drop(connection: Connection, month: dt.date) -> None:
    """Drop the part of a month, with its space on the disk, if it is there.

    Raises OperationalError where it is in use: whoever comes to read crimes meanwhile waits behind us.
    """
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{SHORT}'")
    _call(connection, "drop_month", _NO_PULL, month)
    connection.exec_driver_sql("SET LOCAL lock_timeout = DEFAULT")


def drop_unheld(connection: Connection) -> None:
    """Drop the parts of months of which nothing is held, with their space on the disk."""
    held = set(connection.scalars(select(HeldMonth.month)))
    for month in set(connection.scalars(_PARTS)) - held:
        _call(connection, "drop_month", _NO_PULL, month)


def _call(connection: Connection, name: str, pull: int, month: dt.date) -> None:
    connection.execute(text(f"SELECT safegrid_{name}(:pull, :month)"), {"pull": pull, "month": month})
