"""A town with a busy centre, as cells of the grid: something to see on the map."""

import datetime as dt
import json
import math
import random
from collections import Counter, defaultdict
from typing import Any

import h3
from sqlalchemy import Connection, text

from jobs.grid import coarse
from jobs.months import add_months

CATEGORIES = {
    "violent-crime": 6,
    "anti-social-behaviour": 4,
    "shoplifting": 3,
    "burglary": 1,
    "public-order": 2,
    "vehicle-crime": 1,
}
# Latitude, longitude, how far crimes spread in degrees, their share.
_CENTRES = ((50.905, -1.404, 0.006, 4), (50.915, -1.43, 0.012, 2), (50.93, -1.38, 0.018, 2), (50.91, -1.36, 0.03, 1))
_GENERATION = text(
    "INSERT INTO grid_generations (generation, made_at) VALUES (7, clock_timestamp()) "
    "ON CONFLICT (generation) DO UPDATE SET made_at = excluded.made_at"
)
_MONTH = text(
    """
    INSERT INTO grid_months (month, fingerprint, generation, h3_resolution, cells, crimes, built_at)
    VALUES (:month, '', 7, 10, 0, 0, now()) ON CONFLICT (month) DO NOTHING
    """
)
# All of the town is held, and all of the first area.
_HELD = (
    text(
        """
        INSERT INTO month_grounds (month, boundary, source)
        SELECT :month, jsonb_build_object('type', 'MultiPolygon', 'coordinates',
                                          '[[[[-3,50],[0,50],[0,52],[-3,52],[-3,50]]]]'::jsonb), 'a test'
        """
    ),
    text(
        """
        INSERT INTO area_months (area, month, is_whole, records, unplaced, categories)
        SELECT slug, :month, true, 0, 0, '{}' FROM areas WHERE slug = 'southampton-core' ON CONFLICT DO NOTHING
        """
    ),
)
_CELL = """
    INSERT INTO {table} (month, h3_index, crime_count_total, crime_count_weighted, stats {columns})
    SELECT :month, :cell, sum(n), sum(n * weight), CAST(:stats AS jsonb) {values}
    FROM jsonb_each_text(CAST(:stats AS jsonb)) AS counted (slug, written), CAST(written AS integer) AS n, crime_weights
    WHERE scheme = 'saferoute' AND category = slug
"""
_FINE = text(
    _CELL.format(
        table="safety_cells",
        columns=", cell_id, h3_resolution",
        values=", :cell || to_char(CAST(:month AS date), '_YYYYMM'), 10",
    )
)
_COARSE = text(_CELL.format(table="coarse_cells", columns="", values=""))


QUIET = (50.885, -1.47)
"""Where hardly anything happens, unless it rises."""


def build(connection: Connection, newest: dt.date, months: int = 12, crimes: int = 1500, rise: int = 0) -> str:
    """Cells of the months up to `newest`, so many crimes in each. Returns the busiest cell of resolution 9.

    rise: further crimes at the quiet place in each of the last three months.
    """
    chance = random.Random(11)
    all_crimes: Counter[str] = Counter()
    with connection.begin():
        for back in range(months):
            month, cells = add_months(newest, -back), _scattered(chance, crimes)
            if rise and back < 3:
                cells[h3.latlng_to_cell(*QUIET, 10)]["burglary"] += rise
            put(connection, month, cells)
            for cell, stats in cells.items():
                all_crimes[h3.cell_to_parent(cell, 9)] += stats.total()
    return all_crimes.most_common(1)[0][0]


def tile_of(cell: str, zoom: int) -> tuple[int, int, int]:
    """zoom, x and y of the tile that a cell's centre is in: https://wiki.openstreetmap.org/wiki/Slippy_map_tilenames"""
    lat, lng = h3.cell_to_latlng(cell)
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return zoom, int((lng + 180) / 360 * 2**zoom), int(y * 2**zoom)


def put(connection: Connection, month: dt.date, cells: dict[str, Counter[str]]) -> None:
    """Cells of a month, {cell of resolution 10: {category: crimes}}, as the grid has them. Part of a transaction."""
    for statement in (_MONTH, *_HELD):
        connection.execute(statement, {"month": month})
    connection.execute(_GENERATION)
    connection.execute(_FINE, _values(month, cells))
    connection.execute(_COARSE, _values(month, _parents(cells)))


def _values(month: dt.date, cells: dict[str, Counter[str]]) -> list[dict[str, Any]]:
    return [{"month": month, "cell": cell, "stats": json.dumps(stats)} for cell, stats in cells.items()]


def _parents(cells: dict[str, Counter[str]]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for cell, stats in cells.items():
        for resolution in coarse.RESOLUTIONS:
            found[h3.cell_to_parent(cell, resolution)] += stats
    return found


def _scattered(chance: random.Random, crimes: int) -> dict[str, Counter[str]]:
    """{cell: {category: crimes}}"""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for _ in range(crimes):
        lat, lng, spread, _share = chance.choices(_CENTRES, [share for *_, share in _CENTRES])[0]
        cell = h3.latlng_to_cell(chance.gauss(lat, spread), chance.gauss(lng, spread * 1.5), 10)
        found[cell][chance.choices(list(CATEGORIES), list(CATEGORIES.values()))[0]] += 1
    return found
