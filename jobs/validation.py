"""The health of the grid: does it stand for the crimes that are held, and are those all that are published?"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from jobs import checks, context, results
from jobs.catalogue import job
from jobs.checks import Findings
from jobs.context import Context
from jobs.coverage import store as coverage_store
from jobs.database import make_room
from jobs.errors import JobError
from jobs.grid import audit
from jobs.grid.audit import Audit
from jobs.ingestion.police import Police
from jobs.ingestion.run import MONTHS_BACK
from jobs.months import add_months, month_text

_HELD = text(
    "SELECT slug, month, is_whole FROM areas LEFT JOIN area_months ON area = slug ORDER BY created_at, slug, month DESC"
)


@job(
    queue="maintenance",
    slug="validate-grid-health",
    joins_running=True,
    remedies={"grid_not_checked": "Check the grid"},
    result=results.GridValidated,
)
def validate_h3_grid_health() -> dict[str, Any]:
    """Check that the grid is whole, valid and up to date with the crimes and with the source."""
    here = context.current()
    found = Findings()
    missing = _missing_months(here, found)
    with here.connection.begin():
        make_room(here.connection)
        audits = audit.months(here.connection)
        cells = checks.cells(here.connection, here.settings.h3_resolution, audits, found)
        checks.totals(here.connection, audits, found)
        checks.ingestion(here.connection, found)
        checks.counts(here.connection, found)
        checks.coverage(here.connection, found)
        supplied = coverage_store.summary(here.connection)
    breakdown = [_month(one) for one in audits if one.cells]
    quality = _quality(audits)
    if not breakdown:
        found.faults.append("The grid is empty: run ingest_latest_crime_data, then rebuild_safety_grid")
    if quality["zero_crime_cells"]:
        found.concerns.append(
            f"{quality['zero_crime_cells']} cells have no crime: run `safegrid run rebuild_safety_grid --force`"
        )
    return {
        "task": "validate_h3_grid_health",
        "timestamp": dt.datetime.now(dt.UTC).isoformat(),
        "health_status": found.status,
        "grid_info": {
            "resolution": here.settings.h3_resolution,
            "cell_size_m": here.settings.cell_size_m,
            "grid_type": here.settings.grid_type,
        },
        "h3_validation": cells,
        "coverage": {
            "months_analyzed": len(breakdown),
            "missing_months": missing,
            "monthly_breakdown": breakdown,
            "forces": supplied,
        },
        "data_quality": quality,
        "issues": found.faults + found.concerns,
    }


def _month(one: Audit) -> dict[str, Any]:
    return {"month": one.month.isoformat(), "cells": one.cells, "crimes": one.crimes}


def _quality(audits: Sequence[Audit]) -> dict[str, Any]:
    cells, crimes = sum(one.cells for one in audits), sum(one.crimes for one in audits)
    return {
        "total_records": cells,
        "zero_crime_cells": sum(one.without_crime for one in audits),
        "avg_crimes_per_cell": round(crimes / cells, 2) if cells else 0.0,
        "max_crimes_per_cell": max((one.most for one in audits), default=0),
    }


def _missing_months(here: Context, found: Findings) -> list[str]:
    """Published in the last 12 months on offer and not held. The source's own lag is no gap."""
    try:
        published = Police.of_run(here).months()
    except JobError as error:
        found.concerns.append(f"The published months could not be checked: {error}. Run this check again later")
        return []
    if not published:
        found.concerns.append("The source lists no months. Run this check again later")
        return []
    with here.connection.begin():
        rows = here.connection.execute(_HELD).all()
    _check_borders(rows, published, found)
    held = {(row.slug, row.month) for row in rows if row.month}
    recent = [month for month in published if month >= add_months(published[0], 1 - MONTHS_BACK)]
    missing = [month for month in recent if any((slug, month) not in held for slug in {row.slug for row in rows})]
    if missing:
        names = ", ".join(map(month_text, missing))
        found.faults.append(f"Published but not ingested: {names}. Run ingest_latest_crime_data")
    return [month.isoformat() for month in missing]


def _check_borders(rows: Sequence[Any], published: Sequence[dt.date], found: Findings) -> None:
    """Months of which a part of an area is not held, such as what its border was moved over."""
    partly: dict[str, list[str]] = {}
    for row in rows:
        if row.month in published and not row.is_whole:
            partly.setdefault(row.slug, []).append(month_text(row.month))
    for slug, months in partly.items():
        are = "is" if len(months) == 1 else "are"
        found.concerns.append(
            f"{slug}: {', '.join(months)} {are} ingested only for a part of the area. Run `safegrid backfill "
            f"--area {slug}`"
        )
