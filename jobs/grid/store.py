"""The grid in PostgreSQL: built by aggregation there, a month at a time, and replaced in one transaction."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import h3
from sqlalchemy import Connection, Row, TextClause, func, select, text

from jobs.crimes import MonthState
from jobs.database import copy
from jobs.errors import PermanentError
from jobs.events import outbox
from jobs.grid import coarse
from jobs.models.crimes import HeldMonth
from jobs.models.grid import GridGeneration, GridMonth

# In the order of the indexes, which then grow at few places at a time; sorted once, for both steps of grouping.
# `to_hex` of a cell's number is its usual text.
_CELLS = """
    SELECT to_hex(h3_cell) AS cell, sum(n) AS total, jsonb_object_agg(category, n) AS stats, sum(n * weight) AS weighted
    FROM (SELECT * FROM {} LEFT JOIN weights USING (category) ORDER BY h3_cell, category OFFSET 0) AS sorted
    GROUP BY h3_cell ORDER BY h3_cell
"""
_BUILD = """
    WITH weights AS (
        SELECT category, weight FROM crime_weights JOIN weight_schemes ON name = scheme AND is_default
    ), counted AS ({counted}), {coarse}, coarsely AS (
        INSERT INTO coarse_cells (month, h3_index, crime_count_total, crime_count_weighted, stats)
        SELECT :month, cell, total, weighted, stats FROM ({coarse_cells}) AS cells
    ), kept AS (
        INSERT INTO kept_counts (month, generation, category, h3_cells, counts)
        SELECT :month, :generation, category, array_agg(h3_cell), array_agg(n) FROM counted GROUP BY category
    )
    INSERT INTO safety_cells
        (cell_id, h3_index, h3_resolution, month, crime_count_total, crime_count_weighted, stats)
    SELECT cell || :suffix, cell, :resolution, :month, total, weighted, stats FROM ({cells}) AS cells
"""


def _build(counted: str) -> TextClause:
    """The statement that makes the cells of a month, fine and coarse, of what `counted` selects."""
    cells, coarse_cells = _CELLS.format("counted"), _CELLS.format("coarse")
    return text(_BUILD.format(counted=counted, coarse=coarse.summed("counted"), coarse_cells=coarse_cells, cells=cells))


_FROM_CRIMES = _build(
    "SELECT h3_cell, category, count(*)::int AS n FROM crime_incidents JOIN points ON points.id = point_id "
    "WHERE month = :month GROUP BY 1, 2 ORDER BY 1, 2"
)
_FROM_KEPT = _build(
    "SELECT h3_cell, category, n FROM kept_counts, unnest(h3_cells, counts) AS unpacked (h3_cell, n) "
    "WHERE month = :month AND generation = :former"
)
# The crimes as the coarsest cells sum them: of those there are few.
_NOTE = text(
    """
    INSERT INTO grid_months (month, fingerprint, generation, h3_resolution, cells, crimes, built_at)
    SELECT :month, :fingerprint, :generation, :resolution, :cells, coalesce(sum(crime_count_total), 0),
           coalesce(CAST(:built_at AS timestamptz), now())
    FROM coarse_cells WHERE month = :month AND h3_index BETWEEN :first AND :last
    """
)
_KEEP = text(
    """
    INSERT INTO kept_months (month, generation, until, fingerprint, h3_resolution, cells, crimes, built_at)
    SELECT month, generation, :until, fingerprint, h3_resolution, cells, crimes, built_at
    FROM grid_months WHERE month = :month AND generation < :until
    """
)
_STATISTICS = text(
    """
    SELECT count(*) AS unique_cells, coalesce(sum(n), 0)::bigint AS total_cell_months,
           coalesce(sum(crimes), 0)::bigint AS total_crimes,
           coalesce(round(sum(crimes) / sum(n), 2), 0) AS avg_crimes_per_cell,
           coalesce(max(most), 0) AS max_crimes_per_cell
    FROM (
        SELECT count(*) AS n, sum(crime_count_total) AS crimes, max(crime_count_total) AS most
        FROM safety_cells WHERE month = ANY(:months) GROUP BY h3_index
    ) AS cells
    """
)
# Categories first: where all have weights, no crime is looked at.
_UNWEIGHTED = text(
    """
    SELECT slug FROM crime_categories WHERE slug NOT IN (
        SELECT category FROM crime_weights JOIN weight_schemes ON weight_schemes.name = scheme AND is_default
    ) AND EXISTS (SELECT FROM crime_incidents WHERE category = slug AND month = ANY(:months)) ORDER BY slug
    """
)
_PUBLISH = text(
    """
    INSERT INTO grid_generations (generation, restores, areas)
    SELECT :generation, :restores, coalesce(array_agg(slug ORDER BY created_at, slug), '{}') FROM areas
    """
)
_SHAPELESS = text(
    "SELECT h3_index FROM safety_cells WHERE month = ANY(:months) EXCEPT SELECT h3_index FROM cell_shapes"
)


class OtherResolution(PermanentError):
    """Crimes whose cells were computed at another resolution than the one that is set."""


class NoWeight(PermanentError):
    """Crimes of a category that the default scheme of weights leaves out."""


def next_generation(connection: Connection) -> int:
    """Number of the generation that is about to be built."""
    return (connection.scalar(select(func.max(GridGeneration.generation))) or 0) + 1


def check(connection: Connection, states: Sequence[MonthState], resolution: int) -> None:
    """Raises OtherResolution or NoWeight where a grid of these months would not be what it says."""
    for state in states:
        if state.resolution != resolution:
            raise OtherResolution(
                f"The crimes of {state.month:%Y-%m} lie in cells of resolution {state.resolution} and H3_RESOLUTION is "
                f"{resolution}: run recell_crimes, or reset H3_RESOLUTION"
            )
    if unweighted := connection.scalars(_UNWEIGHTED, {"months": [state.month for state in states]}).all():
        raise NoWeight(
            f"The default scheme has no weight for {', '.join(unweighted)}: add it to the table "
            "crime_weights, then rebuild the grid"
        )


def build_month(connection: Connection, state: MonthState, resolution: int, generation: int) -> None:
    """Build the cells of one month anew, fine and coarse. Part of the caller's transaction."""
    values = {"fingerprint": state.fingerprint, "resolution": resolution, "built_at": None}
    _replace_month(connection, state.month, generation, _FROM_CRIMES, values)


def restore_month(connection: Connection, kept: Row[Any], generation: int) -> None:
    """Make the cells of a month those of a row of `kept_months`, weighed by the present default scheme.

    Part of the caller's transaction.
    """
    values = {"fingerprint": kept.fingerprint, "resolution": kept.h3_resolution, "built_at": kept.built_at}
    _replace_month(connection, kept.month, generation, _FROM_KEPT, {**values, "former": kept.generation})


def _replace_month(
    connection: Connection, month: dt.date, generation: int, build: TextClause, values: Mapping[str, Any]
) -> None:
    drop_month(connection, month, generation)
    given = {**values, "month": month, "generation": generation, "suffix": f"_{month:%Y%m}"}
    built = connection.execute(build, given)
    first, last = coarse.whole(coarse.RESOLUTIONS[-1])
    connection.execute(_NOTE, {**given, "cells": built.rowcount, "first": first, "last": last})


def drop_month(connection: Connection, month: dt.date, generation: int) -> None:
    """Take a month out of the grid, whose next generation this is; earlier ones keep it."""
    connection.execute(_KEEP, {"month": month, "until": generation})
    for table in ("safety_cells", "coarse_cells", "grid_months"):
        connection.execute(text(f"DELETE FROM {table} WHERE month = :month"), {"month": month})  # noqa: S608 - constants


def drop_unheld(connection: Connection, generation: int) -> list[dt.date]:
    """Take the months out of the grid whose crimes no area holds any more. Returns them."""
    held = select(HeldMonth.month)
    gone = list(connection.scalars(select(GridMonth.month).where(GridMonth.month.not_in(held))))
    for month in gone:
        drop_month(connection, month, generation)
    return gone


def publish(
    connection: Connection,
    generation: int,
    months: Sequence[dt.date] | None = None,
    removed: Sequence[dt.date] = (),
    restores: int | None = None,
) -> None:
    """Make this the generation that readers see, as of the commit of the caller's transaction.

    months: those that it changed, every one where none is named.
    """
    connection.execute(_PUBLISH, {"generation": generation, "restores": restores})
    changed = connection.scalars(select(GridMonth.month)).all() if months is None else months
    data = {
        "generation": generation,
        "months": [month.isoformat() for month in sorted(changed)],
        "removed": [month.isoformat() for month in sorted(removed)],
    }
    outbox.note(connection, "grid_published", generation, data)


def shape_cells(connection: Connection, months: Sequence[dt.date]) -> None:
    """Draw the hexagons of the cells that these months added, where PostGIS is there. One row a distinct cell."""
    if connection.scalar(text("SELECT to_regclass('cell_shapes') IS NULL")):
        return
    fresh = connection.scalars(_SHAPELESS, {"months": list(months)})
    copy(connection, "cell_shapes", ("h3_index", "shape"), ((cell, _hexagon(cell)) for cell in fresh))


def _hexagon(cell: str) -> str:
    ring = h3.cell_to_boundary(cell)
    corners = ", ".join(f"{lng!r} {lat!r}" for lat, lng in (*ring, ring[0]))
    return f"SRID=4326;POLYGON(({corners}))"


def statistics(connection: Connection, months: Sequence[dt.date]) -> dict[str, Any]:
    """Totals over the cells of these months."""
    row = connection.execute(_STATISTICS, {"months": list(months)}).one()
    return {**row._mapping, "avg_crimes_per_cell": float(row.avg_crimes_per_cell)}
