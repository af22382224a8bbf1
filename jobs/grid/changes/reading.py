"""Changes as they are read: the cells of a region, and one cell."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import h3.api.basic_int as h3
import numpy as np
from sqlalchemy import Connection

from jobs.coverage import reading as coverage
from jobs.grid import cells, geojson
from jobs.grid.cells import Sums
from jobs.grid.changes import cells as changes
from jobs.grid.changes import pairs
from jobs.grid.changes.cells import Changes, Comparable
from jobs.grid.changes.pairs import Pairs
from jobs.grid.changes.query import ChangeQuery
from jobs.grid.ground import Grounds
from jobs.grid.period import Held, Period
from jobs.grid.region import Ints, Region


@dataclass(frozen=True)
class Comparison:
    """A query with what the database says about it. scheme: name of the default weights."""

    connection: Connection
    query: ChangeQuery
    held: list[Held]
    grounds: Grounds
    scheme: str

    @property
    def resolutions(self) -> list[int]:
        """Those in which cells of the months compared are held."""
        return sorted({*self.pairs.now.resolutions, *self.pairs.before.resolutions})

    @cached_property
    def pairs(self) -> Pairs:
        """The months that are compared."""
        return pairs.select(self.held, self.query.first, self.query.last, self.query.compare)

    def cells(self, region: Region | None, resolution: int) -> Changes:
        """The cells that touch a region. Raises TooManyCells."""
        if region and region.shape.is_empty:
            return self._changes(cells.NOTHING.ids, cells.NOTHING, cells.NOTHING)
        now, before = self._both(resolution, region.covering(resolution) if region else ())
        return self._changes(changes.within(region, now, before), now, before)

    def cell(self, number: int) -> dict[str, Any]:
        """One cell, which need not have crimes."""
        resolution = h3.get_resolution(number)
        found = self._changes(np.array([number], np.int64), *self._both(resolution, [number]))
        return {**next(found.said()), "resolution": resolution, **self.about()}

    def about(self, area: str | None = None) -> dict[str, Any]:
        """What was compared, and how."""
        return {
            **self.pairs.about,
            "categories": list(self.query.category) or "all",
            "coverage": coverage.lacking(self.connection, self.pairs.months, area),
            "test": changes.TEST,
            **geojson.ABOUT,
        }

    def _sums(self, period: Period, resolution: int, within: Sequence[int]) -> Sums:
        if not period.months:
            return cells.NOTHING
        weights = self.scheme if self.query.category else ""
        return cells.read(self.connection, self.query.as_cells(), weights, period, resolution, within)

    def _both(self, resolution: int, within: Sequence[int]) -> tuple[Sums, Sums]:
        return self._sums(self.pairs.now, resolution, within), self._sums(self.pairs.before, resolution, within)

    def _changes(self, ids: Ints, now: Sums, before: Sums) -> Changes:
        return changes.of(ids, now, before, self.pairs.share, self._comparable())

    def _comparable(self) -> Comparable:
        lands = self.grounds.of(self.connection, self.pairs.months)
        # A month of the grid of which no land is known can be compared with none.
        return Comparable.read(self.connection, self.pairs, lands if len(lands) == len(self.pairs.months) else {})


def collection(found: Changes, about: dict[str, Any]) -> bytes:
    """The cells as a GeoJSON FeatureCollection; `about`: its further members."""
    said = list(found.said())
    return geojson.collection((one["h3"] for one in said), found.outlines, map(json.dumps, said), about)
