"""The job that deletes runs of long ago. The sweep does the same once an hour, by the setting."""

import datetime as dt
from typing import Annotated, Any

from pydantic import Field

from jobs import context, database, results
from jobs.catalogue import job
from jobs.context import Context
from jobs.parameters import Between
from jobs.retention import ended


@job(queue="maintenance", slug="delete-runs", result=results.RunsDeleted)
def delete_old_runs(
    keep_days: Annotated[
        int | None, Between(1, 36500, "Days to keep a run after its end. Default: SAFEGRID_RUN_RETENTION_DAYS")
    ] = None,
    dry_run: Annotated[bool, Field(description="Only count what would be deleted; delete nothing")] = False,
) -> dict[str, Any]:
    """Delete runs that ended more than `keep_days` days ago."""
    here = context.current()
    days = keep_days or here.settings.run_retention_days
    # All attempts of a run have one cutoff, so that its counts are exact however often it stopped.
    cutoff = dt.datetime.fromisoformat(here.state.get("cutoff") or _ago(here, days).isoformat())
    counts = here.state.get("counts") or [dict(row._mapping) for row in ended.counts(here.connection, cutoff)]
    here.checkpoint({"cutoff": cutoff.isoformat(), "counts": counts})
    total = sum(one["runs"] for one in counts)
    if not dry_run:
        here.in_batches(lambda: ended.delete_before(here.connection, cutoff), total, "deleting runs")
    return {
        "task": "delete_old_runs",
        "dry_run": dry_run,
        "keep_days": days,
        "cutoff_date": cutoff.isoformat(),
        "counts": counts,
        "runs_deleted": total,
    }


def _ago(here: Context, days: int) -> dt.datetime:
    return database.now(here.connection) - dt.timedelta(days=days)
