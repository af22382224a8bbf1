"""How many crimes there are along ways: of each, of its worst stretch, and of its segments."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Final

import numpy as np

from jobs.grid.cells import FEW
from jobs.grid.intervals import MOST, garwood
from jobs.grid.paths import rows
from jobs.grid.paths.corridor import Corridors
from jobs.grid.paths.counts import Counts
from jobs.grid.paths.geodesy import Floats

STRETCH_M: Final = 250.0
"""The worst part of a way is at least so long: a metre of a bad cell is no bad way."""
TIME_OF_DAY: Final = "The crimes carry no time of day: a score holds for all hours together."


@dataclass(frozen=True)
class Sums:
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

    @property
    def covered(self) -> Floats:
        """Share of the corridor whose crimes are held, 0 to 1."""
        return _divided(self.held_m2, self.area_m2)

    @classmethod
    def joined(cls, parts: Sequence["Sums"]) -> "Sums":
        """Those of the parts, one after the other. Without their categories."""
        names = [one.name for one in fields(cls) if one.name != "categories"]
        columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        return cls(**columns, categories=np.zeros((len(columns["length_m"]), 0)))


class Scores:
    """What ways come to. months: how many are added up."""

    def __init__(self, found: Corridors, counts: Counts, months: int) -> None:
        self.found, self.counts, self.months = found, counts, months

    def paths(self, count: int) -> Iterator[str]:
        """Each way as JSON."""
        found, by_segment = self.found, self._of_segments
        ends = np.searchsorted(found.of_path, np.arange(count + 1)).tolist()
        columns = (self._places(), self._cells(), *self._said(by_segment, "],"))
        segments, width = _woven(*columns, ["}},"] * len(found.lengths_m)), len(columns) + 1
        by_path = zip(*self._said(self.of_paths(count), "{"), strict=True)
        for (said, categories), low, high in zip(by_path, ends, ends[1:], strict=False):
            worst = json.dumps(self._worst(by_segment, low, high))
            within = "".join(segments[width * low : width * high])
            yield f'{said}{categories}}},"worst":{worst},"segments":[{within[:-1]}]}}'

    def of_paths(self, count: int) -> Sums:
        """What each way has."""
        found, parts = self.found, self._of_segments

        def sums(column: Floats) -> Floats:
            return np.bincount(found.of_path, column, minlength=count).astype(np.float64)

        # A cell that several segments of a way touch is one cell of it.
        path, cell = np.divmod(
            np.unique(found.of_path[found.segment] * len(found.cells) + found.cell), len(found.cells)
        )
        return Sums(
            length_m=sums(parts.length_m),
            crimes=sums(parts.crimes),
            weighted=sums(parts.weighted),
            categories=_side_by_side([sums(column) for column in parts.categories.T], count),
            area_m2=sums(parts.area_m2),
            held_m2=sums(parts.held_m2),
            share=sums(parts.share),
            whole=np.bincount(path, self._of_cells[cell], minlength=count).astype(np.float64),
            cells=np.bincount(path, minlength=count).astype(np.float64),
        )

    @cached_property
    def _of_cells(self) -> Floats:
        """The crimes of each cell, whatever their category."""
        return np.asarray(self.counts.crimes.sum(axis=0))

    @cached_property
    def _of_segments(self) -> Sums:
        found, counts, cell = self.found, self.counts, self.found.cell

        def sums(column: Floats) -> Floats:
            return np.bincount(found.segment, column, minlength=len(found.lengths_m)).astype(np.float64)

        by_category = [sums(found.share * column[cell]) for column in counts.crimes]
        return Sums(
            length_m=found.lengths_m,
            crimes=sums(found.share * self._of_cells[cell]),
            weighted=sums(found.share * counts.weighted[cell]),
            categories=_side_by_side(by_category, len(found.lengths_m)),
            area_m2=sums(found.area_m2),
            held_m2=sums(found.area_m2 * counts.covered[cell]),
            share=sums(found.share),
            whole=sums(self._of_cells[cell]),
            cells=sums(np.ones(len(cell))),
        )

    def _said(self, sums: Sums, before: str) -> tuple[list[str], list[str]]:
        """The members of each one's object with `before` in front, up to its categories, and these."""
        told = {
            "length_m": sums.length_m,
            "crimes": sums.crimes,
            "weighted": sums.weighted,
            "weighted_per_km_month": sums.rates(self.months),
            "covered": sums.covered,
        }
        numbers = [column for name, values in told.items() for column in (_key(name), *rows.number(values), b",")]
        few = rows.words(["false", "true"])[(sums.whole < FEW).astype(np.int64)]
        members = rows.texts(
            None,
            before.encode(),
            *numbers,
            *(_key("few_data"), few, b",", _key("interval_95"), _intervals(sums), b",", _key("categories"), b"{"),
        )
        return members, self._categories(sums.categories)

    def _categories(self, crimes: Floats) -> list[str]:
        """The share of each category that there is, of each row of crimes."""
        row, category = np.nonzero(crimes)
        names = rows.words([json.dumps(name) for name in self.counts.categories])
        share = (crimes / np.maximum(crimes.sum(axis=1), np.finfo(float).tiny)[:, None])[row, category]
        ends = np.searchsorted(row, np.arange(1, len(crimes) + 1))
        return rows.texts(ends, names[category], b":", *rows.number(share))

    def _places(self) -> list[str]:
        """Where each segment is: the beginning of its object."""
        found = self.found
        start_lng, start_lat, end_lng, end_lat = map(rows.number, (*found.starts.T, *found.ends.T))
        ends = (b'{"from":[', *start_lng, b",", *start_lat, b'],"to":[', *end_lng, b",", *end_lat, b'],"cells":[')
        return rows.texts(None, *ends)

    def _cells(self) -> list[str]:
        """The cells of each segment."""
        found = self.found
        return rows.texts(
            np.searchsorted(found.segment, np.arange(1, len(found.lengths_m) + 1)),
            b'{"h3":"',
            rows.hexadecimal(found.cells)[found.cell],
            b'","length_m":',
            *rows.number(found.inside_m),
            b',"share":',
            *rows.number(found.share),
            b"}",
        )

    def _worst(self, sums: Sums, low: int, high: int) -> dict[str, Any]:
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


def _intervals(sums: Sums) -> rows.Column:
    """The exact interval of the crimes of all cells of each, by the part of them that the corridor has."""
    whole = np.rint(sums.whole).astype(np.int64)
    known = np.minimum(whole, MOST)
    counts, place = np.unique(known, return_inverse=True)
    low, high = np.array([garwood(count) for count in counts.tolist()]).T[:, place]
    part = np.where(whole > 0, _divided(sums.crimes, sums.whole), _divided(sums.share, sums.cells))
    said = rows.written(len(whole), b"[", *rows.number(low * part), b",", *rows.number(high * part), b"]")
    said[whole > MOST] = np.frombuffer(b"null".ljust(said.shape[1], b"\0"), dtype=np.uint8)
    return said


def _side_by_side(columns: list[Floats], count: int) -> Floats:
    """Shape (count, columns), also of none."""
    return np.array(columns, dtype=np.float64).reshape(len(columns), count).T


def _woven(*columns: list[str]) -> list[str]:
    """A text of each column in turn."""
    said = [""] * sum(map(len, columns))
    for place, column in enumerate(columns):
        said[place :: len(columns)] = column
    return said


def _key(name: str) -> bytes:
    return json.dumps(name).encode() + b":"


def _divided(sums: Floats, by: Any) -> Floats:
    """0 where there is nothing to divide by."""
    return np.asarray(np.divide(sums, by, out=np.zeros_like(sums), where=np.asarray(by) > 0))
