"""What is wrong with the grid and with the crimes that are held: each check adds what it finds."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import h3
import numpy as np
import shapely
from sqlalchemy import Connection, text

from jobs import areas, crimes
from jobs.coverage import store as supplied
from jobs.coverage.reading import DID
from jobs.grid import generations
from jobs.grid.audit import Audit
from jobs.months import month_text, months_text

_CELLS = text("SELECT h3_index FROM safety_cells GROUP BY h3_index")
_MISNAMED = text(
    """
    SELECT cell_id FROM safety_cells
    WHERE cell_id <> h3_index || to_char(month, '_YYYYMM') OR h3_index = ANY(CAST(:odd AS text[])) ORDER BY cell_id
    """
)
# Of months that differ: the cells whose crimes, by category, are not those that are held.
_DIFFERENCES = text(
    """
    WITH crimes AS (
        SELECT month, to_hex(h3_cell) AS cell, category, n FROM (
            SELECT month, h3_cell, category, count(*) AS n FROM placed_crimes
            WHERE month = ANY(:months) GROUP BY 1, 2, 3
        ) AS counted
    ), grid AS (
        SELECT month, h3_index AS cell, key AS category, value::bigint AS n
        FROM safety_cells, jsonb_each_text(stats) WHERE month = ANY(:months)
    )
    SELECT month, coalesce(sum(crimes.n), 0) AS crimes, coalesce(sum(grid.n), 0) AS gridded,
           count(DISTINCT cell) FILTER (WHERE crimes.n IS DISTINCT FROM grid.n) AS cells
    FROM crimes FULL JOIN grid USING (month, cell, category)
    GROUP BY month HAVING bool_or(crimes.n IS DISTINCT FROM grid.n) ORDER BY month DESC
    """
)
_STALE = text(
    """
    SELECT month FROM held_months LEFT JOIN grid_months USING (month)
    WHERE built_at IS NULL OR built_at < changed_at ORDER BY month DESC
    """
)
_NOTED = text(
    """
    SELECT area, month, note->>'issue' AS issue, (note->>'count')::int AS count
    FROM ingestion_runs, jsonb_array_elements(issues) AS note
    WHERE id IN (SELECT ingestion_id FROM area_months) AND NOT note ? 'force' ORDER BY month DESC, area
    """
)
# An area's months that no force is known to have left out, with how many crimes the others have in the middle.
_COUNTS = text(
    """
    WITH good AS (
        SELECT area, month, records FROM area_months AS held WHERE is_whole AND NOT EXISTS (
            SELECT FROM area_coverage AS bad WHERE (bad.area, bad.month) = (held.area, held.month)
            AND status IN ('missing', 'partial')
        )
    )
    SELECT area, month, records, (
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY others.records) FROM good AS others
        WHERE others.area = good.area AND others.month <> good.month HAVING count(*) >= 3
    ) AS usual
    FROM good ORDER BY month DESC, area
    """
)
_UNKNOWN_LAND = text(
    """
    SELECT DISTINCT area FROM area_months WHERE area NOT IN (SELECT area FROM area_forces)
    AND area NOT IN (SELECT area FROM area_coverage WHERE force <> 'btp') ORDER BY area
    """
)
# Of a force all of whose land lies in the area: of a part, its crimes without a place say nothing.
_PALE = text(
    """
    SELECT area, force, month, unplaced, unplaced::float / (unplaced + placed) AS share FROM area_coverage
    WHERE is_whole AND unplaced > :many * (unplaced + placed) ORDER BY month DESC, area, force
    """
)
# The result is stored with the run: of more faults than this, their number is enough.
MOST_NAMED = 1_000
# Of the usual count of an area: beyond this a month is worth a person's look.
MANY = 2.0
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


def cells(connection: Connection, resolution: int, audits: Sequence[Audit], found: Findings) -> dict[str, Any]:
    """Ids that are no cells of this resolution, or not their record's, and cells outside every area."""
    unique = connection.scalars(_CELLS).all()
    valid = sorted(cell for cell in unique if _is_valid(cell, resolution))
    odd = sorted({*unique} - {*valid}) if len(valid) < len(unique) else []
    is_named_well = not odd and not any(month.misnamed for month in audits)
    invalid = [] if is_named_well else list(connection.scalars(_MISNAMED, {"odd": odd}))
    if invalid:
        found.faults.append(
            f"{len(invalid)} cell ids are not cells of resolution {resolution}, the first {invalid[0]}: "
            "run `safegrid run rebuild_safety_grid --force`"
        )
    if strays := _outside(connection, valid):
        found.faults.append(
            f"{len(strays)} cells lie in no area, the first {strays[0]}: run rebuild_safety_grid. If that does not "
            "help, ingest their months again"
        )
    return {
        "total_cells": sum(month.cells for month in audits),
        "unique_h3_cells": len(unique),
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
    near = shapely.union_all([area.polygon.buffer(wide) for area in areas.all_areas(connection)])
    shapely.prepare(near)
    inside = shapely.contains_xy(near, centres[:, 1], centres[:, 0])
    return [cell for cell, is_in in zip(cells, inside, strict=True) if not is_in]


def counts(connection: Connection, found: Findings) -> None:
    """Months of far more crimes than their area usually has, or of many without a place."""
    for row in connection.execute(_COUNTS):
        if row.usual and row.records > MANY * row.usual:
            found.concerns.append(
                f"{row.area} {month_text(row.month)}: {row.records} crimes, but {row.usual:.0f} are usual: check the "
                "month, and ingest it again"
            )
    for row in connection.execute(_PALE, {"many": MANY_UNPLACED}):
        found.concerns.append(
            f"{row.area} {month_text(row.month)}: {row.share:.0%} of the crimes of {row.force} ({row.unplaced}) have "
            "no place, so the grid shows too few crimes there. Ingest the month again after a revision"
        )


def coverage(connection: Connection, found: Findings) -> None:
    """Forces that supplied nothing of a month, or not all: their land looks safer than it is."""
    for row in supplied.not_supplied(connection):
        found.concerns.append(
            f"{row.area}: {row.force} {DID[row.status]} {months_text(row.months)}. {row.reason}. Fewer crimes "
            "there do not mean safer. Ingest the months again when the force has supplied them"
        )
    for area in connection.scalars(_UNKNOWN_LAND):
        found.concerns.append(
            f"{area}: the forces of its land are not known: run `safegrid run locate_forces --area {area}`"
        )


def totals(connection: Connection, audits: Sequence[Audit], found: Findings) -> None:
    """Cells that do not stand for the crimes that are held, or whose sums are not those of their categories."""
    behind = _left_behind(connection, found)
    stale = set(connection.scalars(_STALE))
    differing = set()
    # A cell that stands twice in a month adds up to what is held.
    suspect = [one.month for one in audits if (one.differs or one.misnamed) and one.month not in behind]
    for row in connection.execute(_DIFFERENCES, {"months": suspect}) if suspect else ():
        differing.add(row.month)
        since = "not been rebuilt since its ingestion" if row.month in stale else "been changed by another program"
        found.faults.append(
            f"{month_text(row.month)}: {row.cells} cells differ from the ingested crimes ({row.gridded} in the "
            f"grid, {row.crimes} ingested); the month has {since}: "
            f"run `safegrid run rebuild_safety_grid --force --months 1 --until {month_text(row.month)}`"
        )
    for month in sorted(_built_from_others(connection) - differing - behind, reverse=True):
        found.concerns.append(
            f"{month_text(month)}: the grid was built from older crimes, although the counts agree: "
            "run rebuild_safety_grid"
        )
    _sums(audits, found)


def _left_behind(connection: Connection, found: Findings) -> set[dt.date]:
    """Months that the grid has otherwise than they are held, while rebuilds are paused: somebody wants it so."""
    paused = generations.pause(connection)
    if paused is None:
        return set()
    built = crimes.built_fingerprints(connection)
    held = {state.month: state.fingerprint for state in crimes.month_states(connection, dt.date.min, dt.date.max)}
    months = {month for month in {*built, *held} if built.get(month) != held.get(month)}
    if months:
        names = ", ".join(map(month_text, sorted(months, reverse=True)))
        found.concerns.append(f"{generations.said(paused)}. The grid differs from the stored crimes of {names}")
    return months


def _sums(audits: Sequence[Audit], found: Findings) -> None:
    if totals := sum(month.wrong_totals for month in audits):
        found.faults.append(
            f"{totals} cells have a total that differs from the sum of their categories: run `safegrid run "
            "rebuild_safety_grid --force`"
        )
    for month in (one.month for one in audits if one.coarse_differs and not one.differs):
        found.faults.append(
            f"{month_text(month)}: the coarse cells are not the sums of the fine cells, so the zoomed-out "
            "map is wrong: "
            f"run `safegrid run rebuild_safety_grid --force --months 1 --until {month_text(month)}`"
        )
    if weights := sum(month.wrong_weights for month in audits):
        found.concerns.append(
            f"{weights} cells have a weighted count from other weights: run `safegrid run rebuild_safety_grid --force`"
        )


def _built_from_others(connection: Connection) -> set[dt.date]:
    """Months whose grid is not of the fingerprint of what is held."""
    built = crimes.built_fingerprints(connection)
    held = crimes.month_states(connection, dt.date.min, dt.date.max)
    return {state.month for state in held if built.get(state.month, state.fingerprint) != state.fingerprint}


def ingestion(connection: Connection, found: Findings) -> None:
    """What was noted when the held months came in."""
    for row in connection.execute(_NOTED):
        found.concerns.append(
            f"{row.area} {month_text(row.month)}: {row.issue} ({row.count}). Ingest the month again after a revision"
        )
