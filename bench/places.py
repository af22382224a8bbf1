"""Names of streets as people type them, found in the whole country.

Some are whole, some begun, and some have a letter that is missing, swapped or wrong.

The peers are a search with `pg_trgm` and a bare prefix query with an index, over the same names; they say neither
where a street is nor what is around it. `BENCH_POINTS` is the number of points. It needs Debian's PostgreSQL, as
the tests do.
"""

import csv
import io
import itertools
import os
import random
import statistics
import zipfile
from collections.abc import Callable, Iterator, Sequence
from unittest.mock import patch

import h3.api.basic_int as h3
import numpy as np
import structlog
from sqlalchemy import Connection, text

from bench.country import REAL
from bench.harness import Missing, Ratio, seconds
from jobs import areas, context
from jobs.database import copy
from jobs.gazetteer import names, search, upkeep
from jobs.gazetteer.query import PlaceQuery
from jobs.held import points
from tests.servers import debian_postgres
from web.settings import Settings
from worker import engines, system

POINTS = int(os.environ.get("BENCH_POINTS", "600000"))
NAMES, TRIES, ROUNDS = 300_000, 200, 5
FIND_S = 0.05
# Of a month's points: so many are seen for the first time once some months are held.
MONTH, NEW = 300_000, 30_000
_COUNTRY = text(
    "INSERT INTO areas (slug, name, boundary, is_box) VALUES ('country', 'Country', "
    """'{"type": "Polygon", "coordinates": [[[-9, 49], [3, 49], [3, 62], [-9, 62], [-9, 49]]]}', true)"""
)
_PEER = "CREATE EXTENSION pg_trgm; CREATE INDEX peer ON street_names USING gin (key gin_trgm_ops)"
# The names alone: where they are, and what is around, are left to whoever asks.
_TRGM = text("SELECT id FROM street_names WHERE key % :key ORDER BY similarity(key, :key) DESC, id LIMIT 10")
_PREFIX = text("SELECT id FROM street_names WHERE key LIKE :key ORDER BY key LIMIT 10")

Spot = tuple[float, float, str]


def measure() -> Iterator[Ratio]:
    """TRIES names as people type them: all of it, its beginning, a letter left out, swapped or wrong."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with engines.temporary() as endpoints, debian_postgres() as server:
        settings = Settings(database_url=server.url(), redis_url=endpoints.redis_url)
        system.migrate(settings)
        with context.open_context(settings) as here:
            spots = _drawn(random.Random(1))
            filling = _hold(here.connection, spots)
            typed = list(_typed(random.Random(2), spots))
            yield from _finding(here.connection, typed, filling)
            yield _keeping(here.connection, spots)


def _drawn(chance: random.Random) -> list[Spot]:
    """Real points, and more of them beside the real ones, with names made of two real ones."""
    real = sorted(set(_real()))
    known = sorted({name for _, _, name in real})
    made = set(known)
    while len(made) < NAMES:
        one, other = chance.choice(known), chance.choice(known)
        made.add(" ".join((*one.split()[:-1], *other.split()[-1:])))
    fresh = sorted(made - set(known))
    # Each of them somewhere, and then any of them again.
    streets = itertools.chain(fresh, iter(lambda: chance.choice(fresh), None))
    more = (
        (lat + chance.uniform(-0.02, 0.02), lng + chance.uniform(-0.03, 0.03), next(streets))
        for lat, lng, _ in chance.choices(real, k=POINTS - len(real))
    )
    return [*real, *((round(lat, 6), round(lng, 6), name) for lat, lng, name in more)]


def _real() -> Iterator[Spot]:
    if not REAL.exists():
        raise Missing(f"the real crimes in {REAL.name}")
    with zipfile.ZipFile(REAL) as archive:
        for name in archive.namelist():
            if name.endswith("-street.csv"):
                for row in csv.DictReader(io.StringIO(archive.read(name).decode(), newline="")):
                    if row["Latitude"]:
                        yield float(row["Latitude"]), float(row["Longitude"]), row["Location"]


def _hold(connection: Connection, spots: Sequence[Spot]) -> float:
    """Hold the points in one area that has all of them. Returns the seconds that the gazetteer took."""
    with connection.begin():
        rows = (
            (*spot, h3.latlng_to_cell(*spot[:2], 10), h3.latlng_to_cell(*spot[:2], 6)) for spot in dict.fromkeys(spots)
        )
        copy(connection, "points", ("latitude", "longitude", "street_name", "h3_cell", "coarse_cell"), rows)
        connection.execute(_COUNTRY)
        connection.execute(text("INSERT INTO area_points SELECT 'country', id FROM points"))
        connection.execute(text("ANALYZE points, area_points"))
        taken = seconds(lambda: upkeep.refill(connection, "country"))
        connection.exec_driver_sql(_PEER)
    with connection.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as plain:
        plain.execute(text("VACUUM ANALYZE points, area_points, street_names, street_parts"))
    return taken


def _typed(chance: random.Random, spots: Sequence[Spot]) -> Iterator[str]:
    named = [name for _, _, name in spots if not (names.is_kind(name) or names.is_nameless(name))]
    for number in range(TRIES):
        name = names.shown(chance.choice(named)).lower()
        at = chance.randrange(1, len(name) - 1) if len(name) > 3 else 1
        yield (
            name,
            name[: max(3, at + 1)],
            name[:at] + name[at + 1 :],
            name[:at] + name[at : at + 2][::-1] + name[at + 2 :],
            f"{name[:at]}{chance.choice('aeiourstln')}{name[at + 1 :]}",
        )[number % 5]


def _finding(connection: Connection, typed: Sequence[str], filling: float) -> Iterator[Ratio]:
    with connection.begin():
        size = connection.execute(
            text(
                "SELECT count(*), (SELECT count(*) FROM street_parts), (SELECT count(*) FROM points) FROM street_names"
            )
        ).one()
        about = f"{size[2]:,} points, {size[0]:,} names in {size[1]:,} boxes, filled in {filling:.0f} s"
        keys = [names.key(one) for one in typed]
        mine = _times(typed, lambda one: search.find(connection, PlaceQuery(q=one)))
        trgm = _times(keys, lambda key: connection.execute(_TRGM, {"key": key}).all())
        bare = _times(keys, lambda key: connection.execute(_PREFIX, {"key": f"{key}%"}).all())
    middle, peer, floor = (statistics.median(one) for one in (mine, trgm, bare))
    late = float(np.quantile(mine, 0.95))
    yield Ratio("place found, median", middle, "s", FIND_S, "lower", about)
    yield Ratio("place found, 95th percentile", late, "s", FIND_S, "lower", f"slowest {max(mine):.3f} s")
    beside = f"{middle * 1e3:.1f} ms beside {{:.1f}} ms; ours with where it is and what is around"
    yield Ratio("place found to names by pg_trgm", middle / peer, "x", 1, "lower", beside.format(peer * 1e3))
    yield Ratio("place found to a bare prefix query", middle / floor, "x", None, "lower", beside.format(floor * 1e3))


def _times(asked: Sequence[str], look: Callable[[str], object]) -> list[float]:
    """The best of ROUNDS for each."""
    return [min(seconds(lambda one=one: look(one)) for _ in range(ROUNDS)) for one in asked]  # type: ignore[misc]


def _keeping(connection: Connection, spots: Sequence[Spot]) -> Ratio:
    """A month's points are looked up, a tenth of them new: what of that time is the gazetteer's."""
    chance = random.Random(3)
    fresh = [(round(lat + 0.5e-6, 7), lng, name) for lat, lng, name in chance.sample(spots, NEW)]
    lat, lng, streets = zip(*dict.fromkeys([*chance.sample(spots, MONTH - NEW), *fresh]), strict=True)
    month = points.Places(np.array(lat), np.array(lng), streets, [None] * len(streets))
    own: list[float] = []
    parts = {name: _timed(getattr(upkeep, name), own) for name in ("name", "add")}
    with connection.begin(), patch.multiple(upkeep, **parts):
        known = [area for area in areas.all_areas(connection) if area.slug == "country"]
        whole = seconds(lambda: points.ids(connection, month, known, 10))
    detail = f"{sum(own):.1f} s of {whole:.1f} s for {MONTH:,} points, {NEW:,} of them new"
    return Ratio("gazetteer's share of a month's points", sum(own) / whole, "x", 0.2, "lower", detail)


def _timed(work: Callable[..., object], taken: list[float]) -> Callable[..., None]:
    return lambda *given: taken.append(seconds(lambda: work(*given)))
