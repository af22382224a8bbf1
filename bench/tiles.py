"""Tiles of a grid of the whole country: read anew at every zoom, and cached beside a bare Flask route.

`BENCH_CRIMES` is the number of crimes in three years; the country has about 18,000,000.
"""

import math
from collections.abc import Iterator
from functools import partial

import structlog
from redis import Redis
from sqlalchemy import text

import jobs.cache
from bench import country, served
from bench.grid import CRIMES
from bench.harness import Ratio, median_seconds
from jobs import context, database
from jobs.grid.query import TileQuery
from jobs.grid.reading import Grid
from jobs.grid.rebuild import rebuild_safety_grid
from jobs.grid.tiles import Tile
from web.settings import Settings
from worker import engines, system

ZOOMS = range(4, 13)
LONDON = (51.51, -0.12)
ROUNDS, REQUESTS = 5, 100
COLD_S, TIMES = 0.3, 5


def measure() -> Iterator[Ratio]:
    """The tile of each zoom that has London. Raises Missing without the real crimes."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with engines.temporary() as endpoints:
        settings = Settings(database_url=endpoints.database_url, redis_url=endpoints.redis_url)
        system.migrate(settings)
        with context.open_context(settings) as here:
            here.report_progress = lambda *_: None
            country.load(here.connection, CRIMES)
            rebuild_safety_grid(months=len(country.MONTHS))
            cells = here.connection.scalar(text("SELECT sum(cells) FROM grid_months"))
        yield from _cold(settings, f"{CRIMES:,} crimes, {cells:,} cells of {len(country.MONTHS)} months")
        yield from _warm(settings)


def _cold(settings: Settings, size: str) -> Iterator[Ratio]:
    engine = database.create(settings, pool=True)
    grid, cache = Grid(settings, engine), jobs.cache.connect(settings)
    for zoom in ZOOMS:
        tile = _tile(zoom)
        read = partial(_read, grid, cache, tile)
        detail = f"median of 5, {read() / 1024:.0f} kB packed, resolution {tile.resolution}; {size}"
        yield Ratio(f"tile of zoom {zoom} that is not kept", median_seconds(read), "s", COLD_S, "lower", detail)
    engine.dispose()


def _read(grid: Grid, cache: Redis, tile: Tile) -> int:
    """Bytes of the tile, packed."""
    jobs.cache.drop_snapshots(cache)
    return len(grid.tile(tile, TileQuery()).packed or b"")


def _warm(settings: Settings) -> Iterator[Ratio]:
    asked = {"Authorization": f"Bearer {served.TOKEN}", "Accept-Encoding": "gzip"}
    with served.ours(settings, asked) as app:
        for zoom in ZOOMS:
            tile = _tile(zoom)
            path = f"/api/v1/grid/tiles/{tile.z}/{tile.x}/{tile.y}.mvt"
            # Asked once, it is kept.
            app.once(path)
            body = app.once(path)
            with served.bare(body, asked) as other:
                mine, theirs = served.in_turns(app, other, path, ROUNDS, REQUESTS)
            detail = f"{mine * 1e6:.0f} us beside {theirs * 1e6:.0f} us, {len(body) / 1024:.0f} kB"
            yield Ratio(f"kept tile of zoom {zoom} to a bare route", mine / theirs, "x", TIMES, "lower", detail)


def _tile(zoom: int) -> Tile:
    lat, lng = LONDON
    down = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return Tile(zoom, int((lng + 180) / 360 * 2**zoom), int(down * 2**zoom))
