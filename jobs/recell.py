"""The job after a change of H3_RESOLUTION: the points of the crimes that are held get cells of the new resolution."""

from typing import Any

from sqlalchemy import select

from jobs import areas, cache, context, results
from jobs.catalogue import job
from jobs.context import Context
from jobs.held import points, summaries
from jobs.models.crimes import HeldMonth
from jobs.regrid import outdated


@job(queue="ingestion", slug="recell-crimes", follow_ups=outdated, result=results.Recelled)
def recell_crimes() -> dict[str, Any]:
    """Compute the cells of all crimes again after a change of H3_RESOLUTION, and then rebuild the grid."""
    here = context.current()
    if "recelled" not in here.state:
        _recell(here)
        cache.drop_snapshots(here.cache)
    return {"task": "recell_crimes", "h3_resolution": here.settings.h3_resolution, **here.state["recelled"]}


def _recell(here: Context) -> None:
    """All points or none: months share them."""
    resolution = here.settings.h3_resolution
    with here.connection.begin():
        # Whoever ingests meanwhile waits here, and takes the new resolution over.
        areas.lock(here.connection)
        held = here.connection.execute(select(HeldMonth.month, HeldMonth.crimes, HeldMonth.h3_resolution)).all()
        others = [row for row in held if row.h3_resolution != resolution]
        changed = points.recell(here.connection, resolution) if others else 0
        summaries.refresh_months(here.connection, [row.month for row in others], resolution)
        # Before the commit: a run that is killed right after it still tells what it did.
        here.checkpoint(
            {
                "recelled": {
                    "months_recelled": sorted(row.month.isoformat() for row in others),
                    "records_recelled": sum(row.crimes for row in others),
                    "distinct_points": changed,
                }
            }
        )
