"""What ingestion and the grid both ask of the crimes that are held."""

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from jobs.models.crimes import IngestionRun
from jobs.models.grid import GridMonth


def newest_month(connection: Connection) -> dt.date | None:
    """The newest month that any area holds; where none is held, the newest that is still in the grid."""
    held = connection.scalar(select(func.max(IngestionRun.month)).where(IngestionRun.current))
    return held or connection.scalar(select(func.max(GridMonth.month)))


def fingerprint(resolution: int, counts: Mapping[tuple[int | None, str], int]) -> str:
    """Hash of {(cell, category): crimes}."""
    return hashlib.sha256(repr((resolution, sorted(counts.items()))).encode()).hexdigest()


@dataclass(frozen=True)
class MonthState:
    """What a month's grid would be made from now."""

    month: dt.date
    fingerprint: str
    resolutions: tuple[int, ...]


def month_states(connection: Connection, oldest: dt.date, newest: dt.date) -> list[MonthState]:
    """The held months from `oldest` to `newest`, newest first."""
    rows = connection.execute(
        select(IngestionRun.month, IngestionRun.area, IngestionRun.fingerprint, IngestionRun.h3_resolution)
        .where(IngestionRun.current, IngestionRun.month.between(oldest, newest))
        .order_by(IngestionRun.month.desc(), IngestionRun.area)
    )
    months: dict[dt.date, list[Any]] = {}
    for row in rows:
        months.setdefault(row.month, []).append(row)
    return [
        MonthState(
            month,
            hashlib.sha256("".join(row.fingerprint for row in parts).encode()).hexdigest(),
            tuple(sorted({row.h3_resolution for row in parts})),
        )
        for month, parts in months.items()
    ]


def built_fingerprints(connection: Connection) -> dict[dt.date, str]:
    """{month: fingerprint of what its grid was built from}"""
    rows = connection.execute(select(GridMonth.month, GridMonth.fingerprint))
    return {row.month: row.fingerprint for row in rows}


def outdated_months(connection: Connection, resolution: int) -> list[dt.date]:
    """The held months whose grid was not built from what is held now. Those of another resolution are left out."""
    built = built_fingerprints(connection)
    return [
        state.month
        for state in month_states(connection, dt.date.min, dt.date.max)
        if state.resolutions == (resolution,) and built.get(state.month) != state.fingerprint
    ]
