"""Cells by the streets that most of their crimes are at: what a person calls them by."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Annotated, Any, Final

import h3.api.basic_int as h3
from pydantic import BeforeValidator, Field, WithJsonSchema
from sqlalchemy import Connection, text

from jobs.cell_ids import number_of
from jobs.gazetteer import names
from jobs.grid import cells, coarse
from jobs.grid.period import Period
from jobs.grid.query import CellQuery
from jobs.grid.region import ranges

MOST_CELLS: Final = 20
_NAMED: Final = 3
# A cell of 0.7 km2. One of a whole town has a thousand streets, none of which is its name.
_NAMED_BY: Final = 8
# Cell by cell, and point by point, each a look into an index: PostgreSQL expects a hundred thousand points in any
# range, and would read all points and crimes.
_STREETS = text(
    """
    SELECT cell, street_name, sum(n)::bigint AS n
    FROM unnest(CAST(:cells AS bigint[]), CAST(:lows AS bigint[]), CAST(:highs AS bigint[]))
        AS wanted (cell, low, high)
    CROSS JOIN LATERAL (SELECT id, street_name FROM points WHERE h3_cell BETWEEN low AND high OFFSET 0) AS inside
    CROSS JOIN LATERAL (
        SELECT count(*) AS n FROM crime_incidents
        WHERE point_id = inside.id AND month = ANY(CAST(:months AS date[]))
        AND (cardinality(CAST(:categories AS text[])) = 0 OR category = ANY(CAST(:categories AS text[])))
    ) AS counted WHERE n > 0 GROUP BY 1, 2
    """
)
Street = dict[str, Any]
"""name, crimes"""


def _cells(value: Any) -> Any:
    """Raises ValueError."""
    if not isinstance(value, str):
        return value
    given = value.split(",")
    if len(given) > MOST_CELLS:
        raise ValueError(f"must be at most {MOST_CELLS} cells")
    found = [number_of(one.strip()) for one in given]
    if None in found:
        raise ValueError(
            f"must be H3 cells, separated by commas ({given[found.index(None)].strip()[:20] or 'nothing'} is not one)"
        )
    return tuple(dict.fromkeys(found))


class StreetsQuery(CellQuery):
    """Which cells are to be named, by which crimes."""

    cells: Annotated[
        tuple[int, ...],
        BeforeValidator(_cells),
        WithJsonSchema({"type": "string", "description": f"H3 cells, {MOST_CELLS} at most, separated by commas"}),
    ] = Field()


def of_cells(
    connection: Connection, wanted: Sequence[int], query: CellQuery, scheme: str, period: Period
) -> dict[int, list[Street]]:
    """{cell: its streets}: those that most crimes of the period are at, three at most, the most frequent first.

    A cell that is coarser than resolution 8 has those of its busiest cell of that resolution. What the source calls by
    its kind, such as `Supermarket`, names a cell that has no street. scheme: as of `cells.read`.
    """
    named = {cell: _busiest(connection, cell, query, scheme, period) for cell in wanted}
    parts = [(cell, low, high) for cell, part in named.items() for low, high in ranges([part], period.resolutions)]
    values = {
        "cells": [cell for cell, _, _ in parts],
        "lows": [int(low, 16) for _, low, _ in parts],
        "highs": [int(high, 16) for _, _, high in parts],
        "months": list(period.months),
        "categories": list(query.category),
    }
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    for row in connection.execute(_STREETS, values):
        counts[row.cell][row.street_name] += row.n
    return {cell: _commonest(counts[cell]) for cell in wanted}


def _busiest(connection: Connection, cell: int, query: CellQuery, scheme: str, period: Period) -> int:
    """The cell itself, or that of its descendants by which it is named: the busiest of the busiest."""
    for resolution in (max(coarse.RESOLUTIONS), _NAMED_BY):
        if h3.get_resolution(cell) < resolution <= min(period.resolutions, default=0):
            inside = cells.read(connection, query, scheme, period, resolution, [cell])
            cell = int(inside.ids[inside.counts.argmax()]) if len(inside.ids) else cell
    return cell


def _commonest(counts: Counter[str]) -> list[Street]:
    """Of the counts by the source's names."""
    streets: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    for source, crimes in counts.items():
        if not names.is_nameless(source):
            (kinds if names.is_kind(source) else streets)[names.shown(source)] += crimes
    ordered = sorted((streets or kinds).items(), key=lambda one: (-one[1], one[0]))
    return [{"name": name, "crimes": crimes} for name, crimes in ordered[:_NAMED]]
