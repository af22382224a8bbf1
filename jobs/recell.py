"""The job after a change of H3_RESOLUTION: the crimes that are held get cells of the new resolution."""

import datetime as dt
from typing import Any

import h3.api.basic_int as h3
from sqlalchemy import Connection, select, text, update

from jobs import cache, context
from jobs.catalogue import job
from jobs.crimes import fingerprint
from jobs.database import copy, lock
from jobs.models.crimes import CrimeIncident, IngestionRun
from jobs.months import month_text
from jobs.regrid import outdated

Points = dict[tuple[float, float], int]
"""{(latitude, longitude): cell}"""

_RECELL = text(
    """
    UPDATE crime_incidents SET h3_cell = points.h3_cell FROM points
    WHERE area = :area AND month = :month
      AND crime_incidents.latitude = points.latitude AND crime_incidents.longitude = points.longitude
    """
)
_COUNTS = text(
    """
    SELECT h3_cell, category, count(*) AS n FROM crime_incidents WHERE area = :area AND month = :month GROUP BY 1, 2
    """
)


@job(queue="ingestion", slug="recell-crimes", follow_ups=outdated)
def recell_crimes() -> dict[str, Any]:
    """Compute the cells of all crimes anew, after H3_RESOLUTION was changed. The grid is rebuilt next."""
    here = context.current()
    resolution = here.settings.h3_resolution
    with here.connection.begin():
        others = here.connection.execute(
            select(IngestionRun.area, IngestionRun.month)
            .where(IngestionRun.current, IngestionRun.h3_resolution != resolution)
            .order_by(IngestionRun.month.desc(), IngestionRun.area)
        ).all()
    points: Points = {}
    # {"area month": crimes} of all attempts of this run, so that its result tells what the whole run did.
    changed: dict[str, int] = here.state.get("recelled", {})
    for done, (area, month) in enumerate(others, 1):
        with here.connection.begin():
            changed[f"{area} {month}"] = recell_month(here.connection, area, month, resolution, points)
            # Before the commit: killed in between, the next attempt does the month again and counts it once.
            here.checkpoint({"recelled": changed})
        here.progress(done, len(others), f"{area} {month_text(month)}")
    cache.drop_snapshots(here.cache)
    return {
        "task": "recell_crimes",
        "h3_resolution": resolution,
        "months_recelled": sorted({name.rpartition(" ")[2] for name in changed}),
        "records_recelled": sum(changed.values()),
        "distinct_points": len(points),
    }


def recell_month(connection: Connection, area: str, month: dt.date, resolution: int, points: Points) -> int:
    """Bring an area's month to `resolution`, as if it had been ingested so. Returns its crimes.

    `points` are those that are known, and take in the month's. Part of the caller's transaction.
    """
    # The lock of whoever ingests the month: a snapshot that comes in meanwhile has its cells already.
    lock(connection, f"safegrid:month:{area}:{month}")
    where = {"area": area, "month": month}
    distinct = select(CrimeIncident.latitude, CrimeIncident.longitude).filter_by(**where).distinct()
    held = [(row.latitude, row.longitude) for row in connection.execute(distinct)]
    for lat, lng in held:
        if (lat, lng) not in points:
            points[lat, lng] = h3.latlng_to_cell(lat, lng, resolution)
    columns = "latitude float8, longitude float8, h3_cell bigint"
    connection.execute(text(f"CREATE TEMPORARY TABLE points ({columns}) ON COMMIT DROP"))
    rows = ((repr(lat), repr(lng), points[lat, lng]) for lat, lng in held)
    copy(connection, "points", ("latitude", "longitude", "h3_cell"), rows)
    # PostgreSQL knows nothing of a table so fresh, and might compare every crime with every point.
    connection.execute(text("ANALYZE points"))
    changed = connection.execute(_RECELL, where).rowcount
    counts = {(row.h3_cell, row.category): row.n for row in connection.execute(_COUNTS, where)}
    connection.execute(
        update(IngestionRun)
        .filter_by(**where, current=True)
        .values(h3_resolution=resolution, fingerprint=fingerprint(resolution, counts))
    )
    return changed
