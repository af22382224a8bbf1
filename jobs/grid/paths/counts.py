"""The crimes of the cells of corridors, and how much of these cells is held."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import h3.api.basic_int as h3
import numpy as np
from sqlalchemy import Connection, text

from jobs.grid.ground import Ground, Grounds
from jobs.grid.paths import hexagons
from jobs.grid.paths.geodesy import Floats
from jobs.grid.paths.kept import Columns, Kept
from jobs.grid.period import Period, Version
from jobs.grid.region import Ints

# Periods whose counts are kept: a month is published once, and most ask for the last twelve.
_PERIODS: Final = 2
_WEIGHTS = text("SELECT category, weight FROM crime_weights WHERE scheme = :scheme ORDER BY category")
# Two texts for a hundred thousand cells of months: so many rows take longer to come over than to be found.
_COUNTS = text(
    """
    SELECT string_agg(h3_index, ' ') AS cells, string_agg(stats::text, E'\n') AS stats, factor
    FROM unnest(CAST(:months AS date[]), CAST(:factors AS float8[])) AS period (month, factor)
    CROSS JOIN LATERAL (
        SELECT h3_index, stats FROM safety_cells AS held
        WHERE held.month = period.month AND h3_index = ANY(CAST(:cells AS text[])) OFFSET 0
    ) AS narrowed
    GROUP BY factor
    """
)


@dataclass(frozen=True)
class Counts:
    """Crimes of cells. crimes: shape (categories, cells). weighted, covered: (cells,)."""

    categories: list[str]
    crimes: Floats
    weighted: Floats
    covered: Floats
    """Share of each cell whose crimes are held, 0 to 1."""


class Counting:
    """Reads counts for one process: of each cell once from each version of the grid. Of use to several threads."""

    def __init__(self) -> None:
        self._grounds = Grounds()
        self._crimes: Callable[[object], Kept] = lru_cache(maxsize=_PERIODS)(lambda _of: Kept())
        self._covered: Callable[[Ground], Kept] = lru_cache(maxsize=_PERIODS)(lambda _of: Kept())

    def read(
        self, connection: Connection, at: Version, cells: Ints, period: Period, scheme: str, categories: Sequence[str]
    ) -> Counts:
        """Of some categories, or of all where none is named, weighed by a scheme. cells: distinct and in order.

        at: the version that the connection sees.
        """
        weights = connection.execute(_WEIGHTS, {"scheme": scheme}).all()
        names = [row.category for row in weights]
        kept = self._crimes((at, period.months, period.factors, *names))
        columns, places = kept.of(cells, lambda some: _counted(connection, period, names, some))
        chosen = [place for place, name in enumerate(names) if not categories or name in categories]
        crimes, factored = columns[: len(names)], columns[-len(names) :]
        weighted = np.zeros(len(cells))
        for place in chosen:
            weighted += weights[place].weight * factored[place, places]
        return Counts(
            categories=[names[place] for place in chosen],
            crimes=crimes[np.array(chosen, dtype=np.int64)[:, None], places],
            weighted=weighted,
            covered=self._shares(connection, period, cells),
        )

    def _shares(self, connection: Connection, period: Period, cells: Ints) -> Floats:
        """Of the land of the newest month."""
        grounds = self._grounds.of(connection, period.months[-1:])
        if not grounds:
            return np.zeros(len(cells))
        (ground,) = grounds.values()
        resolution = h3.get_resolution(int(cells[0])) if len(cells) else 0
        kept, places = self._covered(ground).of(
            cells, lambda some: ground.shares(hexagons.outlines(some, resolution))[None]
        )
        return np.asarray(kept[0, places])


def _counted(connection: Connection, period: Period, names: Sequence[str], cells: Ints) -> Columns:
    """Crimes of each category, and where months have factors the same times these: (categories or twice, cells)."""
    place = {h3.int_to_str(cell): number for number, cell in enumerate(cells.tolist())}
    asked = {"months": list(period.months), "factors": list(period.factors), "cells": list(place)}
    held = connection.execute(_COUNTS, asked).all()
    cell = np.array([place[one] for row in held for one in row.cells.split()], dtype=np.int64)
    # Many cells have the same counts: they are read once.
    alike: dict[str, int] = {}
    kind = np.array(
        [alike.setdefault(one, len(alike)) for row in held for one in row.stats.split("\n")], dtype=np.int64
    )
    counts = np.zeros((len(names), len(alike)))
    row = {name: number for number, name in enumerate(names)}
    for column, one in enumerate(json.loads(f"[{','.join(alike)}]")):
        for name, count in one.items():
            if name in row:
                counts[row[name], column] = count

    def sums(factor: Floats | float) -> list[Floats]:
        columns = (column[kind] * factor for column in counts)
        return [np.bincount(cell, column, minlength=len(cells)).astype(np.float64) for column in columns]

    if set(period.factors) <= {1.0}:
        return np.array(sums(1.0)).reshape(len(names), len(cells))
    factor = np.repeat([row.factor for row in held], [row.stats.count("\n") + 1 for row in held])
    return np.array([*sums(1.0), *sums(factor)]).reshape(2 * len(names), len(cells))
