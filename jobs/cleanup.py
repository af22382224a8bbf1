"""Route history is kept for a while, then soft-deleted."""

import datetime as dt
from typing import Annotated, Any

from sqlalchemy import ColumnElement, Connection, func, select, update

from jobs import context, results
from jobs.catalogue import job
from jobs.models.history import RouteHistory
from jobs.parameters import Between

# Rows in a transaction: its locks are short, and millions of rows still take only hundreds of transactions.
BATCH = 10_000


@job(queue="maintenance", slug="cleanup-history", cron="0 4 * * 0", result=results.HistoryCleaned)
def cleanup_old_route_history(
    # The range and the default of the system that this one replaces.
    retention_days: Annotated[int, Between(1, 365, "Days to keep route history")] = 90,
) -> dict[str, Any]:
    """Soft-delete route history older than `retention_days` days."""
    here = context.current()
    # All attempts of a run stamp the rows with one time, so that its count is exact however often it stopped.
    stamp = dt.datetime.fromisoformat(here.state.get("deleted_at") or dt.datetime.now(dt.UTC).isoformat())
    here.checkpoint({"deleted_at": stamp.isoformat()})
    cutoff = stamp - dt.timedelta(days=retention_days)
    with here.connection.begin():
        waiting = here.connection.scalar(select(func.count()).where(*_old(cutoff))) or 0
    done = 0
    while batch := _delete_batch(here.connection, cutoff, stamp):
        done += batch
        here.progress(done, max(waiting, done), "soft-deleting route history")
    with here.connection.begin():
        deleted = here.connection.scalar(select(func.count()).where(RouteHistory.deleted_at == stamp))
    return {
        "task": "cleanup_old_route_history",
        "retention_days": retention_days,
        "cutoff_date": cutoff.isoformat(),
        "records_deleted": deleted,
    }


def _old(cutoff: dt.datetime) -> tuple[ColumnElement[bool], ...]:
    return RouteHistory.deleted_at.is_(None), RouteHistory.created_at < cutoff


def _delete_batch(connection: Connection, cutoff: dt.datetime, stamp: dt.datetime) -> int:
    """A batch at a time, so that the service's own writes never wait long; rows in other hands are passed over."""
    batch = select(RouteHistory.id).where(*_old(cutoff)).order_by(RouteHistory.created_at).limit(BATCH)
    with connection.begin():
        return connection.execute(
            update(RouteHistory)
            .where(RouteHistory.id.in_(batch.with_for_update(skip_locked=True)))
            .values(deleted_at=stamp)
        ).rowcount
