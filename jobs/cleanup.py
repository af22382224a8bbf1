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
    days = here.settings.history_purge_days
    expiry = None if days is None else stamp - dt.timedelta(days=days)
    if dry_run:
        deleted = routes.count(here.connection, routes.older(cutoff))
        purged = None if expiry is None else routes.count(here.connection, routes.deleted_before(expiry))
    else:
        purged = None if expiry is None else _purge(here, routes, expiry)
        deleted = _soft_delete(here, routes, cutoff, stamp)
    return {**told, "records_deleted": deleted, "records_purged": purged}


def _soft_delete(here: Context, routes: History, cutoff: dt.datetime, stamp: dt.datetime) -> int:
    """Returns the rows of all attempts of the run."""
    waiting = routes.count(here.connection, routes.older(cutoff))
    here.in_batches(lambda: routes.soft_delete(here.connection, cutoff, stamp), waiting, "soft-deleting route history")
    return routes.count(here.connection, routes.deleted_on(stamp))


def _purge(here: Context, routes: History, expiry: dt.datetime) -> int:
    """Returns the rows that all attempts of the run deleted for good."""
    # Nobody soft-deletes in the past, so what is gone of these was deleted here.
    due: int = here.state.get("due") or routes.count(here.connection, routes.deleted_before(expiry))
    here.checkpoint({**here.state, "due": due})
    here.in_batches(lambda: routes.delete(here.connection, expiry), due, "deleting route history for good")
    return due - routes.count(here.connection, routes.deleted_before(expiry))
