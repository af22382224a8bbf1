"""Exports of a million cells and months, beside a bare `COPY ... TO` of the same columns.

An export needs both cores, and `COPY` little more than one, so the ratio depends on what else the machine does.
`BENCH_PAGE_CRIMES` is the number of crimes: 3,600,000 make a million cells.
"""

import itertools
import statistics
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from typing import IO, Any

import structlog
from sqlalchemy import Engine

from bench.grid_crimes import load
from bench.harness import Ratio, seconds
from bench.pages import CRIMES
from jobs import areas, context, database
from jobs.grid.export import formats
from jobs.grid.export.formats import FORMATS
from jobs.grid.export.source import COLUMNS
from jobs.grid.query import ExportFormat, ExportQuery
from jobs.grid.rebuild import rebuild_safety_grid
from jobs.held import land
from web.settings import Settings
from worker import engines, system

ROUNDS = 3
GOALS: dict[ExportFormat, int] = {"csv": 3, "geojsonl": 5, "geojson": 5, "parquet": 5}
PACKAGES = {"parquet": "pyarrow", "pmtiles": "pmtiles"}
# All but the edge of what is held, so that its border cuts cells.
WIDE = (50.5, -2.0, 51.4, 0.0)


def measure() -> Iterator[Ratio]:
    """Each export, in turns with the bare COPY, whole and of an area; and how long tiles take."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with engines.temporary() as endpoints:
        settings = Settings(database_url=endpoints.database_url, redis_url=endpoints.redis_url)
        system.migrate(settings)
        with context.open_context(settings) as here:
            here.report_progress = lambda *_: None
            load(here.connection, CRIMES)
            rebuild_safety_grid()
            with here.connection.begin():
                land.add(here.connection, areas.from_box("wide", "Wide", WIDE, ()))
        engine = formats.in_one_state(database.create(settings))
        with tempfile.TemporaryFile() as file:
            yield from _measured(engine, file)
        engine.dispose()


def _measured(engine: Engine, file: IO[bytes]) -> Iterator[Ratio]:
    there = [form for form in FORMATS if form not in PACKAGES or find_spec(PACKAGES[form])]
    for form, area in itertools.product(there, (None, "wide")):
        query = ExportQuery(format=form, area=area)
        rounds = [_round(engine, query, file) for _ in range(ROUNDS)]
        mine, bare = (statistics.median(column) for column in zip(*rounds, strict=True))
        count, size = _export(engine, query, file)
        said = f"{count:,} {FORMATS[form].counts}, {size / 1e6:,.0f} MB"
        name = f"{form}, of an area" if area else form
        if form in GOALS:
            detail = f"{mine:.2f} s beside {bare:.2f} s of as many rows; {said}"
            yield Ratio(f"{name}, to a bare COPY", mine / bare, "x", None if area else GOALS[form], "lower", detail)
        else:
            yield Ratio(f"{name}, zoom 4 to {query.max_zoom}", mine, "s", None, "lower", said)


def _round(engine: Engine, query: ExportQuery, file: IO[bytes]) -> tuple[float, float]:
    """Seconds of an export, and of a bare COPY of as many rows."""
    counts: list[int] = []
    mine = seconds(lambda: counts.append(_export(engine, query, file)[0]))
    return mine, seconds(lambda: _copy(engine, counts[0], file))


def _export(engine: Engine, query: ExportQuery, file: IO[bytes]) -> tuple[int, int]:
    """Records and bytes."""
    file.seek(0)
    with engine.connect() as connection:
        source = formats.source(connection, query)
        size = sum(file.write(part) for part in FORMATS[query.format].write(source))
    return source.count, size


def _copy(engine: Engine, count: int, file: IO[bytes]) -> None:
    file.seek(0)
    with engine.connect() as connection:
        cursor: Any = connection.connection.cursor()
        rows = f"SELECT {', '.join(COLUMNS)} FROM safety_cells LIMIT {count}"
        cursor.copy_expert(f"COPY ({rows}) TO STDOUT WITH CSV HEADER", file)
