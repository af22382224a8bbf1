"""Paths that are scored, beside one PostGIS statement that says the same of them, over the same cells with a GiST
index.

The two agree to 1 %: one has metres of a national projection, the other those on the ellipsoid. `BENCH_CRIMES` is
the number of crimes. It needs Debian's PostgreSQL with PostGIS, as the tests do.
"""

import json
import os
from collections.abc import Iterator

import numpy as np
import structlog
from sqlalchemy import Connection, text

from bench.grid_crimes import MONTHS, load
from bench.harness import Ratio, seconds
from jobs import context, database
from jobs.grid.paths.geodesy import Floats
from jobs.grid.paths.query import MOST_PATHS, PathQuery
from jobs.grid.reading import Grid
from jobs.grid.rebuild import rebuild_safety_grid
from tests.servers import debian_postgres
from web.settings import Settings
from worker import engines, system

CRIMES = int(os.environ.get("BENCH_CRIMES", "1000000"))
WAYS = 1_000
STEP_M = 40.0
BUFFER_M = 50
_PLANAR = """
    CREATE TABLE planar AS SELECT h3_index, ST_Transform(shape, 27700) AS shape FROM cell_shapes;
    CREATE INDEX ON planar USING gist (shape);
    CREATE TABLE ways (id int PRIMARY KEY, line geometry(LineString, 4326))
"""
# In metres from the start, so that neither buffers nor intersections have to go through a projection of their own.
_PEER = f"""
    WITH segments AS MATERIALIZED (
        SELECT ways.id, (part).path[1] AS number, ST_Length((part).geom::geography) AS length_m,
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
        SELECT h3_index, sum(n) AS n, sum(weighted) AS weighted, jsonb_object_agg(category, n) AS categories
        FROM counts GROUP BY 1
    ), told AS MATERIALIZED (
        SELECT id, number, sum(area / whole * n) AS crimes, sum(area / whole * weighted) AS weighted, sum(n) AS touched,
               jsonb_agg(jsonb_build_object('h3', h3_index, 'length_m', inside_m, 'share', area / whole)) AS cells
        FROM pairs LEFT JOIN cells USING (h3_index) GROUP BY 1, 2
    ), shares AS MATERIALIZED (
        SELECT id, number, jsonb_object_agg(category, crimes) AS categories FROM (
            SELECT id, number, category, sum(area / whole * counts.n) AS crimes
            FROM pairs JOIN counts USING (h3_index) GROUP BY 1, 2, 3
        ) AS of_category GROUP BY 1, 2
    )
    SELECT id, sum(length_m), sum(crimes), sum(weighted), jsonb_agg(jsonb_build_object(
        'length_m', length_m, 'crimes', crimes, 'weighted', weighted, 'touched', touched, 'cells', told.cells,
        'categories', shares.categories) ORDER BY number)::text
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
            ways = list(_ways(here.connection))
            yield _beside(settings, here.connection, ways)


def _beside(settings: Settings, connection: Connection, ways: list[Floats]) -> Ratio:
    with connection.begin():
        connection.execute(text(_PLANAR))
        rows = [{"id": number, "line": _text(way)} for number, way in enumerate(ways)]
        connection.execute(text("INSERT INTO ways VALUES (:id, ST_GeomFromText(:line, 4326))"), rows)
    with connection.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as plain:
        plain.execute(text("VACUUM ANALYZE planar, ways, safety_cells, cell_shapes"))
    grid = Grid(settings, database.create(settings, pool=True))
    answers: list[str] = []

    def ours() -> None:
        answers.clear()
        for low in range(0, WAYS, MOST_PATHS):
            lines = [{"type": "LineString", "coordinates": way.tolist()} for way in ways[low : low + MOST_PATHS]]
            answers.append(grid.paths(PathQuery(paths=lines, buffer_m=BUFFER_M)))

    def theirs() -> None:
        with connection.begin():
            rows = connection.execute(text(_PEER), {"months": MONTHS}).all()
        difference = max(abs(row[3] / one["weighted"] - 1) for row, one in zip(rows, told, strict=True))
        # Metres of a national projection, and those on the ellipsoid.
        if difference > 0.01:
            raise RuntimeError(f"The two differ by {difference:.2%}")

    ours()
    told = [way for answer in answers for way in json.loads(answer)["paths"]]
    mine = min(seconds(ours), seconds(ours))
    theirs()
    other = min(seconds(theirs), seconds(theirs))
    segments = sum(len(way) - 1 for way in ways)
    detail = (
        f"{WAYS / mine:.0f} a second beside {WAYS / other:.1f}; {WAYS:,} ways, {segments:,} segments, "
        f"{sum(one['length_m'] for one in told) / 1000 / WAYS:.1f} km on average, {CRIMES:,} crimes"
    )
    return Ratio("ways scored to one PostGIS statement", other / mine, "x", 10, "higher", detail)


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
