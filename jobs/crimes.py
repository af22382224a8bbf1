"""What ingestion and the grid both ask of the crimes that are held."""

import datetime as dt
import hashlib
from collections.abc import Mapping

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
