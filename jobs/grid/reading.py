"""The grid as it is read: cells of a region and period, one cell with its months, a tile of a map.

An answer is of one version of the grid: version and cells are read in one transaction that sees one state, and the
answer is kept under that version. So a reader that meets a rebuild leaves nothing behind that could be found later.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import h3.api.basic_int as h3
import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from jobs import areas, database
from jobs.areas import AreaError
from jobs.cell_ids import number_of
from jobs.coverage import reading as coverage
from jobs.errors import SafegridError
from jobs.grid import cells, detail, geojson, ground, limits, lookup, period, streets, tiles
from jobs.grid.cells import Cells, TooManyCells
from jobs.grid.ground import Ground, Grounds
from jobs.grid.lookup import LookupQuery
from jobs.grid.paths import scores
from jobs.grid.paths.query import PathQuery
from jobs.grid.period import Held, Period, Version
from jobs.grid.query import (
    COARSEST,
    SHOWN_FIRST,
    AreaQuery,
    CellQuery,
    GridQuery,
    QueryRefused,
    Regional,
    TileQuery,
    resolution_of,
)
from jobs.grid.region import Region
from jobs.grid.snapshots import Name, Snapshots
from jobs.grid.streets import Street, StreetsQuery
from jobs.grid.tiles import Tile
from jobs.grid.trends.query import TrendQuery, UnusualQuery
from jobs.grid.trends.reading import Trends
from jobs.months import month_text
from jobs.settings import Settings

Make = Callable[[Connection, Version], bytes]
Parts = tuple[Literal["areas", "coverage", "weights"], ...]


class NoSuchCell(SafegridError):
    """A cell that the grid does not have."""


@dataclass(frozen=True)
class Answer:
    """Bytes as gzip, none where the asker has them already, and their ETag (weak: of what is said, not how)."""

    etag: str
    packed: bytes | None


class Grid:
    """The grid for one process; may be used by several threads at once."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings = settings
        self._glances = database.create_for_glances(settings, "safegrid grid")
        # One state of the database for version and cells, and a promise to change nothing.
        self._engine = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._snapshots = Snapshots(settings)
        self._grounds = Grounds()

    def cells(self, query: GridQuery, known: Callable[[str], bool] = lambda _: False) -> Answer:
        """Cells as GeoJSON. `known`: whether the asker has the answer of an ETag. Raises QueryRefused."""

        def make(connection: Connection, at: Version) -> bytes:
            look = self._look(connection, query)
            region = _region(connection, query)
            resolution = self._resolution(query, look.period)
            found = look.cells(connection, resolution, region, query)
            about = {
                "resolution": resolution,
                **look.about,
                "totals": _totals(found),
                "coverage": coverage.lacking(connection, look.period.months, query.area),
                "generation": at.generation,
            }
            return geojson.collection(found, about)

        return self._answer(f"cells {query.canonical()}", (*_parts(query), "coverage"), make, known)

    def period(self, query: AreaQuery) -> dict[str, Any]:
        """Which months are read, and what of them is not held or was not supplied. Raises QueryRefused."""
        with self._engine.connect() as connection:
            _shape(connection, query.area)
            look = self._look(connection, query)
            return {
                **look.about,
                "coverage": coverage.lacking(connection, look.period.months, query.area),
                "generation": period.version(connection).generation,
            }

    def tile(self, tile: Tile, query: TileQuery, known: Callable[[str], bool] = lambda _: False) -> Answer:
        """A tile as MVT; empty where it has no cells. Raises QueryRefused."""

        def make(connection: Connection, _at: Version) -> bytes:
            look = self._look(connection, query)
            resolution = self._resolution(query, look.period, tile.resolution)
            return tiles.encode(tile, look.cells(connection, resolution, tile.region, query))

        return self._answer(f"tile {tile.z}/{tile.x}/{tile.y} {query.canonical()}", _parts(query), make, known)

    def cell(self, name: str, query: CellQuery, known: Callable[[str], bool] = lambda _: False) -> Answer:
        """One cell with its months, categories and neighbours, as JSON. Raises NoSuchCell, QueryRefused."""
        number = number_of(name)
        if number is None:
            raise NoSuchCell(f"{name!r} is no H3 cell")

        def make(connection: Connection, at: Version) -> bytes:
            look = self._look(connection, query)
            finest = self._finest(look.period)
            if not COARSEST <= h3.get_resolution(number) <= finest:
                raise NoSuchCell(
                    f"Cell {name} has resolution {h3.get_resolution(number)}: the grid has {COARSEST} to {finest}"
                )
            return look.cell(connection, number, at)

        return self._answer(f"cell {number:x} {query.canonical()}", ("weights", "coverage"), make, known)

    def trend(self, name: str, query: TrendQuery, known: Callable[[str], bool] = lambda _: False) -> Answer:
        """A cell against its own past, as JSON. Raises NoSuchCell, QueryRefused."""
        number = number_of(name)
        if number is None:
            raise NoSuchCell(f"{name!r} is no H3 cell")

        def make(connection: Connection, at: Version) -> bytes:
            trends = self._trends(connection, query)
            finest = min((one.resolution for one in trends.held), default=0)
            resolution = h3.get_resolution(number)
            found = trends.cell(number) if COARSEST <= resolution <= finest else None
            if found is None:
                raise NoSuchCell(f"Cell {name} has no crimes in the months held")
            return json.dumps({**found, "generation": at.generation}).encode()

        return self._answer(f"trend {number:x} {query.canonical()}", ("weights", "coverage"), make, known)

    def unusual(self, query: UnusualQuery, known: Callable[[str], bool] = lambda _: False) -> Answer:
        """The cells of a region that have more crimes than usual, as JSON. Raises QueryRefused."""

        def make(connection: Connection, at: Version) -> bytes:
            trends = self._trends(connection, query)
            region = _region(connection, query)
            if region is None:
                raise QueryRefused({"bbox": "expected this, or area: whose cells are to be looked at"})
            resolution = resolution_of(query, min((one.resolution for one in trends.held), default=SHOWN_FIRST))
            try:
                found = trends.unusual(region, resolution, query.limit)
            except TooManyCells:
                raise QueryRefused({"resolution": "too many cells: ask for coarser ones, or zoom in"}) from None
            return json.dumps({**found, "generation": at.generation}).encode()

        return self._answer(f"unusual {query.canonical()}", ("areas", "weights", "coverage"), make, known)

    def _trends(self, connection: Connection, query: TrendQuery) -> Trends:
        scheme = _scheme(connection, query.as_cells())
        return Trends(connection, query, period.held_months(connection), self._grounds, scheme)

    def streets(self, query: StreetsQuery) -> dict[str, Any]:
        """The commonest streets of cells, and what was read. Raises QueryRefused."""
        with self._engine.connect() as connection:
            look = self._look(connection, query)
            found = look.streets(connection, query.cells)
            named = [{"h3": h3.int_to_str(cell), "streets": found[cell]} for cell in query.cells]
            return {"cells": named, **look.about}

    def lookup(self, query: LookupQuery) -> str:
        """Cells and points in the order asked for, as JSON. Raises QueryRefused."""
        with self._engine.connect() as connection:
            look = self._look(connection, query)
            resolution = self._resolution(query, look.period)
            given, of_points = query.numbers(resolution, self._finest(look.period))
            said = look.lookup(connection, query, {*given, *of_points})
            about = {
                **look.about,
                "resolution": resolution,
                "coverage": coverage.lacking(connection, look.period.months),
                "generation": period.version(connection).generation,
            }
        cells, points = (", ".join(said[cell] for cell in some) for some in (given, of_points))
        return f'{{"cells": [{cells}], "points": [{points}], {json.dumps({**about, **geojson.ABOUT})[1:]}'

    def months(self, query: TileQuery) -> int:
        """How many months this query adds up. Raises QueryRefused."""
        with self._engine.connect() as connection:
            return len(self._look(connection, query).period.months)

    def bounds(self) -> list[float] | None:
        """West, south, east and north of the areas, in degrees; none where there is no area."""
        with self._engine.connect() as connection:
            shapes = [area.polygon for area in areas.all_areas(connection)]
        return [round(side, 6) for side in shapely.total_bounds(shapes).tolist()] if shapes else None

    def paths(self, query: PathQuery) -> str:
        """Ways with their segments, as JSON. Raises QueryRefused."""
        with self._engine.connect() as connection:
            look = self._look(connection, query)
            if len(look.period.resolutions) > 1:
                raise QueryRefused({"from": "the months have cells of more than one resolution: run recell_crimes"})
            about = {
                **look.about,
                "resolution": self._finest(look.period),
                "buffer_m": query.buffer_m,
                "coverage": coverage.lacking(connection, look.period.months),
                "generation": period.version(connection).generation,
            }
            found = scores.score(
                connection, query.lines, look.period, look.scheme, query.category, query.buffer_m, about["resolution"]
            )
        return f'{{"paths": {found}, {json.dumps({**about, **geojson.ABOUT, "time_of_day": scores.TIME_OF_DAY})[1:]}'

    def _answer(self, question: str, parts: Parts, make: Make, known: Callable[[str], bool]) -> Answer:
        name = Name.of(self._version(parts), question)
        if known(name.etag):
            return Answer(name.etag, None)
        if packed := self._snapshots.get(name):
            return Answer(name.etag, packed)
        with self._engine.connect() as connection:
            at = period.version(connection, *parts)
            body = make(connection, at)
        name = Name.of(at, question)
        return Answer(name.etag, self._snapshots.keep(name, body))

    def _version(self, parts: Parts) -> Version:
        try:
            with self._glances.connect() as connection:
                return period.version(connection, *parts)
        except OperationalError:
            # The server was restarted, or is away: a fresh connection tells which.
            with self._glances.connect() as connection:
                return period.version(connection, *parts)

    def _look(self, connection: Connection, query: CellQuery) -> "_Look":
        scheme = _scheme(connection, query)
        held = period.held_months(connection)
        chosen = period.select(held, query.first, query.last, query.recency)
        area = getattr(query, "area", None)
        lacking = period.lacking(connection, chosen, area)
        return _Look(query, scheme, chosen, held, lacking)

    def _resolution(self, query: TileQuery, chosen: Period, *default: int) -> int:
        return resolution_of(query, self._finest(chosen), *default)

    def _finest(self, chosen: Period) -> int:
        return min(chosen.resolutions, default=self._settings.h3_resolution)


@dataclass(frozen=True)
class _Look:
    """A query with what the database says about it."""

    query: CellQuery
    scheme: str
    period: Period
    held: list[Held]
    lacking: list[date]

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


def _totals(found: Cells) -> dict[str, int]:
    """Incidents of anti-social behaviour are no recorded crimes: their sum hides how either changes."""
    crimes, asb = int(found.counts.sum()), int(found.asb.sum())
    return {"crimes": crimes, "asb": asb, "recorded_crime": crimes - asb}


def _parts(query: TileQuery) -> Parts:
    """What an answer is made from beside the grid."""
    is_in_area = isinstance(query, GridQuery) and query.area is not None
    return (*(("areas",) if is_in_area else ()), *(("weights",) if query.scheme or query.category else ()))


def _text(month: Any) -> str | None:
    return month_text(month) if month else None


def _shape(connection: Connection, area: str | None) -> list[BaseGeometry]:
    """The polygon of an area, where one is named. Raises QueryRefused."""
    try:
        return [] if area is None else [areas.find(connection, area).polygon]
    except AreaError as error:
        raise QueryRefused({"area": str(error)}) from None


def _region(connection: Connection, query: Regional) -> Region | None:
    shapes = _shape(connection, query.area)
    if query.bbox is not None:
        south, west, north, east = query.bbox
        shapes.append(shapely.box(west, south, east, north))
    return Region(shapely.intersection_all(shapes)) if shapes else None


def _scheme(connection: Connection, query: CellQuery) -> str:
    """The scheme that is meant, once it and the categories are known. Raises QueryRefused."""
    known = connection.execute(text("SELECT slug FROM crime_categories ORDER BY 1")).scalars().all()
    if unknown := [slug for slug in query.category if slug not in known]:
        raise QueryRefused({"category": f"{', '.join(unknown)} is none: expected some of {', '.join(known)}"})
    rows = connection.execute(text("SELECT name, is_default FROM weight_schemes ORDER BY 2 DESC, 1")).all()
    names = [row.name for row in rows]
    if query.scheme is not None and query.scheme not in names:
        raise QueryRefused({"scheme": f"{query.scheme} is none: expected {' or '.join(names)}"})
    return query.scheme or next(row.name for row in rows if row.is_default)
