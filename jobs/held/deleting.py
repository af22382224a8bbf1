"""A whole month of crimes is deleted, with all that follows from it."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, text

from jobs import areas
from jobs.database import lock
from jobs.grid import store as grid
from jobs.held import partitions, summaries
from jobs.models.crimes import DeletedMonth, HeldMonth, IngestionRun, MonthGround, SetAside, StagedPull, UnplacedCrime
from jobs.models.grid import GridMonth, KeptCounts, KeptMonth

# Whatever is of a month, though nothing else of it is there.
_MONTHS = text(
    """
    SELECT month FROM held_months UNION SELECT month FROM unplaced_crimes UNION SELECT month FROM set_aside_records
    UNION SELECT month FROM ingestion_runs UNION SELECT month FROM grid_months UNION SELECT month FROM kept_months
    ORDER BY 1
    """
)
_COUNTS = text(
    """
    SELECT (SELECT count(*) FROM crime_incidents WHERE month = :month) AS crimes,
           (SELECT count(*) FROM unplaced_crimes WHERE month = :month) AS unplaced,
           (SELECT count(*) FROM set_aside_records WHERE month = :month) AS set_aside,
           (SELECT count(*) FROM ingestion_runs WHERE month = :month) AS ingestions,
           (SELECT count(*) FROM safety_cells WHERE month = :month) AS cells
    """
)
_NOTE = text(
    """
    INSERT INTO deleted_months (month, crimes, unplaced) VALUES (:month, :crimes, :unplaced)
    ON CONFLICT (month) DO UPDATE
    SET crimes = excluded.crimes, unplaced = excluded.unplaced, deleted_at = excluded.deleted_at
    """
)


def months_before(connection: Connection, month: dt.date) -> list[dt.date]:
    """Months older than this one of which anything is there, the oldest first. Part of the caller's transaction."""
    return [one for one in connection.scalars(_MONTHS) if one < month]


def counts(connection: Connection, month: dt.date) -> dict[str, int]:
    """{kind: rows} of a month: crimes, unplaced, set_aside, ingestions, cells. Part of the caller's transaction."""
    return dict(connection.execute(_COUNTS, {"month": month}).one()._mapping)


def deleted(connection: Connection) -> Sequence[Row[Any]]:
    """month, crimes, unplaced and deleted_at of months that were deleted, the newest first. Part of a transaction."""
    return connection.execute(select(DeletedMonth.__table__).order_by(DeletedMonth.month.desc())).all()


def delete_month(connection: Connection, month: dt.date) -> dict[str, int]:
    """Delete all that is of the month, here and in the grid. Returns its `counts`. Part of the caller's transaction.

    Raises OperationalError where the month's table is in use for longer than readers can be kept waiting.
    """
    # In the order of those who take several: a rebuild, an ingestion, a change of areas.
    lock(connection, "safegrid:grid")
    lock(connection, f"safegrid:month:{month}")
    areas.lock(connection)
    gone = counts(connection, month)
    partitions.drop(connection, month)
    _delete_rows(connection, month)
    resolution = connection.scalar(select(func.max(HeldMonth.h3_resolution))) or 0
    summaries.refresh_months(connection, [month], resolution)
    summaries.refresh_areas(connection, areas.all_areas(connection), [month])
    _leave_grid(connection, month)
    if gone["crimes"] or gone["unplaced"]:
        connection.execute(_NOTE, {"month": month, **gone})
    return gone


def _delete_rows(connection: Connection, month: dt.date) -> None:
    for pull in connection.scalars(select(StagedPull.id).where(StagedPull.month == month)).all():
        partitions.drop_staged(connection, pull)
    tables: tuple[Any, ...] = (StagedPull, UnplacedCrime, SetAside, MonthGround, IngestionRun)
    for table in tables:
        connection.execute(delete(table).where(table.month == month))


def _leave_grid(connection: Connection, month: dt.date) -> None:
    """Of every generation."""
    if connection.scalar(select(GridMonth.month).where(GridMonth.month == month)):
        generation = grid.next_generation(connection)
        grid.drop_month(connection, month, generation)
        grid.publish(connection, generation, [], [month])
    for table in (KeptMonth, KeptCounts):
        connection.execute(delete(table).where(table.month == month))
