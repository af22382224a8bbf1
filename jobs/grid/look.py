"""What is asked of the grid, with what the database says about it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

import h3.api.basic_int as h3
import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Connection, text

from jobs import areas
from jobs.areas import AreaError
from jobs.coverage import reading as coverage
from jobs.grid import cells, detail, ground, limits, lookup, period, streets
from jobs.grid.answers import NoSuchCell
from jobs.grid.cells import Cells, TooManyCells
from jobs.grid.ground import Ground
from jobs.grid.lookup import LookupQuery
from jobs.grid.period import Held, Period, Version
from jobs.grid.query import CellQuery, GridQuery, QueryRefused, Regional, TileQuery
from jobs.grid.region import Region
from jobs.grid.streets import Street
from jobs.months import month_text


@dataclass(frozen=True)
class Look:
    """A query with what the database says about it."""

    query: CellQuery
    scheme: str
    period: Period
    held: list[Held]
    lacking: list[date]

    @classmethod
    def read(cls, connection: Connection, query: CellQuery) -> Self:
        """What the database says about a query. Raises QueryRefused."""
        scheme = scheme_of(connection, query)
        held = period.held_months(connection)
        chosen = period.select(held, query.first, query.last, query.recency)
        lacking = period.lacking(connection, chosen, getattr(query, "area", None))
        return cls(query, scheme, chosen, held, lacking)

    @property
    def about(self) -> dict[str, Any]:
        """What was read, for people and programs."""
        return {
            "from": _text(self.period.first),
            "to": _text(self.period.last),
            "months": [_text(month) for month in self.period.months],
            "months_not_held": [_text(month) for month in self.lacking],
            "categories": list(self.query.category) or "all",
            "scheme": self.scheme,
            "recency": self.query.recency,
        }

    @property
    def weights(self) -> str:
        """The scheme to compute with; none where the stored column has what is wanted."""
        return self.scheme if self.query.scheme or self.query.category else ""

    def cells(self, connection: Connection, resolution: int, region: Region | None, query: TileQuery) -> Cells:
        try:
            return self._cells(connection, resolution, region, query)
        except TooManyCells:
            raise limits.too_large(connection, self.period, resolution, region) from None

    def _cells(self, connection: Connection, resolution: int, region: Region | None, query: TileQuery) -> Cells:
        if region and region.shape.is_empty:
            return Cells.shown(cells.NOTHING, None)
        land = self._land(connection)
        if isinstance(query, GridQuery) and query.area is not None:
            found = cells.read_area(connection, query, self.scheme, self.period, resolution, query.area)
            # A crime of the area may lie in a child that reaches out of the cell which is shown.
            return Cells.shown(found, region if query.bbox else None, land)
        within = region.covering(resolution) if region else ()
        found = cells.read(connection, self.query, self.weights, self.period, resolution, within)
        return Cells.shown(found, region, land)

    def _land(self, connection: Connection) -> Ground | None:
        """Whose crimes are held of the newest month that is read."""
        return ground.of_month(connection, self.period.months[-1]) if self.period.months else None

    def lookup(self, connection: Connection, query: LookupQuery, wanted: set[int]) -> dict[int, str]:
        return lookup.texts(connection, query, self.weights, self.period, self._land(connection), wanted)

    def cell(self, connection: Connection, number: int, at: Version) -> bytes:
        rows = cells.breakdown(connection, self.query, self.scheme, self.period, number)
        if not rows:
            months = f"{_text(self.period.first)} to {_text(self.period.last)}" if self.held else "any month"
            raise NoSuchCell(f"Cell {h3.int_to_str(number)} has no crimes in {months}")
        disk = h3.grid_disk(number, 1)
        resolution = h3.get_resolution(number)
        around = cells.read(connection, self.query, self.weights, self.period, resolution, disk)
        (covered,) = Cells.shown(around.only(number), None, self._land(connection)).covered.tolist()
        about = {**self.about, "coverage": coverage.lacking_at(connection, self.period.months, number)}
        found = detail.of(number, rows, around, covered)
        named = {"streets": self.streets(connection, [number])[number]}
        return json.dumps({**found, **named, **about, "generation": at.generation}).encode()

    def streets(self, connection: Connection, wanted: Sequence[int]) -> dict[int, list[Street]]:
        """{cell: its commonest streets}"""
        return streets.of_cells(connection, wanted, self.query, self.weights, self.period)


def _text(month: Any) -> str | None:
    return month_text(month) if month else None


def shape_of(connection: Connection, area: str | None) -> list[BaseGeometry]:
    """The polygon of an area, where one is named. Raises QueryRefused."""
    try:
        return [] if area is None else [areas.find(connection, area).polygon]
    except AreaError as error:
        raise QueryRefused({"area": str(error)}) from None


def region_of(connection: Connection, query: Regional) -> Region | None:
    shapes = shape_of(connection, query.area)
    if query.bbox is not None:
        south, west, north, east = query.bbox
        shapes.append(shapely.box(west, south, east, north))
    return Region(shapely.intersection_all(shapes)) if shapes else None


def scheme_of(connection: Connection, query: CellQuery) -> str:
    """The scheme that is meant, once it and the categories are known. Raises QueryRefused."""
    known = connection.execute(text("SELECT slug FROM crime_categories ORDER BY 1")).scalars().all()
    if unknown := [slug for slug in query.category if slug not in known]:
        raise QueryRefused({"category": f"must be slugs of {', '.join(known)} (given: {', '.join(unknown)})"})
    rows = connection.execute(text("SELECT name, is_default FROM weight_schemes ORDER BY 2 DESC, 1")).all()
    names = [row.name for row in rows]
    if query.scheme is not None and query.scheme not in names:
        raise QueryRefused({"scheme": f"must be one of {', '.join(names)} (given: {query.scheme})"})
    return query.scheme or next(row.name for row in rows if row.is_default)
