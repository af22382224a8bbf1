"""The health of the grid: does it stand for the crimes that are held, and are those all that are published?"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import h3
import numpy as np
import shapely
from sqlalchemy import Connection, text

from jobs import areas, context
from jobs.catalogue import job
from jobs.context import Context
from jobs.database import make_room
from jobs.errors import JobError
from jobs.grid import store
from jobs.ingestion import borders
from jobs.ingestion.police import Police
from jobs.ingestion.run import MONTHS_BACK
from jobs.months import add_months, month_text

_MONTHS = text(
    """
    SELECT month, count(*) AS cells, sum(crime_count_total) AS crimes
    FROM safety_cells GROUP BY month ORDER BY month DESC
    """
)
_CELLS = text("SELECT h3_index, count(*) AS records FROM safety_cells GROUP BY h3_index")
_MISNAMED = text(
    """
    SELECT cell_id FROM safety_cells
    WHERE cell_id <> h3_index || to_char(month, '_YYYYMM') OR h3_index = ANY(CAST(:odd AS text[])) ORDER BY cell_id
    """
)
# Per month: the cells whose crimes, by category, are not those that are held.
_DIFFERENCES = text(
    """
    WITH crimes AS (
        SELECT month, to_hex(h3_cell) AS cell, category, n FROM (
            SELECT month, h3_cell, category, count(*) AS n FROM crime_incidents GROUP BY 1, 2, 3
        ) AS counted
    ), grid AS (
        SELECT month, h3_index AS cell, key AS category, value::bigint AS n
        FROM safety_cells, jsonb_each_text(stats)
    )
    SELECT month, coalesce(sum(crimes.n), 0) AS crimes, coalesce(sum(grid.n), 0) AS gridded,
           count(DISTINCT cell) FILTER (WHERE crimes.n IS DISTINCT FROM grid.n) AS cells
    FROM crimes FULL JOIN grid USING (month, cell, category)
    GROUP BY month HAVING bool_or(crimes.n IS DISTINCT FROM grid.n) ORDER BY month DESC
    """
)
_QUALITY = text(
    """
    SELECT count(*) AS total_records,
           count(*) FILTER (WHERE crime_count_total = 0) AS zero_crime_cells,
           coalesce(round(avg(crime_count_total), 2), 0) AS avg_crimes_per_cell,
           coalesce(max(crime_count_total), 0) AS max_crimes_per_cell
    FROM safety_cells
    """
)
# Weights are floats: a sum in another order differs in its last digits.
_WRONG_SUMS = text(
    """
    SELECT count(*) FILTER (WHERE total <> crime_count_total) AS totals,
           count(*) FILTER (WHERE abs(weighted - crime_count_weighted) > 1e-6) AS weights
    FROM (
        SELECT crime_count_total, crime_count_weighted, sum(n::bigint) AS total, sum(n::bigint * weight) AS weighted
        FROM safety_cells, jsonb_each_text(stats) AS counted (category, n)
        LEFT JOIN (
            SELECT category, weight FROM crime_weights JOIN weight_schemes ON name = scheme AND is_default
        ) AS weights USING (category)
        GROUP BY cell_id
    ) AS summed
    """
)
_STALE = text(
    """
    SELECT DISTINCT month FROM ingestion_runs LEFT JOIN grid_months USING (month)
    WHERE current AND (built_at IS NULL OR built_at < ended_at) ORDER BY month DESC
    """
)
_NOTED = text(
    """
    SELECT area, month, note->>'issue' AS issue, (note->>'count')::int AS count
    FROM ingestion_runs, jsonb_array_elements(issues) AS note WHERE current ORDER BY month DESC, area
    """
)
# Each area's held months, with how many crimes the others have in the middle.
_COUNTS = text(
    """
    SELECT area, month, records, unplaced, issues::text LIKE '%far fewer crimes than usual%' AS is_noted,
           array(SELECT force FROM area_forces WHERE area_forces.area = held.area ORDER BY 1) AS forces,
           (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY others.records) FROM ingestion_runs AS others
            WHERE others.current AND others.area = held.area AND others.month <> held.month
              AND others.border IS NOT DISTINCT FROM held.border
            HAVING count(*) >= 3) AS usual
    FROM ingestion_runs AS held WHERE current ORDER BY month DESC, area
    """
)
# The result is stored with the run: of more faults than this, their number is enough.
MOST_NAMED = 1_000
# Of the usual count of an area: beyond these a month is worth a person's look.
FEW, MANY = 0.5, 2.0
# A force's unplaced crimes are those of all its land, of which an area may be a part.
MANY_UNPLACED = 0.25


@dataclass
class Findings:
    """What is wrong, in plain words with the remedy. The worse kind decides the status."""

    faults: list[str] = field(default_factory=list)
    concerns: list[str] = field(default_factory=list)

    @property
    def status(self) -> str:
        """healthy, warning (quality concerns) or degraded (the grid cannot be trusted as it is)."""
        return "degraded" if self.faults else "warning" if self.concerns else "healthy"


@job(
    queue="maintenance",
    slug="validate-grid-health",
    joins_running=True,
    remedies={"grid_not_checked": "Check the grid"},
)
def validate_h3_grid_health() -> dict[str, Any]:
    """Check that the grid is whole, valid and up to date with the crimes and with the source."""
    here = context.current()
    found = Findings()
    missing = _missing_months(here, found)
    with here.connection.begin():
        make_room(here.connection)
        breakdown = [_month(row) for row in here.connection.execute(_MONTHS)]
        cells = _check_cells(here, found)
        _check_totals(here.connection, found)
        _check_ingestion(here.connection, found)
        _check_counts(here.connection, found)
        quality = here.connection.execute(_QUALITY).one()
    if not breakdown:
        found.faults.append("The grid is empty: run ingest_latest_crime_data, then rebuild_safety_grid")
    if quality.zero_crime_cells:
        found.concerns.append(f"{quality.zero_crime_cells} cells hold no crime: run rebuild_safety_grid force=true")
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
        },
        "data_quality": {**quality._mapping, "avg_crimes_per_cell": float(quality.avg_crimes_per_cell)},
        "issues": found.faults + found.concerns,
    }


def _month(row: Any) -> dict[str, Any]:
    return {"month": row.month.isoformat(), "cells": row.cells, "crimes": row.crimes}


def _missing_months(here: Context, found: Findings) -> list[str]:
    """Published in the last 12 months on offer and not held. The source's own lag is no gap."""
    try:
        published = Police.of(here.settings).months()
    except JobError as error:
        found.concerns.append(f"Which months are published could not be asked: {error}. Run this check again later")
        return []
    if not published:
        found.concerns.append("The source offers no months at all. Run this check again later")
        return []
    _check_borders(here.connection, published, found)
    with here.connection.begin():
        pairs = here.connection.execute(
            text("SELECT slug, month FROM areas LEFT JOIN ingestion_runs ON area = slug AND current")
        ).all()
    held = {(row.slug, row.month) for row in pairs}
    recent = [month for month in published if month >= add_months(published[0], 1 - MONTHS_BACK)]
    missing = [month for month in recent if any((slug, month) not in held for slug in {row.slug for row in pairs})]
    if missing:
        names = ", ".join(map(month_text, missing))
        found.faults.append(f"Published but not held: {names}. Run ingest_latest_crime_data")
    return [month.isoformat() for month in missing]


def _check_borders(connection: Connection, published: Sequence[dt.date], found: Findings) -> None:
    """Months that were brought in before their area was resized, and can be brought in again."""
    with connection.begin():
        held = [(area.slug, borders.outdated(connection, area.slug)) for area in areas.all_areas(connection)]
    for slug, months in held:
        if names := ", ".join(month_text(month) for month in months if month in published):
            found.concerns.append(
                f"{slug}: held within its former border are {names}. Run `safegrid backfill --area {slug}`"
            )


def _check_cells(here: Context, found: Findings) -> dict[str, Any]:
    resolution = here.settings.h3_resolution
    records = {row.h3_index: row.records for row in here.connection.execute(_CELLS)}
    valid = sorted(cell for cell in records if _is_valid(cell, resolution))
    invalid = list(here.connection.scalars(_MISNAMED, {"odd": sorted(records.keys() - valid)}))
    if invalid:
        found.faults.append(
            f"{len(invalid)} cell ids are not cells of resolution {resolution}, the first {invalid[0]}: "
            "run rebuild_safety_grid force=true"
        )
    if strays := _outside(here.connection, valid):
        found.faults.append(
            f"{len(strays)} cells lie in no area, the first {strays[0]}: run rebuild_safety_grid; where that does not "
            "mend it, ingest their months again"
        )
    return {
        "total_cells": sum(records.values()),
        "unique_h3_cells": len(records),
        "invalid_cell_ids": len(invalid),
        "invalid_cell_examples": invalid[:MOST_NAMED],
    }


def _is_valid(cell: str, resolution: int) -> bool:
    return bool(h3.is_valid_cell(cell) and h3.get_resolution(cell) == resolution)


def _outside(connection: Connection, cells: Sequence[str]) -> list[str]:
    """Cells whose centre is farther from every area than a cell is wide."""
    if not cells:
        return []
    centres = np.array([h3.cell_to_latlng(cell) for cell in cells])
    # Of the longest edges that H3 has, in degrees of longitude at the farthest latitude.
    edge_km = 1.5 * h3.average_hexagon_edge_length(h3.get_resolution(cells[0]), unit="km")
    wide = edge_km / (111.32 * max(0.01, np.cos(np.radians(np.abs(centres[:, 0]).max()))))
    held = [area.polygon for area in areas.all_areas(connection)]
    former = [border for some in areas.former_borders(connection).values() for border in some]
    near = shapely.union_all([border.buffer(wide) for border in held + former])
    shapely.prepare(near)
    inside = shapely.contains_xy(near, centres[:, 1], centres[:, 0])
    return [cell for cell, is_in in zip(cells, inside, strict=True) if not is_in]


def _check_counts(connection: Connection, found: Findings) -> None:
    for row in connection.execute(_COUNTS):
        where = f"{row.area} {month_text(row.month)}"
        if row.usual and row.records < FEW * row.usual and not row.is_noted:
            found.concerns.append(
                f"{where}: {row.records} crimes, usual are {row.usual:.0f}: "
                f"{' or '.join(row.forces) or 'a force'} may not have supplied all. "
                "Ingest the month again when the source has revised it"
            )
        if row.usual and row.records > MANY * row.usual:
            found.concerns.append(
                f"{where}: {row.records} crimes, usual are {row.usual:.0f}: look at the month before you trust it, "
                "and ingest it again"
            )
        share = row.unplaced / max(1, row.unplaced + row.records)
        if share > MANY_UNPLACED:
            found.concerns.append(
                f"{where}: {share:.0%} of the crimes ({row.unplaced}) have no place, so the grid is too pale there. "
                "Ingest the month again when the source has revised it"
            )


def _check_totals(connection: Connection, found: Findings) -> None:
    stale = set(connection.scalars(_STALE))
    differing = set()
    for row in connection.execute(_DIFFERENCES):
        differing.add(row.month)
        since = "not been rebuilt since its crimes came in" if row.month in stale else "been changed by other hands"
        found.faults.append(
            f"{month_text(row.month)}: {row.cells} cells do not stand for the crimes that are held (the grid counts "
            f"{row.gridded}, {row.crimes} are held); the month has {since}: "
            f"run rebuild_safety_grid until={month_text(row.month)} months=1 force=true"
        )
    for month in sorted(_built_from_others(connection) - differing, reverse=True):
        found.concerns.append(
            f"{month_text(month)}: the grid was built from an older state of its crimes, though the counts agree: "
            "run rebuild_safety_grid"
        )
    wrong = connection.execute(_WRONG_SUMS).one()
    if wrong.totals:
        found.faults.append(
            f"{wrong.totals} cells have a total that is not the sum of their categories: "
            "run rebuild_safety_grid force=true"
        )
    if wrong.weights:
        found.concerns.append(
            f"{wrong.weights} cells carry a weighted count of other weights: run rebuild_safety_grid force=true"
        )


def _built_from_others(connection: Connection) -> set[dt.date]:
    """Months whose grid is not of the fingerprint of what is held."""
    built = store.built_fingerprints(connection)
    held = store.month_states(connection, dt.date.min, dt.date.max)
    return {state.month for state in held if built.get(state.month, state.fingerprint) != state.fingerprint}


def _check_ingestion(connection: Connection, found: Findings) -> None:
    for row in connection.execute(_NOTED):
        found.concerns.append(
            f"{row.area} {month_text(row.month)}: {row.issue} ({row.count}). "
            "Ingest the month again when the source has revised it"
        )
