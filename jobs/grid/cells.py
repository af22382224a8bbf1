"""Cells as they are read: crimes of a period, added up in PostgreSQL at the resolution that is shown."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Self

import h3.api.basic_int as h3
import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, TextClause, text

from jobs.grid import coarse
from jobs.grid.ground import Ground
from jobs.grid.period import Period
from jobs.grid.query import CellQuery
from jobs.grid.region import Ints, Ranges, Region, outlines, parents, ranges

Floats = npt.NDArray[np.float64]

# 7 MB of GeoJSON before it is packed, at 370 bytes a cell.
MOST_CELLS: Final = 20_000
# Beyond what is shown, the neighbours are read too.
_MOST_READ: Final = 2 * MOST_CELLS
PROPERTIES: Final = ("h3", "crimes", "asb", "weighted", "density_per_km2", "smoothed_per_km2", "covered", "few_data")
ASB: Final = "anti-social-behaviour"
"""Incidents, which are no recorded crimes: a total of both hides how either changes."""
FEW: Final = 5
"""A cell of fewer crimes than this says little: one report more or less would change its colour."""

_PARENT: Final = coarse.parent("('x0' || h3_index)::bit(64)::bigint", ":resolution")
# The stored counts, or those of some categories on some scale.
_STORED: Final = (
    f"crime_count_total AS n, coalesce((stats->>'{ASB}')::bigint, 0) AS asb, crime_count_weighted AS weighted"
)
_COMPUTED: Final = (
    f"value::bigint AS n, CASE WHEN key = '{ASB}' THEN value::bigint ELSE 0 END AS asb, "
    "value::bigint * weight AS weighted"
)
_BY_CATEGORY: Final = """
    CROSS JOIN LATERAL jsonb_each_text(stats)
    JOIN crime_weights ON crime_weights.category = key AND scheme = :scheme
        AND (cardinality(CAST(:categories AS text[])) = 0 OR key = ANY(CAST(:categories AS text[])))
"""
_OF_AREA: Final = f"""
    SELECT to_hex(h3_cell) AS h3_index, factor, n, CASE WHEN category = '{ASB}' THEN n ELSE 0 END AS asb,
           n * weight AS weighted
    FROM (
        SELECT month, h3_cell, category, count(*) AS n
        FROM crime_incidents JOIN area_points USING (point_id) JOIN points ON points.id = point_id
        WHERE area = :area AND month = ANY(CAST(:months AS date[])) GROUP BY 1, 2, 3
    ) AS counted
    JOIN unnest(CAST(:months AS date[]), CAST(:factors AS float8[])) AS period (month, factor) USING (month)
    JOIN crime_weights USING (category)
    WHERE scheme = :scheme AND (cardinality(CAST(:categories AS text[])) = 0 OR category = ANY(:categories))
"""  # noqa: S608 - constants
_PERIOD: Final = "FROM unnest(CAST(:months AS date[]), CAST(:factors AS float8[])) AS period (month, factor)"
_IN_PERIOD: Final = f"{_PERIOD} JOIN safety_cells USING (month)"
# OFFSET 0 keeps PostgreSQL from joining in another order: each month and range is one look into the index.
_IN_RANGES: Final = f"""
    {_PERIOD} CROSS JOIN unnest(CAST(:lows AS text[]), CAST(:highs AS text[])) AS part (low, high)
    CROSS JOIN LATERAL (
        SELECT h3_index, crime_count_total, crime_count_weighted, stats FROM {{table}} AS held
        WHERE held.month = period.month AND h3_index BETWEEN low AND high OFFSET 0
    ) AS narrowed
"""  # noqa: S608 - constants


class TooManyCells(Exception):
    """More cells than an answer can carry."""


@dataclass(frozen=True)
class Cells:
    """Cells of one resolution in the order of their numbers; every array has the shape (n,)."""

    ids: Ints
    counts: Ints
    asb: Ints
    """Those of the counts that are incidents of anti-social behaviour."""
    weighted: Floats
    """Sum of weights times the factor of the month."""
    areas_km2: Floats
    smoothed: Floats
    """Weighted crimes a km2 over the cell and its neighbours, those without crimes included."""
    outlines: npt.NDArray[np.object_]
    covered: Floats
    """Share of each cell whose crimes are held, 0 to 1: less where the border of what is held cuts it."""

    @property
    def densities(self) -> Floats:
        """Weighted crimes a km2."""
        return self.weighted / self.areas_km2

    @property
    def few_data(self) -> npt.NDArray[np.bool_]:
        """Whether a cell has fewer crimes than FEW."""
        return self.counts < FEW

    @property
    def names(self) -> list[str]:
        """The usual text of each cell."""
        return [h3.int_to_str(cell) for cell in self.ids.tolist()]

    def said(self) -> Iterator[tuple[str, int, int, float, float, float, float, bool]]:
        """What is said of each cell, in the order of PROPERTIES; four decimals are more than any weight has."""
        columns = (self.weighted, self.densities, self.smoothed, self.covered)
        measures = (column.round(4).tolist() for column in columns)
        return zip(self.names, self.counts.tolist(), self.asb.tolist(), *measures, self.few_data.tolist(), strict=True)

    def __len__(self) -> int:
        return len(self.ids)

    def at(self, places: npt.NDArray[Any]) -> Self:
        """Those at these places, or of this mask."""
        return replace(self, **{field.name: getattr(self, field.name)[places] for field in fields(self)})

    @classmethod
    def shown(cls, found: "Sums", region: Region | None, held: Ground | None = None) -> Self:
        """Those of `found` that touch the region, with what follows from their numbers. Raises TooManyCells.

        held: the land whose crimes are held, all of it when left out.
        """
        ids = found.ids
        shapes = outlines(ids.tolist())
        keep = region.touches(shapes) if region else np.ones(len(ids), dtype=bool)
        if keep.sum() > MOST_CELLS:
            raise TooManyCells
        shown = ids[keep].tolist()
        areas = np.array([h3.cell_area(cell) for cell in shown], dtype=np.float64)
        return cls(
            ids=ids[keep],
            counts=found.counts[keep],
            asb=found.asb[keep],
            weighted=found.weighted[keep],
            areas_km2=areas,
            smoothed=_smoothed(shown, areas, found),
            outlines=shapes[keep],
            covered=held.shares(shapes[keep]) if held else np.ones(len(shown)),
        )


@dataclass(frozen=True)
class Sums:
    """What PostgreSQL answers: cells in the order of their numbers, shape (n,) each."""

    ids: Ints
    counts: Ints
    asb: Ints
    weighted: Floats

    def at(self, places: npt.NDArray[Any]) -> "Sums":
        """Those at these places, or of this mask."""
        return Sums(self.ids[places], self.counts[places], self.asb[places], self.weighted[places])

    def only(self, cell: int) -> "Sums":
        """Those of one cell."""
        return self.at(self.ids == cell)

    def with_empty(self, cells: Ints) -> "Sums":
        """Those, and of `cells` (shape (m,), in order) the ones without crimes."""
        ids = np.union1d(self.ids, cells)
        places = np.searchsorted(ids, self.ids)
        counts, asb, weighted = np.zeros(len(ids), np.int64), np.zeros(len(ids), np.int64), np.zeros(len(ids))
        counts[places], asb[places], weighted[places] = self.counts, self.asb, self.weighted
        return Sums(ids, counts, asb, weighted)

    def counts_of(self, ids: Ints) -> list[int]:
        """The crimes of these cells, 0 where there are none; in order of their numbers."""
        if not len(self.ids):
            return [0] * len(ids)
        places = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        counts: list[int] = np.where(self.ids[places] == ids, self.counts[places], 0).tolist()
        return counts

    def parents(self, resolution: int) -> "Sums":
        """The same crimes by the cells of a resolution that is not finer."""
        ids, places = np.unique(parents(self.ids, resolution), return_inverse=True)
        columns: list[Any] = [np.bincount(places, column) for column in (self.counts, self.asb, self.weighted)]
        counts, asb, weighted = columns
        return Sums(ids, counts.astype(np.int64), asb.astype(np.int64), weighted)


NOTHING: Final = Sums(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))


def read(
    connection: Connection, query: CellQuery, scheme: str, period: Period, resolution: int, within: Sequence[int] = ()
) -> Sums:
    """Cells of `resolution` in the period; of the descendants of `within` if it is given. Raises TooManyCells.

    `scheme`: name of the weights; an empty one for the stored column.
    """
    parts = _parts(within, period, resolution)
    values = parameters(query, scheme, period, parts)
    return _sums(connection, _source(scheme, resolution, bool(parts)), {**values, "resolution": resolution})


def _parts(within: Sequence[int], period: Period, resolution: int) -> Ranges:
    """What is looked up in the index to read `resolution`; nothing where all of the fine cells are read."""
    if resolution not in coarse.RESOLUTIONS:
        return ranges(within, period.resolutions)
    return ranges(within, [resolution]) or [coarse.whole(resolution)]


def read_area(
    connection: Connection, query: CellQuery, scheme: str, period: Period, resolution: int, area: str
) -> Sums:
    """Cells of `resolution` with the crimes of an area alone, also where its border cuts them. Raises TooManyCells."""
    values = parameters(query, scheme, period, [])
    return _sums(connection, _OF_AREA, {**values, "resolution": resolution, "area": area})


def read_whole(connection: Connection, scheme: str, period: Period, resolution: int, area: str | None) -> Sums:
    """All cells of the period, however many they are; with an area, of its crimes alone.

    `scheme`: name of the default scheme.
    """
    parts = _parts((), period, resolution) if area is None else []
    values = {**parameters(CellQuery(), scheme, period, parts), "resolution": resolution, "area": area, "most": None}
    statement = _summed(_OF_AREA if area is not None else _source("", resolution, bool(parts)))
    rows = connection.execute(statement, values, execution_options={"stream_results": True})
    read = np.fromiter(map(tuple, rows), np.dtype("i8, i8, i8, f8"))
    return Sums(read["f0"], read["f1"], read["f2"], read["f3"])


def _summed(source: str) -> TextClause:
    return text(
        f"SELECT {_PARENT} AS cell, sum(n)::bigint AS n, sum(asb)::bigint AS asb, "  # noqa: S608 - constants
        f"sum(weighted * factor) AS weighted FROM ({source}) AS counted GROUP BY 1 ORDER BY 1 LIMIT :most"
    )


def _sums(connection: Connection, source: str, values: dict[str, Any]) -> Sums:
    rows = connection.execute(_summed(source), {**values, "most": _MOST_READ + 1}).all()
    if len(rows) > _MOST_READ:
        raise TooManyCells
    columns: Any = zip(*rows, strict=True) if rows else ((), (), (), ())
    ids, counts, asb, weighted = columns
    return Sums(
        np.array(ids, np.int64), np.array(counts, np.int64), np.array(asb, np.int64), np.array(weighted, np.float64)
    )


def _source(scheme: str, resolution: int, is_narrowed: bool) -> str:
    return (
        f"SELECT h3_index, factor, {_COMPUTED if scheme else _STORED} "
        f"{_in_ranges(resolution) if is_narrowed else _IN_PERIOD} {_BY_CATEGORY if scheme else ''}"
    )


def _in_ranges(resolution: int) -> str:
    return _IN_RANGES.format(table="coarse_cells" if resolution in coarse.RESOLUTIONS else "safety_cells")


def parameters(query: CellQuery, scheme: str, period: Period, parts: Ranges) -> dict[str, Any]:
    """Values of the statements here."""
    return {
        "months": list(period.months),
        "factors": list(period.factors),
        "lows": [low for low, _ in parts],
        "highs": [high for _, high in parts],
        "scheme": scheme,
        "categories": list(query.category),
    }


def breakdown(connection: Connection, query: CellQuery, scheme: str, period: Period, cell: int) -> Sequence[Any]:
    """month, category, n and weighted of one cell, oldest month first."""
    resolution = h3.get_resolution(cell)
    statement = text(
        "SELECT month, key AS category, sum(value::bigint) AS n, sum(value::bigint * weight * factor) AS weighted "
        f"{_in_ranges(resolution)} {_BY_CATEGORY} GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2"
    )
    parts = _parts([cell], period, resolution)
    return connection.execute(statement, parameters(query, scheme, period, parts)).all()


def _smoothed(shown: Sequence[int], areas_km2: Floats, found: Sums) -> Floats:
    """The areas of neighbours differ by less than a hundredth: that of the cell stands for each of them."""
    disks = [h3.grid_disk(cell, 1) for cell in shown]
    sizes = np.array([len(disk) for disk in disks], dtype=np.int64)
    members = np.array([cell for disk in disks for cell in disk], dtype=np.int64)
    if not len(members):
        return np.zeros(0)
    places = np.minimum(np.searchsorted(found.ids, members), len(found.ids) - 1)
    weights = np.where(found.ids[places] == members, found.weighted[places], 0.0)
    sums = np.add.reduceat(weights, np.concatenate(([0], np.cumsum(sizes)[:-1])))
    return np.asarray(sums / (sizes * areas_km2))
