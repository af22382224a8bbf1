"""The grid against its own past: trends of cells, and changes from one period to another."""

import json
from collections.abc import Mapping
from typing import Any

import h3.api.basic_int as h3
from sqlalchemy import Connection

from jobs.grid import limits, period, tiles
from jobs.grid.answers import Answer, Answers, Known, NoSuchCell, cell_of, nothing_known
from jobs.grid.cells import TooManyCells
from jobs.grid.changes import reading as changes
from jobs.grid.changes.cells import Changes
from jobs.grid.changes.query import ChangeQuery, ChangesQuery, ChangeTileQuery
from jobs.grid.changes.reading import Comparison
from jobs.grid.ground import Grounds
from jobs.grid.look import region_of, scheme_of
from jobs.grid.period import Version
from jobs.grid.query import COARSEST, SHOWN_FIRST, QueryRefused, resolution_of
from jobs.grid.region import Region
from jobs.grid.tiles import Tile
from jobs.grid.trends.query import TrendQuery, UnusualQuery
from jobs.grid.trends.reading import Trends
from jobs.settings import Settings


class Past:
    """Of one process; may be used by several threads at once."""

    def __init__(self, settings: Settings, answers: Answers) -> None:
        self._settings = settings
        self._answers = answers
        self._grounds = Grounds()

    def trend(self, name: str, query: TrendQuery, known: Known = nothing_known) -> Answer:
        """A cell against its own past, as JSON. Raises NoSuchCell, QueryRefused."""
        number = cell_of(name)

        def make(connection: Connection, at: Version) -> bytes:
            trends = self._trends(connection, query)
            finest = min((one.resolution for one in trends.held), default=0)
            resolution = h3.get_resolution(number)
            found = trends.cell(number) if COARSEST <= resolution <= finest else None
            if found is None:
                raise NoSuchCell(f"Cell {name} has no crimes in the ingested months")
            return json.dumps({**found, "generation": at.generation}).encode()

        return self._answers.answer(f"trend {number:x} {query.canonical()}", ("weights", "coverage"), make, known)

    def unusual(self, query: UnusualQuery, known: Known = nothing_known) -> Answer:
        """The cells of a region that have more crimes than usual, as JSON. Raises QueryRefused."""

        def make(connection: Connection, at: Version) -> bytes:
            trends = self._trends(connection, query)
            region = region_of(connection, query)
            if region is None:
                raise QueryRefused({"bbox": "is required, or `area`: the region to search"})
            resolution = resolution_of(query, min((one.resolution for one in trends.held), default=SHOWN_FIRST))
            try:
                found = trends.unusual(region, resolution, query.limit)
            except TooManyCells:
                raise QueryRefused({"resolution": "too many cells: use a coarser resolution, or zoom in"}) from None
            return json.dumps({**found, "generation": at.generation}).encode()

        return self._answers.answer(f"unusual {query.canonical()}", ("areas", "weights", "coverage"), make, known)

    def _trends(self, connection: Connection, query: TrendQuery) -> Trends:
        scheme = scheme_of(connection, query.as_cells())
        return Trends(connection, query, period.held_months(connection), self._grounds, scheme)

    def changes(self, query: ChangesQuery, known: Known = nothing_known) -> Answer:
        """Compare the cells of two periods, as GeoJSON. Raises QueryRefused."""

        def make(connection: Connection, at: Version) -> bytes:
            comparison, region = self._comparison(connection, query), region_of(connection, query)
            resolution = resolution_of(query, self._finest(comparison))
            about = {"resolution": resolution, **comparison.about(query.area), "generation": at.generation}
            return changes.collection(_shown(comparison, region, resolution), about)

        return self._answers.answer(f"changes {query.canonical()}", ("areas", "weights", "coverage"), make, known)

    def change_tile(self, tile: Tile, query: ChangeTileQuery, known: Known = nothing_known) -> Answer:
        """A tile of such cells as MVT; empty where it has none. Raises QueryRefused."""

        def make(connection: Connection, _at: Version) -> bytes:
            comparison = self._comparison(connection, query)
            resolution = resolution_of(query, self._finest(comparison), tile.resolution)
            found = _shown(comparison, tile.region, resolution)
            return tiles.layer(tile, found.outlines, map(_without_none, found.said()))

        question = f"changes {tile.z}/{tile.x}/{tile.y} {query.canonical()}"
        return self._answers.answer(question, ("weights", "coverage"), make, known)

    def change(self, name: str, query: ChangeQuery, known: Known = nothing_known) -> Answer:
        """One cell with its crimes of two periods, as JSON. Raises NoSuchCell, QueryRefused."""
        number = cell_of(name)

        def make(connection: Connection, at: Version) -> bytes:
            comparison = self._comparison(connection, query)
            finest = self._finest(comparison)
            if not COARSEST <= h3.get_resolution(number) <= finest:
                raise NoSuchCell(f"Cell {name} is not in the grid, which has resolutions {COARSEST} to {finest}")
            return json.dumps({**comparison.cell(number), "generation": at.generation}).encode()

        return self._answers.answer(f"change {number:x} {query.canonical()}", ("weights", "coverage"), make, known)

    def _comparison(self, connection: Connection, query: ChangeQuery) -> Comparison:
        scheme = scheme_of(connection, query.as_cells())
        return Comparison(connection, query, period.held_months(connection), self._grounds, scheme)

    def _finest(self, comparison: Comparison) -> int:
        return min(comparison.resolutions, default=self._settings.h3_resolution)


def _shown(comparison: Comparison, region: Region | None, resolution: int) -> Changes:
    try:
        return comparison.cells(region, resolution)
    except TooManyCells:
        raise limits.too_large(comparison.connection, comparison.pairs.now, resolution, region) from None


def _without_none(properties: Mapping[str, Any]) -> dict[str, Any]:
    """As vector tiles have it: what is not known is not there."""
    return {name: value for name, value in properties.items() if value is not None}
