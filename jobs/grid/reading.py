"""The grid as it is read: cells of a region and period, one cell with its months, a tile of a map."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import h3.api.basic_int as h3
import shapely
from sqlalchemy import Connection, Engine

from jobs import areas
from jobs.coverage import reading as coverage
from jobs.grid import geojson, period, tiles
from jobs.grid.answers import Answer, Answers, Known, NoSuchCell, Parts, cell_of, nothing_known
from jobs.grid.cells import Cells
from jobs.grid.changes import pairs
from jobs.grid.look import Look, region_of, shape_of
from jobs.grid.lookup import LookupQuery
from jobs.grid.past import Past
from jobs.grid.paths import scores
from jobs.grid.paths.counts import Counting
from jobs.grid.paths.query import PathQuery
from jobs.grid.paths.ways import Ways
from jobs.grid.period import Period, Version
from jobs.grid.query import (
    COARSEST,
    AreaQuery,
    CellQuery,
    GridQuery,
    QueryRefused,
    TileQuery,
    resolution_of,
)
from jobs.grid.streets import StreetsQuery
from jobs.grid.tiles import Tile
from jobs.settings import Settings


class Grid:
    """The grid for one process; may be used by several threads at once."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings = settings
        self._answers = Answers(settings, engine)
        self._counting = Counting()
        self.past = Past(settings, self._answers)

    def cells(self, query: GridQuery, known: Known = nothing_known) -> Answer:
        """Cells as GeoJSON. `known`: whether the asker has the answer of an ETag. Raises QueryRefused."""

        def make(connection: Connection, at: Version) -> bytes:
            look = Look.read(connection, query)
            region = region_of(connection, query)
            resolution = self._resolution(query, look.period)
            found = look.cells(connection, resolution, region, query)
            about = {
                "resolution": resolution,
                **look.about,
                "totals": _totals(found),
                "coverage": coverage.lacking(connection, look.period.months, query.area),
                "generation": at.generation,
            }
            return geojson.collection(found.names, found.outlines, geojson.properties(found), about)

        return self._answers.answer(f"cells {query.canonical()}", (*_parts(query), "coverage"), make, known)

    def period(self, query: AreaQuery) -> dict[str, Any]:
        """Which months are read, and what of them is not held or was not supplied. Raises QueryRefused."""
        with self._answers.engine.connect() as connection:
            shape_of(connection, query.area)
            look = Look.read(connection, query)
            compared = pairs.select(look.held, query.first, query.last, query.compare) if query.compare else None
            return {
                **look.about,
                "months_compared": compared.about["months"] if compared else None,
                "coverage": coverage.lacking(connection, look.period.months, query.area),
                "generation": period.version(connection).generation,
            }

    def tile(self, tile: Tile, query: TileQuery, known: Known = nothing_known) -> Answer:
        """A tile as MVT; empty where it has no cells. Raises QueryRefused."""

        def make(connection: Connection, _at: Version) -> bytes:
            look = Look.read(connection, query)
            resolution = self._resolution(query, look.period, tile.resolution)
            return tiles.encode(tile, look.cells(connection, resolution, tile.region, query))

        return self._answers.answer(f"tile {tile.z}/{tile.x}/{tile.y} {query.canonical()}", _parts(query), make, known)

    def cell(self, name: str, query: CellQuery, known: Known = nothing_known) -> Answer:
        """Get one cell with its months, categories and neighbours, as JSON. Raises NoSuchCell, QueryRefused."""
        number = cell_of(name)

        def make(connection: Connection, at: Version) -> bytes:
            look = Look.read(connection, query)
            finest = self._finest(look.period)
            if not COARSEST <= h3.get_resolution(number) <= finest:
                raise NoSuchCell(
                    f"Cell {name} has resolution {h3.get_resolution(number)}: the grid has {COARSEST} to {finest}"
                )
            return look.cell(connection, number, at)

        return self._answers.answer(f"cell {number:x} {query.canonical()}", ("weights", "coverage"), make, known)

    def streets(self, query: StreetsQuery) -> dict[str, Any]:
        """The commonest streets of cells, and what was read. Raises QueryRefused."""
        with self._answers.engine.connect() as connection:
            look = Look.read(connection, query)
            found = look.streets(connection, query.cells)
            named = [{"h3": h3.int_to_str(cell), "streets": found[cell]} for cell in query.cells]
            return {"cells": named, **look.about}

    def lookup(self, query: LookupQuery) -> str:
        """Cells and points in the order asked for, as JSON. Raises QueryRefused."""
        with self._answers.engine.connect() as connection:
            look = Look.read(connection, query)
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
        with self._answers.engine.connect() as connection:
            return len(Look.read(connection, query).period.months)

    def bounds(self) -> list[float] | None:
        """West, south, east and north of the areas, in degrees; none where there is no area."""
        with self._answers.engine.connect() as connection:
            shapes = [area.polygon for area in areas.all_areas(connection)]
        return [round(side, 6) for side in shapely.total_bounds(shapes).tolist()] if shapes else None

    def paths(self, query: PathQuery) -> str:
        """Ways with their segments, as JSON. Raises QueryRefused."""
        with self.ways(query) as ways:
            found = ways.scored(query.lines, query.buffer_m)
            about = {**ways.about, "buffer_m": query.buffer_m, **geojson.ABOUT, "time_of_day": scores.TIME_OF_DAY}
        return f'{{"paths": {found}, {json.dumps(about)[1:]}'

    @contextmanager
    def ways(self, query: CellQuery) -> Iterator[Ways]:
        """Scores ways of one state of the grid, however many, until the block ends. Raises QueryRefused."""
        with self._answers.engine.connect() as connection:
            look = Look.read(connection, query)
            if len(look.period.resolutions) > 1:
                raise QueryRefused({"from": "the months have cells of different resolutions: run recell_crimes"})
            resolution = self._finest(look.period)
            at = period.version(connection)
            about = {
                **look.about,
                "resolution": resolution,
                "coverage": coverage.lacking(connection, look.period.months),
                "generation": at.generation,
            }
            yield Ways(connection, self._counting, at, look.period, look.scheme, query.category, resolution, about)

    def _resolution(self, query: TileQuery, chosen: Period, *default: int) -> int:
        return resolution_of(query, self._finest(chosen), *default)

    def _finest(self, chosen: Period) -> int:
        return min(chosen.resolutions, default=self._settings.h3_resolution)


def _totals(found: Cells) -> dict[str, int]:
    """Incidents of anti-social behaviour are no recorded crimes: their sum hides how either changes."""
    crimes, asb = int(found.counts.sum()), int(found.asb.sum())
    return {"crimes": crimes, "asb": asb, "recorded_crime": crimes - asb}


def _parts(query: TileQuery) -> Parts:
    """What an answer is made from beside the grid."""
    is_in_area = isinstance(query, GridQuery) and query.area is not None
    return (*(("areas",) if is_in_area else ()), *(("weights",) if query.scheme or query.category else ()))
