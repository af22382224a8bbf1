"""What ingestion and the grid both ask of the crimes that are held."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from jobs.models.crimes import HeldMonth
from jobs.models.grid import GridMonth


def newest_month(connection: Connection) -> dt.date | None:
    """The newest month of which anything is held; where none is held, the newest that is still in the grid."""
    held = connection.scalar(select(func.max(HeldMonth.month)))
    return held or connection.scalar(select(func.max(GridMonth.month)))


@dataclass(frozen=True)
class MonthState:
    """What a month's grid would be made from now."""

    month: dt.date
    fingerprint: str
    resolution: int


def month_states(connection: Connection, oldest: dt.date, newest: dt.date) -> list[MonthState]:
    """The held months from `oldest` to `newest`, newest first."""
    rows = connection.execute(
        select(HeldMonth.month, HeldMonth.fingerprint, HeldMonth.h3_resolution)
        .where(HeldMonth.month.between(oldest, newest))
        .order_by(HeldMonth.month.desc())
    )
    return [MonthState(*row) for row in rows]


def built_fingerprints(connection: Connection) -> dict[dt.date, str]:
    """{month: fingerprint of what its grid was built from}"""
    rows = connection.execute(select(GridMonth.month, GridMonth.fingerprint))
    return {row.month: row.fingerprint for row in rows}


def outdated_months(connection: Connection, resolution: int) -> list[dt.date]:
    """Months whose grid was not built from what is held now, newest first; also those of which nothing is held now.

    Held ones of another resolution are left out.
    """
    built = built_fingerprints(connection)
    states = month_states(connection, dt.date.min, dt.date.max)
    changed = [
        state.month
        for state in states
        if state.resolution == resolution and built.get(state.month) != state.fingerprint
    ]
    gone = built.keys() - {state.month for state in states}
    return sorted({*changed, *gone}, reverse=True)
