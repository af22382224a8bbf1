"""Route history is kept for a while, then soft-deleted, and deleted for good where the settings say when."""

import datetime as dt
from typing import Annotated, Any

from pydantic import Field

from jobs import context, history, results
from jobs.catalogue import job
from jobs.context import Context
from jobs.history import History
from jobs.parameters import Between


@job(queue="maintenance", slug="cleanup-history", cron="0 4 * * 0", result=results.HistoryCleaned)
def cleanup_old_route_history(
    # The range and the default of the system that this one replaces.
    retention_days: Annotated[int, Between(1, 365, "Days to keep route history")] = 90,
    dry_run: Annotated[bool, Field(description="Only count what would be deleted; delete nothing")] = False,
) -> dict[str, Any]:
    """Soft-delete route history older than `retention_days` days."""
    here = context.current()
    routes = history.find(here.connection, here.settings)
    # All attempts of a run stamp the rows with one time, so that its count is exact however often it stopped.
    stamp = dt.datetime.fromisoformat(here.state.get("deleted_at") or dt.datetime.now(dt.UTC).isoformat())
    here.checkpoint({**here.state, "deleted_at": stamp.isoformat()})
    cutoff = stamp - dt.timedelta(days=retention_days)
    told = {
        "task": "cleanup_old_route_history",
        "dry_run": dry_run,
        "retention_days": retention_days,
        "cutoff_date": cutoff.isoformat(),
    }
    if dry_run:
        due = here.connection, routes.older(cutoff)
        return {**told, "records_deleted": routes.count(*due), "records_purged": _expired(here, routes, stamp)}
    purged = _purge(here, routes, stamp)
    _soft_delete(here, routes, cutoff, stamp)
    deleted = routes.count(here.connection, routes.deleted_on(stamp))
    return {**told, "records_deleted": deleted, "records_purged": purged}


def _soft_delete(here: Context, routes: History, cutoff: dt.datetime, stamp: dt.datetime) -> None:
    waiting = routes.count(here.connection, routes.older(cutoff))
    done = 0
    while batch := routes.soft_delete(here.connection, cutoff, stamp):
        done += batch
        here.progress(done, max(waiting, done), "soft-deleting route history")


def _purge(here: Context, routes: History, now: dt.datetime) -> int | None:
    """Rows that were deleted for good by all attempts of the run; none where the settings do not say when."""
    days = here.settings.history_purge_days
    if days is None:
        return None
    # Nobody soft-deletes in the past, so what is gone of these was deleted here.
    due = here.state.get("due") or _expired(here, routes, now) or 0
    here.checkpoint({**here.state, "due": due})
    cutoff = now - dt.timedelta(days=days)
    done = 0
    while batch := routes.delete(here.connection, cutoff):
        done += batch
        here.progress(done, max(due, done), "deleting route history for good")
    return due - routes.count(here.connection, routes.deleted_before(cutoff))


def _expired(here: Context, routes: History, now: dt.datetime) -> int | None:
    """Rows whose time after the soft deletion is over."""
    days = here.settings.history_purge_days
    if days is None:
        return None
    return routes.count(here.connection, routes.deleted_before(now - dt.timedelta(days=days)))
