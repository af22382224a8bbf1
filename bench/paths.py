"""Paths that are scored, beside one PostGIS statement that says the same of them, over the same cells with a GiST
index.

Both are warm. The statement runs on its best settings, analysed, and says all that the answer says of each segment, but
for the interval and the coverage. The two agree to 1 %: one has metres of a national projection, the other those on the
ellipsoid. A process reads the counts of a cell once from each version of the grid. The second row is for a process that
reads them, and the coverage, from the database in each request. `BENCH_CRIMES` is the number of crimes. It needs
Debian's PostgreSQL with PostGIS, as the tests do.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import h3
import numpy as np
import shapely
import structlog
from sqlalchemy import Connection, text

from bench.grid_crimes import MONTHS, load
from bench.harness import Ratio, seconds
from jobs import context, database
from jobs.database import copy
from jobs.grid.paths.geodesy import Floats
from jobs.grid.paths.query import MOST_PATHS, PathQuery
from jobs.grid.reading import Grid
from jobs.grid.rebuild import rebuild_safety_grid
from jobs.grid.region import outlines
from tests.servers import debian_postgres
from web.settings import Settings
from worker import engines, system

CRIMES = int(os.environ.get("BENCH_CRIMES", "1000000"))
WAYS = 1_000
STEP_M = 40.0
BUFFER_M = 50
_PLANAR = """
    CREATE TABLE planar AS SELECT h3_index, ST_Transform(shape, 27700) AS shape FROM bench_cells;
    CREATE INDEX ON planar USING gist (shape);
    CREATE TABLE ways (id int PRIMARY KEY, line geometry(LineString, 4326))
"""
# As a database that does little else is set: nothing of the statement is written to disk, and it is not compiled.
_SETTINGS = "SET LOCAL work_mem = '1GB'; SET LOCAL jit = off"
# In metres from the start, so that neither buffers nor intersections have to go through a projection of their own.
_PEER = f"""
    WITH segments AS MATERIALIZED (
        SELECT ways.id, (part).path[1] AS number, (part).geom AS lnglat, ST_Length((part).geom::geography) AS length_m,
               ST_Transform((part).geom, 27700) AS line,
               ST_Buffer(ST_Transform((part).geom, 27700), {BUFFER_M}, 'endcap=flat') AS corridor
        FROM ways, ST_DumpSegments(line) AS part
    ), pairs AS MATERIALIZED (
        SELECT id, number, h3_index, ST_Length(ST_Intersection(line, shape)) AS inside_m,
               ST_Area(ST_Intersection(corridor, shape)) AS area, ST_Area(shape) AS whole
        FROM segments JOIN planar ON ST_Intersects(corridor, shape)
    ), counts AS MATERIALIZED (
        SELECT h3_index, key AS category, sum(value::int) AS n, sum(value::int * weight) AS weighted
        FROM (SELECT DISTINCT h3_index FROM pairs) AS touched JOIN safety_cells USING (h3_index)
        CROSS JOIN jsonb_each_text(stats) JOIN crime_weights ON crime_weights.category = key
        JOIN weight_schemes ON name = scheme AND is_default
        WHERE month = ANY(:months) GROUP BY 1, 2
    ), cells AS MATERIALIZED (
        SELECT h3_index, sum(n) AS n, sum(weighted) AS weighted FROM counts GROUP BY 1
    ), told AS MATERIALIZED (
        SELECT id, number, coalesce(sum(area / whole * n), 0) AS crimes, coalesce(sum(n), 0) < 5 AS few_data,
               coalesce(sum(area / whole * weighted), 0) AS weighted,
               jsonb_agg(jsonb_build_object('h3', h3_index, 'length_m', inside_m, 'share', area / whole)) AS cells
        FROM pairs LEFT JOIN cells USING (h3_index) GROUP BY 1, 2
    ), shares AS MATERIALIZED (
        SELECT id, number, jsonb_object_agg(category, part / nullif(crimes, 0)) AS categories FROM (
            SELECT id, number, category, sum(area / whole * counts.n) AS crimes
            FROM pairs JOIN counts USING (h3_index) GROUP BY 1, 2, 3
        ) AS of_category (id, number, category, part) JOIN told USING (id, number) GROUP BY 1, 2
    )
    SELECT id, sum(length_m), sum(crimes), sum(weighted), jsonb_agg(jsonb_build_object(
        'from', jsonb_build_array(ST_X(ST_StartPoint(lnglat)), ST_Y(ST_StartPoint(lnglat))),
        'to', jsonb_build_array(ST_X(ST_EndPoint(lnglat)), ST_Y(ST_EndPoint(lnglat))),
        'length_m', length_m, 'crimes', crimes, 'weighted', weighted, 'few_data', few_data, 'cells', told.cells,
        'weighted_per_km_month', weighted / nullif(length_m, 0) * 1000 / cardinality(:months),
        'categories', shares.categories) ORDER BY number)::text, sum(jsonb_array_length(told.cells))
    FROM segments JOIN told USING (id, number) LEFT JOIN shares USING (id, number) GROUP BY id ORDER BY id
"""


def measure() -> Iterator[Ratio]:
    """WAYS ways of 2 to 10 km, both warm."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with engines.temporary() as endpoints, debian_postgres() as server:
        settings = Settings(database_url=server.url(), redis_url=endpoints.redis_url)
        system.migrate(settings)
        with context.open_context(settings) as here:
            here.report_progress = lambda *_: None
            load(here.connection, CRIMES)
            rebuild_safety_grid()
            yield from _Beside(settings, here.connection, list(_ways(here.connection))).ratios()


class _Beside:
    """The two with the same ways, warm."""

    def __init__(self, settings: Settings, connection: Connection, ways: list[Floats]) -> None:
        self._settings, self._connection = settings, connection
        self._engine = database.create(settings, pool=True)
        self._grid = Grid(settings, self._engine)
        lines = [{"type": "LineString", "coordinates": way.tolist()} for way in ways]
        self._requests = [lines[low : low + MOST_PATHS] for low in range(0, WAYS, MOST_PATHS)]
        told = [way for answer in self.ask() for way in json.loads(answer)["paths"]]
        self._weighted = [way["weighted"] for way in told]
        self._km = sum(way["length_m"] for way in told) / 1000
        named = [[cell["h3"] for cell in segment["cells"]] for way in told for segment in way["segments"]]
        self._segments, self._pairs = len(named), sum(map(len, named))
        self._hold(ways, {cell for some in named for cell in some})

    def _hold(self, ways: list[Floats], named: set[str]) -> None:
        """What the statement reads: all cells of the corridors and those around them, with crimes or without."""
        cells = sorted({near for cell in named for near in h3.grid_disk(cell, 1)})
        shapes = shapely.set_srid(outlines([h3.str_to_int(cell) for cell in cells]), 4326)
        rows = zip(cells, shapely.to_wkb(shapes, hex=True, include_srid=True), strict=True)
        with self._connection.begin():
            self._connection.execute(text("CREATE TABLE bench_cells (h3_index text, shape geometry(Polygon, 4326))"))
            copy(self._connection, "bench_cells", ("h3_index", "shape"), rows)
            self._connection.execute(text(_PLANAR))
            lines = [{"id": number, "line": _text(way)} for number, way in enumerate(ways)]
            self._connection.execute(text("INSERT INTO ways VALUES (:id, ST_GeomFromText(:line, 4326))"), lines)
        with self._connection.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as plain:
            plain.execute(text("VACUUM ANALYZE planar, ways, safety_cells, bench_cells"))

    def ratios(self) -> Iterator[Ratio]:
        """Medians, of rounds in which each of them has its turn."""
        self.theirs()
        works = (self.theirs, self.ask, self.ask_anew)
        rounds = np.array([[self._took(work) for work in works] for _ in range(3)])
        (theirs, busy), *ours = np.median(rounds, axis=0).tolist()
        km = self._km / WAYS
        pairs = f"{self._segments:,} segments with {self._pairs:,} cells"
        about = f"{WAYS:,} paths, {km:.1f} km on average, {pairs}, {CRIMES:,} crimes"
        name = "paths scored to one PostGIS statement"
        names = (name, f"{name}, counts read from the database in each request")
        for name, goal, (mine, my_busy) in zip(names, (10, None), ours, strict=True):
            detail = (
                f"{WAYS / mine:.0f} a second beside {WAYS / theirs:.1f}; {about}; processors {busy / my_busy:.1f} x, "
                f"{my_busy:.1f} s beside {busy:.1f} s"
            )
            yield Ratio(name, theirs / mine, "x", goal, "higher", detail)

    def _took(self, work: Callable[[], object]) -> tuple[float, float]:
        """Seconds on the clock, and of processors: those of this process and of its connections' servers."""
        before = self._busy()
        return seconds(work), self._busy() - before

    def _busy(self) -> float:
        with self._connection.begin():
            statement = text("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'")
            pids = self._connection.scalars(statement).all()
        # User and system, in ticks: proc(5). The name before them may have spaces.
        columns = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13] for pid in pids]
        return time.process_time() + sum(int(one) for some in columns for one in some) / os.sysconf("SC_CLK_TCK")

    def ask(self) -> list[str]:
        """Of a process that has read the counts of this version of the grid before."""
        return [self._grid.paths(PathQuery(paths=lines, buffer_m=BUFFER_M)) for lines in self._requests]

    def ask_anew(self) -> None:
        """Of one that has not; shapes of cells are known, as those of the statement are in its table."""
        for lines in self._requests:
            Grid(self._settings, self._engine).paths(PathQuery(paths=lines, buffer_m=BUFFER_M))

    def theirs(self) -> None:
        """Raises RuntimeError where they differ by more than metres of a projection and of the ellipsoid do."""
        with self._connection.begin():
            self._connection.execute(text(_SETTINGS))
            rows = self._connection.execute(text(_PEER), {"months": MONTHS}).all()
        difference = max(abs(row[3] / mine - 1) for row, mine in zip(rows, self._weighted, strict=True))
        pairs = sum(row[5] for row in rows)
        if difference > 0.01 or abs(pairs / self._pairs - 1) > 0.01:
            raise RuntimeError(
                f"The two differ by {difference:.2%}, in {pairs:,} and {self._pairs:,} cells of segments"
            )


def _ways(connection: Connection) -> Iterator[Floats]:
    """From one crime on, as a road bends, over held land."""
    chance = np.random.default_rng(1)
    points = connection.execute(text("SELECT longitude, latitude FROM points ORDER BY id LIMIT 40000")).all()
    connection.rollback()
    for _ in range(WAYS):
        steps = int(chance.uniform(2_000, 10_000) / STEP_M)
        angles = chance.uniform(0, 2 * np.pi) + np.cumsum(chance.normal(0, 0.2, steps))
        moves = STEP_M * np.stack([np.cos(angles) / 70_000, np.sin(angles) / 111_000], axis=-1)
        yield np.array(points[chance.integers(len(points))]) + np.concatenate(([[0.0, 0.0]], np.cumsum(moves, axis=0)))


def _text(way: Floats) -> str:
    return f"LINESTRING({', '.join(f'{lng!r} {lat!r}' for lng, lat in way.tolist())})"
