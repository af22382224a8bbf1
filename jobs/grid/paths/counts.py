"""The crimes of the cells of corridors, and how much of these cells is held."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import h3.api.basic_int as h3
import numpy as np
from sqlalchemy import Connection, text

from jobs.grid import ground
from jobs.grid.paths.corridor import Corridors
from jobs.grid.paths.geodesy import Floats
from jobs.grid.period import Period
from jobs.grid.region import outlines

_WEIGHTS = text(
    """
    SELECT category, weight FROM crime_weights
    WHERE scheme = :scheme
    AND (cardinality(CAST(:categories AS text[])) = 0 OR category = ANY(CAST(:categories AS text[])))
    ORDER BY category
    """
)
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
    """Crimes of cells. crimes: shape (cells, categories). weighted, covered: (cells,)."""

    categories: list[str]
    crimes: Floats
    weighted: Floats
    covered: Floats
    """Share of each cell whose crimes are held, 0 to 1."""


def read(connection: Connection, found: Corridors, period: Period, scheme: str, categories: Sequence[str]) -> Counts:
    """Of some categories, or of all where none is named, weighed by a scheme."""
    weights = connection.execute(_WEIGHTS, {"scheme": scheme, "categories": list(categories)}).all()
    names = [row.category for row in weights]
    place = {h3.int_to_str(cell): number for number, cell in enumerate(found.cells.tolist())}
    asked = {"months": list(period.months), "factors": list(period.factors), "cells": list(place)}
    held = connection.execute(_COUNTS, asked).all()
    cell = np.array([place[one] for row in held for one in row.cells.split()], dtype=np.int64)
    # Many cells have the same counts: they are read once.
    alike: dict[str, int] = {}
    kind = np.array(
        [alike.setdefault(one, len(alike)) for row in held for one in row.stats.split("\n")], dtype=np.int64
    )
    factor = np.repeat([row.factor for row in held], [row.stats.count("\n") + 1 for row in held])
    stats = [json.loads(one) for one in alike]
    counts = np.array([[one.get(name, 0) for name in names] for one in stats], dtype=np.float64)
    counts = counts.reshape(len(alike), len(names))

    def sums(values: Floats) -> Floats:
        return np.bincount(cell, values, minlength=len(place)).astype(np.float64)

    weighed = (counts @ np.array([row.weight for row in weights]))[kind] * factor
    crimes = np.stack([*(sums(column[kind]) for column in counts.T), np.zeros(len(place))], axis=1)[:, :-1]
    return Counts(names, crimes, sums(weighed), _covered(connection, period.months, found))


def _covered(connection: Connection, months: Sequence[date], found: Corridors) -> Floats:
    if not months:
        return np.zeros(len(found.cells))
    return ground.of_month(connection, months[-1]).shares(outlines(found.cells.tolist()))
