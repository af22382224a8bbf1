"""The grid of three years on the embedded PostgreSQL: a full build, one changed month, the health check, and reads.

The floor of a build is the bare `GROUP BY` of the crimes and the `COPY` of the finished rows; that of the health
check is the `GROUP BY` alone. A month that is looked for among all takes longer, because a run counts the distinct
cells of its whole period. DuckDB's column store shows what grouping can take where rows need no transaction, no
index and no readers beside them. `BENCH_CRIMES` is the number of crimes, drawn from two real months of the country;
`BENCH_POSTGIS_URL` names an empty database on a server with PostGIS.
"""

import os
import tempfile
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Connection, text

import jobs.cache
from bench import cached_get
from bench.country import MONTHS, load
from bench.harness import Missing, Ratio, median_seconds, seconds
from jobs import context, database
from jobs.context import Context
from jobs.grid.query import GridQuery
from jobs.grid.reading import Grid
from jobs.grid.rebuild import rebuild_safety_grid
from jobs.validation import validate_h3_grid_health
from tests.standins.police import PoliceStandin, Records
from web.settings import Settings
from worker import engines, system

CRIMES = int(os.environ.get("BENCH_CRIMES", "6000000"))
POSTGIS = os.environ.get("BENCH_POSTGIS_URL", "")

TOWN = "50.85,-1.5,50.97,-1.3"
EVERY = len(MONTHS)

_GROUPED = "SELECT month, h3_cell, category, count(*) FROM placed_crimes GROUP BY 1, 2, 3"


def measure() -> Iterator[Ratio]:
    """Build, rebuild, check and read a grid of CRIMES crimes over MONTHS. Raises Missing without the real crimes."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with engines.temporary() as endpoints:
        settings = Settings(database_url=endpoints.database_url, redis_url=endpoints.redis_url)
        yield from _measure(settings, "")
        if POSTGIS:
            with_shapes = settings.model_copy(update={"database_url": POSTGIS})
            yield from _measure(with_shapes, ", with PostGIS")


def _measure(settings: Settings, where: str) -> Iterator[Ratio]:
    system.migrate(settings)
    with context.open_context(settings) as here:
        # Quiet: a line of progress for each month is none of the measurement.
        here.report_progress = lambda *_: None
        took = seconds(lambda: load(here.connection, CRIMES))
        said = f"{CRIMES:,} crimes, loaded in {took:.0f} s"
        full = seconds(lambda: rebuild_safety_grid(months=EVERY))
        floor = Floor(here.connection)
        yield Ratio(
            f"full build{where}",
            full / floor.seconds,
            "x",
            None if where else 1.5,
            "lower",
            f"{full:.1f} s beside {floor.seconds:.1f} s ({floor.grouping:.1f} grouping, {floor.copying:.1f} COPY of "
            f"{floor.rows:,} rows); {said}",
        )
        for how, goal, asked in (("as an ingestion asks for it", 0.08, 1), ("found among all", 0.08, EVERY)):
            one = _one_month(here, asked)
            detail = f"{one:.2f} s beside {full:.1f} s"
            yield Ratio(f"one changed month, {how}, to a full build{where}", one / full, "x", goal, "lower", detail)
        yield _checking(here, floor, where)
        if not where:
            yield from _reading(settings)
            yield from _peers(here.connection, floor.grouping)


class Floor:
    """The bare grouping, and COPY of the finished rows into a table of the same columns and indexes."""

    def __init__(self, connection: Connection) -> None:
        self.grouping = seconds(lambda: self._group(connection))
        with tempfile.TemporaryFile() as finished:
            cursor: Any = connection.connection.cursor()
            cursor.copy_expert("COPY (SELECT * FROM safety_cells) TO STDOUT", finished)
            cursor.execute("CREATE TABLE floor_cells (LIKE safety_cells INCLUDING ALL)")
            finished.seek(0)
            self.copying = seconds(lambda: self._copy(connection, cursor, finished))
        self.rows = connection.scalar(text("SELECT count(*) FROM floor_cells"))
        connection.execute(text("DROP TABLE floor_cells"))
        connection.commit()
        self.seconds = self.grouping + self.copying

    @staticmethod
    def _group(connection: Connection) -> None:
        # As a table that is not logged: the rows are made, and not sent to a client.
        connection.execute(text(f"CREATE TEMPORARY TABLE grouped ON COMMIT DROP AS {_GROUPED}"))
        connection.commit()

    @staticmethod
    def _copy(connection: Connection, cursor: Any, finished: Any) -> None:
        cursor.copy_expert("COPY floor_cells FROM STDIN", finished)
        connection.commit()


def _one_month(here: Context, asked: int) -> float:
    """A month of which one crime is gone, built by a run that is asked for `asked` months."""
    month = MONTHS[0] if asked > 1 else MONTHS[len(MONTHS) // 2]
    with here.connection.begin():
        gone = "DELETE FROM crime_incidents WHERE id = (SELECT min(id) FROM crime_incidents WHERE month = :month)"
        here.connection.execute(text(gone), {"month": month})
        changed = "UPDATE held_months SET fingerprint = 'changed' WHERE month = :month"
        here.connection.execute(text(changed), {"month": month})
    return seconds(lambda: rebuild_safety_grid(months=asked, until=f"{month:%Y-%m}"))


def _checking(here: Context, floor: Floor, where: str) -> Ratio:
    """The health check beside the grouping of the crimes that it compares the grid with."""
    with PoliceStandin(Records([]), rate=None, published=[f"{MONTHS[0]:%Y-%m}"]) as police:
        here.settings = here.settings.model_copy(update={"police_api_base_url": police.url})
        took = seconds(validate_h3_grid_health)
    detail = f"{took:.1f} s beside {floor.grouping:.1f} s"
    return Ratio(f"check of the grid to a bare grouping{where}", took / floor.grouping, "x", 2, "lower", detail)


def _reading(settings: Settings) -> Iterator[Ratio]:
    """Cells of a town: read anew, and kept beside a bare Flask route that returns the same bytes."""
    asked = GridQuery.model_validate({"bbox": TOWN})
    engine = database.create(settings, pool=True)
    grid = Grid(settings, engine)
    cache = jobs.cache.connect(settings)

    def read() -> None:
        jobs.cache.drop_snapshots(cache)
        grid.cells(asked)

    took = median_seconds(read)
    engine.dispose()
    yield Ratio("GET /grid that is not kept", took, "s", None, "lower", f"median of 5, {CRIMES:,} crimes")
    name = "cached GET /grid beside a bare Flask route"
    yield cached_get.ratio(settings, name, f"/api/v1/grid?bbox={TOWN}", 5, {"Accept-Encoding": "gzip"})


def _peers(connection: Connection, grouping: float) -> Iterator[Ratio]:
    """The same grouping by DuckDB from a Parquet file, for comparison."""
    if missing := [name for name in ("duckdb", "pyarrow") if find_spec(name) is None]:
        raise Missing(f"DuckDB beside it needs {' and '.join(missing)}")
    duckdb, csv, parquet = import_module("duckdb"), import_module("pyarrow.csv"), import_module("pyarrow.parquet")
    with tempfile.TemporaryDirectory() as folder:
        plain, file = Path(folder) / "crimes.csv", Path(folder) / "crimes.parquet"
        cursor: Any = connection.connection.cursor()
        with plain.open("wb") as out:
            cursor.copy_expert("COPY (SELECT month, h3_cell, category FROM placed_crimes) TO STDOUT CSV HEADER", out)
        connection.rollback()
        parquet.write_table(csv.read_csv(plain), file)
        grouped = f"CREATE TABLE grouped AS SELECT month, h3_cell, category, count(*) FROM '{file}' GROUP BY 1, 2, 3"
        took = seconds(lambda: duckdb.connect().execute(grouped))
    detail = f"{grouping:.2f} s beside {took:.2f} s from Parquet; grouping alone, without rows or indexes of a table"
    yield Ratio("PostgreSQL's grouping beside DuckDB's", grouping / took, "x", None, "lower", detail)
