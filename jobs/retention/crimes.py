"""The job that deletes crimes of long ago, month by month."""

import datetime as dt
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy.exc import OperationalError

from jobs import cache, context, results
from jobs.catalogue import job
from jobs.context import Context
from jobs.errors import JobError
from jobs.held import deleting
from jobs.migrations import locks
from jobs.months import month_text
from jobs.parameters import Between
from jobs.retention import kept
from jobs.settings import LEAST_MONTHS


@job(queue="maintenance", slug="delete-crimes", cron="30 4 * * 0", result=results.CrimesDeleted)
def delete_old_crimes(
    keep_months: Annotated[
        int | None,
        Between(
            LEAST_MONTHS,
            1200,
            "Months to keep, counted back from the newest ingested month. Default: SAFEGRID_CRIME_RETENTION_MONTHS",
        ),
    ] = None,
    dry_run: Annotated[bool, Field(description="Only count what would be deleted; delete nothing")] = False,
) -> dict[str, Any]:
    """Delete the crimes of months that are older than the newest `keep_months`, and their part of the grid."""
    here = context.current()
    keep = keep_months or here.settings.crime_retention_months
    with here.connection.begin():
        oldest = kept.oldest(here.connection, keep)
        expired = deleting.months_before(here.connection, oldest)
        found = {month.isoformat(): deleting.counts(here.connection, month) for month in expired} if dry_run else {}
    gone = found if dry_run else _delete(here, expired)
    return {
        "task": "delete_old_crimes",
        "dry_run": dry_run,
        "keep_months": keep,
        "oldest_kept": None if oldest == dt.date.min else oldest.isoformat(),
        "months": [{"month": month, **counts} for month, counts in sorted(gone.items())],
        "crimes_deleted": sum(counts["crimes"] + counts["unplaced"] for counts in gone.values()),
    }


def _delete(here: Context, expired: list[dt.date]) -> dict[str, dict[str, int]]:
    """{month: what it had} of all that this run has deleted, an earlier attempt's too."""
    gone: dict[str, dict[str, int]] = dict(here.state.get("gone", {}))
    for done, month in enumerate(expired):
        here.progress(done, len(expired), month_text(month))
        _delete_month(here, month, gone)
        # After the commit: before it, a reader would put back what is being deleted.
        cache.drop_snapshots(here.cache)
    here.progress(len(expired), len(expired))
    return gone


def _delete_month(here: Context, month: dt.date, gone: dict[str, dict[str, int]]) -> None:
    """Wait for the month's table shortly and again: whoever reads crimes waits behind a statement that waits for it."""
    for _ in range(locks.TRIES):
        try:
            with here.connection.begin():
                gone[month.isoformat()] = deleting.delete_month(here.connection, month)
                # Before the commit: a run that is killed right after it still tells what it deleted.
                here.checkpoint({"gone": gone})
            return
        except OperationalError as error:
            if not locks.is_lock_timeout(error):
                raise
            here.leave_if_stopping()
            locks.make_way()
    raise JobError(
        f"{month_text(month)} was not deleted, because other transactions kept reading its crimes. Try again later"
    )
