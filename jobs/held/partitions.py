"""The table of crimes is in parts, one a month: a month that was not there is attached as it was staged."""

import datetime as dt

from sqlalchemy import Connection, select, text

from jobs.models.crimes import HeldMonth

# As PostgreSQL's own settings are for small machines: the indexes of a national month are sorted in memory.
_SORT_IN_MEMORY = text("SET LOCAL maintenance_work_mem = '128MB'")
_PARTS = text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'crime_incidents'::regclass")


def name_of(month: dt.date) -> str:
    """The table of a month's crimes."""
    return f"crime_incidents_{month:%Y%m}"


def is_there(connection: Connection, month: dt.date) -> bool:
    """Whether the month has its part."""
    return connection.scalar(text("SELECT to_regclass(:name)"), {"name": name_of(month)}) is not None


def create_loose(connection: Connection, table: str, month: dt.date) -> None:
    """A table that can become a month's part. Whatever is written into it is checked to be of that month."""
    of_month = f"CONSTRAINT of_month CHECK (month = DATE '{month}')"
    connection.exec_driver_sql(f"CREATE TABLE {table} (LIKE crime_incidents INCLUDING DEFAULTS, {of_month})")


def attach(connection: Connection, table: str, month: dt.date) -> None:
    """Make a loose table the month's part, indexes and all. Readers are not disturbed."""
    connection.execute(_SORT_IN_MEMORY)
    part = name_of(month)
    connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {part}")
    # Its constraint spares PostgreSQL a look at every row.
    connection.exec_driver_sql(f"ALTER TABLE crime_incidents ATTACH PARTITION {part} FOR VALUES IN ('{month}')")
    connection.exec_driver_sql(f"ALTER TABLE {part} DROP CONSTRAINT of_month")


def ensure(connection: Connection, month: dt.date) -> None:
    """Make the part of a month, where it is not there."""
    if not is_there(connection, month):
        create_loose(connection, loose := f"loose_{month:%Y%m}", month)
        attach(connection, loose, month)


def drop_unheld(connection: Connection) -> None:
    """Drop the parts of months of which nothing is held, with their space on the disk."""
    held = {name_of(month) for month in connection.scalars(select(HeldMonth.month))}
    for part in connection.scalars(_PARTS).all():
        if part not in held:
            connection.exec_driver_sql(f"DROP TABLE {part}")
