"""The costs of edges: how long each is, how many crimes there are along it, and what a router is to make of that."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from jobs.edges import tables
from jobs.edges.tables import Edges
from jobs.grid.cells import FEW
from jobs.grid.paths.scores import Sums
from jobs.grid.paths.ways import Ways
from jobs.grid.query import CellQuery, QueryRefused
from jobs.grid.reading import Grid

COLUMNS: Final = ("length_m", "crimes", "weighted", "weighted_per_km_month", "covered", "few_data", "cost")
# A millionth of a metre or of a crime: more than any of them is known to.
_DECIMALS: Final = 6


@dataclass
class Tally:
    """What has become of the edges so far."""

    edges: int = 0
    length_m: float = 0.0
    uncovered: int = 0
    few_data: int = 0
    months: list[str] = field(default_factory=list)


def score(
    grid: Grid, source: Path, target: Path, query: CellQuery, buffer_m: float, aversion_m: float
) -> Iterator[Tally]:
    """Write the costs of the edges of `source` to `target`; yields after some edges each. One state of the grid.

    aversion_m: metres of detour that one weighted crime a month is worth. Raises EdgesRefused, QueryRefused.
    """
    tally = Tally()
    with grid.ways(query) as ways, tables.written(target, COLUMNS) as file:
        tally.months = ways.about["months"]
        for edges in tables.read(source):
            found = _sums(ways, edges, buffer_m)
            columns = _columns(found, ways.months, aversion_m)
            file.write(edges.ids, columns)
            tally.edges += len(edges.ids)
            tally.length_m += float(found.length_m.sum())
            tally.uncovered += columns["cost"].count(None)
            tally.few_data += sum(columns["few_data"])
            yield tally


def _sums(ways: Ways, edges: Edges, buffer_m: float) -> Sums:
    """In halves, where all of them have too many cells."""
    try:
        return ways.sums(edges.lines, buffer_m)
    except QueryRefused as error:
        half = len(edges.lines) // 2
        if half == 0:
            raise tables.EdgesRefused(f"Edge {edges.first} is too long for a buffer of {buffer_m} m: {error}") from None
        parts = (
            Edges(edges.first, edges.ids[:half], edges.lines[:half]),
            Edges(edges.first + half, edges.ids[half:], edges.lines[half:]),
        )
        return Sums.joined([_sums(ways, part, buffer_m) for part in parts])


def _columns(found: Sums, months: int, aversion_m: float) -> dict[str, list[Any]]:
    # A rectangle without area, of an edge without length, has nothing that could be held.
    covered = np.where(found.area_m2 > 0, found.covered, 1.0)
    costs = (found.length_m + aversion_m * found.weighted / months).round(_DECIMALS).tolist()
    return {
        "length_m": found.length_m.round(_DECIMALS).tolist(),
        "crimes": found.crimes.round(_DECIMALS).tolist(),
        "weighted": found.weighted.round(_DECIMALS).tolist(),
        "weighted_per_km_month": found.rates(months).round(_DECIMALS).tolist(),
        "covered": covered.round(_DECIMALS).tolist(),
        "few_data": (found.whole < FEW).tolist(),
        # Where nothing is held nothing is known, and no number would say so.
        "cost": [cost if known else None for cost, known in zip(costs, (covered > 0).tolist(), strict=True)],
    }
