"""How many crimes there are along ways: of each, of its worst stretch, and of its segments."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import h3.api.basic_int as h3
import numpy as np
from sqlalchemy import Connection, text

from jobs.grid import geojson, ground
from jobs.grid.cells import FEW, MOST_CELLS, TooManyCells
from jobs.grid.intervals import MOST, garwood
from jobs.grid.paths import corridor
from jobs.grid.paths.corridor import Corridors
from jobs.grid.paths.geodesy import Floats
from jobs.grid.period import Period
from jobs.grid.query import QueryRefused
from jobs.grid.region import Ints

STRETCH_M: Final = 250.0
"""The worst part of a way is at least so long: a metre of a bad cell is no bad way."""
TIME_OF_DAY: Final = "The crimes carry no time of day: a score holds for all hours together."
_COUNTS = text(
    """
    SELECT h3_index AS cell, key AS category, sum(value::bigint)::bigint AS n,
           sum(value::bigint * weight * factor) AS weighted
    FROM unnest(CAST(:months AS date[]), CAST(:factors AS float8[])) AS period (month, factor)
    CROSS JOIN LATERAL (
        SELECT h3_index, stats FROM safety_cells AS held
        WHERE held.month = period.month AND h3_index = ANY(CAST(:cells AS text[])) OFFSET 0
    ) AS narrowed
    CROSS JOIN LATERAL jsonb_each_text(stats)
    JOIN crime_weights ON crime_weights.category = key AND scheme = :scheme
    WHERE cardinality(CAST(:categories AS text[])) = 0 OR key = ANY(CAST(:categories AS text[]))
    GROUP BY 1, 2
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


def score(
    connection: Connection,
    lines: Sequence[Floats],
    period: Period,
    scheme: str,
    categories: Sequence[str],
    buffer_m: float,
    resolution: int,
) -> str:
    """The ways as the text of a JSON array. lines: positions in degrees, longitude first, (n, 2) each.

    Crimes of a corridor are those of its cells, each by the part of it that lies in the corridor; sums over months. A
    rate is weighted crimes a km of the way and month of the period. Raises QueryRefused.
    """
    try:
        found = corridor.of(lines, buffer_m, resolution)
    except TooManyCells:
        detail = f"they touch more than {MOST_CELLS:,} cells: ask for fewer, for shorter ones or a smaller buffer_m"
        raise QueryRefused({"paths": detail}) from None
    counts = _read(connection, found, period, scheme, categories)
    return f"[{','.join(_Scores(found, counts, max(1, len(period.months))).paths(len(lines)))}]"


def _read(connection: Connection, found: Corridors, period: Period, scheme: str, categories: Sequence[str]) -> Counts:
    values = {
        "months": list(period.months),
        "factors": list(period.factors),
        "cells": [h3.int_to_str(cell) for cell in found.cells.tolist()],
        "scheme": scheme,
        "categories": list(categories),
    }
    rows = connection.execute(_COUNTS, values).all()
    names = sorted({row.category for row in rows})
    crimes, weighted = np.zeros((len(found.cells), len(names))), np.zeros(len(found.cells))
    if rows:
        place = {name: number for number, name in enumerate(names)}
        cell = np.searchsorted(found.cells, [int(row.cell, 16) for row in rows])
        crimes[cell, [place[row.category] for row in rows]] = [row.n for row in rows]
        np.add.at(weighted, cell, [row.weighted for row in rows])
    return Counts(names, crimes, weighted, _covered(connection, period.months, found))


def _covered(connection: Connection, months: Sequence[date], found: Corridors) -> Floats:
    if not months:
        return np.zeros(len(found.cells))
    return ground.of_month(connection, months[-1]).shares(found.outlines)


@dataclass(frozen=True)
class _Sums:
    """What segments, or ways, have; every array has the shape (n,), but `categories` (n, categories)."""

    length_m: Floats
    crimes: Floats
    weighted: Floats
    categories: Floats
    area_m2: Floats
    held_m2: Floats
    """Those of the area whose crimes are held."""
    share: Floats
    whole: Floats
    """Crimes of all cells that are touched, each cell once."""
    cells: Floats

    def rates(self, months: int) -> Floats:
        """Weighted crimes a km and month."""
        return _divided(self.weighted, self.length_m / 1000 * months)


class _Scores:
    def __init__(self, found: Corridors, counts: Counts, months: int) -> None:
        self.found, self.counts, self.months = found, counts, months

    def paths(self, count: int) -> Iterator[str]:
        """Each way as JSON, put together by hand: json takes several times as long for some ten thousand segments."""
        found = self.found
        by_segment = self._sums(found.segment, found.lengths_m)
        lengths = np.bincount(found.of_path, found.lengths_m, minlength=count).astype(np.float64)
        segments = [f"{{{place},{said}}}" for place, said in zip(self._places(), self._said(by_segment), strict=True)]
        ends = np.searchsorted(found.of_path, np.arange(count + 1)).tolist()
        by_path = self._said(self._sums(found.of_path[found.segment], lengths))
        for said, low, high in zip(by_path, ends, ends[1:], strict=False):
            worst = json.dumps(self._worst(by_segment, low, high))
            yield f'{{{said},"worst":{worst},"segments":[{",".join(segments[low:high])}]}}'

    def _sums(self, place: Ints, length_m: Floats) -> _Sums:
        """Of pairs, summed over what has the same place."""
        found, counts = self.found, self.counts
        of_cell, cell = counts.crimes.sum(axis=1), found.cell

        def sums(column: Floats, pairs: Any = slice(None)) -> Floats:
            return np.bincount(place[pairs], column[pairs], minlength=len(length_m)).astype(np.float64)

        # A cell that several segments of a way touch is one cell of it.
        once = np.unique(place * (len(found.cells) + 1) + cell, return_index=True)[1]
        by_category = [sums(found.share * column[cell]) for column in counts.crimes.T]
        return _Sums(
            length_m=length_m,
            crimes=sums(found.share * of_cell[cell]),
            weighted=sums(found.share * counts.weighted[cell]),
            categories=np.stack([*by_category, np.zeros(len(length_m))]).T,
            area_m2=sums(found.area_m2),
            held_m2=sums(found.area_m2 * counts.covered[cell]),
            share=sums(found.share),
            whole=sums(of_cell[cell], once),
            cells=sums(np.ones(len(cell)), once),
        )

    def _said(self, sums: _Sums) -> list[str]:
        """The members of each one's object."""
        columns = (
            sums.length_m,
            sums.crimes,
            sums.weighted,
            sums.rates(self.months),
            _divided(sums.held_m2, sums.area_m2),
            sums.whole,
            _divided(sums.share, sums.cells),
        )
        shares = _divided(sums.categories, sums.categories.sum(axis=1)[:, None]).tolist()
        names = [f"{json.dumps(name)}:" for name in self.counts.categories]
        rows = zip(*(column.tolist() for column in columns), shares, strict=True)
        return [
            f'"length_m":{length_m},"crimes":{crimes},"weighted":{weighted},"weighted_per_km_month":{rate},'
            f'"covered":{covered},"few_data":{"true" if whole < FEW else "false"},'
            f'"interval_95":{_interval(crimes, round(whole), part)},'
            f'"categories":{{{",".join([f"{name}{one}" for name, one in zip(names, of_each, strict=False) if one])}}}'
            for length_m, crimes, weighted, rate, covered, whole, part, of_each in rows
        ]

    def _places(self) -> list[str]:
        """Where each segment is, and its cells."""
        found = self.found
        names = [h3.int_to_str(cell) for cell in found.cells.tolist()]
        ends = np.searchsorted(found.segment, np.arange(len(found.lengths_m) + 1)).tolist()
        pairs = zip(found.cell.tolist(), found.inside_m.tolist(), found.share.tolist(), strict=True)
        cells = [f'{{"h3":"{names[cell]}","length_m":{inside},"share":{share}}}' for cell, inside, share in pairs]
        lines = zip(found.starts.tolist(), found.ends.tolist(), ends, ends[1:], strict=False)
        return [f'"from":{start},"to":{end},"cells":[{",".join(cells[low:high])}]' for start, end, low, high in lines]

    def _worst(self, sums: _Sums, low: int, high: int) -> dict[str, Any]:
        """The stretch of whole segments, STRETCH_M or longer, with the highest rate; all of a way that is shorter."""
        length = np.concatenate(([0.0], np.cumsum(sums.length_m[low:high])))
        weighted = np.concatenate(([0.0], np.cumsum(sums.weighted[low:high])))
        begin = np.flatnonzero(length[:-1] <= max(0.0, length[-1] - STRETCH_M))
        end = np.minimum(np.searchsorted(length, length[begin] + STRETCH_M), len(length) - 1)
        end = np.maximum(end, begin + 1)
        rates = _divided(weighted[end] - weighted[begin], (length[end] - length[begin]) / 1000 * self.months)
        worst = int(rates.argmax())
        first, last = int(begin[worst]), int(end[worst])
        return {
            "first_segment": first,
            "last_segment": last - 1,
            "length_m": float(length[last] - length[first]),
            "weighted_per_km_month": float(rates[worst]),
        }


def _interval(crimes: float, whole: int, share: float) -> str:
    """The exact interval of the crimes of all its cells, by the part of them that the corridor has, as JSON."""
    if whole > MOST:
        return "null"
    part = crimes / whole if whole else share
    low, high = garwood(whole)
    return f"[{low * part},{high * part}]"


def _divided(sums: Floats, by: Any) -> Floats:
    """0 where there is nothing to divide by."""
    return np.asarray(np.divide(sums, by, out=np.zeros_like(sums), where=np.asarray(by) > 0))


def about() -> dict[str, str]:
    """What every answer says."""
    return {
        "attribution": geojson.ATTRIBUTION,
        "license": geojson.LICENCE_URL,
        "positions": geojson.APPROXIMATE,
        "time_of_day": TIME_OF_DAY,
    }
