"""Crimes of the whole country: those of two real months, drawn anew for each of three years of months."""

import csv
import datetime as dt
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import h3.api.basic_int as h3
from sqlalchemy import Connection, text

from bench.harness import Missing
from jobs.coverage.cells import RESOLUTION as COARSE
from jobs.database import copy
from jobs.held import partitions, summaries
from jobs.months import add_months
from jobs.settings import Settings

REAL = Path(__file__).parents[2] / "shared/data/police/2024-02.zip"
RESOLUTION = Settings().h3_resolution
NEWEST = dt.date(2024, 12, 1)
MONTHS = [add_months(NEWEST, -age) for age in range(36)]

_AREA = text("INSERT INTO areas (slug, name, boundary, is_box) VALUES ('country', 'Country', :border, false)")
_DRAW = text(
    """
    INSERT INTO crime_incidents (month, category, point_id) SELECT :month, category, point_id
    FROM real_crimes CROSS JOIN generate_series(1, :times) WHERE random() < :share
    """
)
_GROUND = text("INSERT INTO month_grounds (month, boundary, source) SELECT :month, boundary, 'bench' FROM areas")
_HELD = text(
    "INSERT INTO area_months (area, month, is_whole, records, unplaced, categories) "
    "SELECT slug, month, true, crimes, 0, '{}' FROM held_months CROSS JOIN areas"
)


def load(connection: Connection, count: int) -> None:
    """Hold about `count` crimes over MONTHS, in one area that has all of them. Raises Missing."""
    with connection.begin():
        real = _hold_places(connection)
        connection.execute(text("SELECT setseed(0.5)"))
        # A month draws from all of the rows, as often as it needs more than there are.
        times = count // len(MONTHS) // real + 1
        for month in MONTHS:
            share = count / len(MONTHS) / real / times
            partitions.ensure(connection, month)
            connection.execute(_DRAW, {"month": month, "times": times, "share": share})
            connection.execute(_GROUND, {"month": month})
            summaries.refresh_months(connection, [month], RESOLUTION)
        connection.execute(_HELD)
    with connection.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as plain:
        plain.execute(text("VACUUM ANALYZE crime_incidents, points"))


def _hold_places(connection: Connection) -> int:
    """Hold the area and its points. Returns how many real crimes there are, which are in `real_crimes`."""
    points: dict[tuple[float, float], int] = {}
    crimes = [(slug, points.setdefault((lat, lng), len(points) + 1)) for slug, lat, lng in _real()]
    cells = {place: [h3.latlng_to_cell(*place, resolution) for resolution in (RESOLUTION, COARSE)] for place in points}
    rows = ((number, *place, *cells[place]) for place, number in points.items())
    copy(connection, "points", ("id", "latitude", "longitude", "h3_cell", "coarse_cell"), rows)
    connection.execute(text("CREATE TEMPORARY TABLE real_crimes (category text, point_id bigint)"))
    copy(connection, "real_crimes", ("category", "point_id"), crimes)
    land = {near for _, coarse in cells.values() for near in h3.grid_disk(coarse, 1)}
    connection.execute(text("DELETE FROM areas"))
    connection.execute(_AREA, {"border": json.dumps(h3.cells_to_geo(list(land)))})
    return len(crimes)


def _real() -> Iterator[tuple[str, float, float]]:
    """Category, latitude and longitude of each crime with a place."""
    if not REAL.exists():
        raise Missing(f"the real crimes in {REAL.name}")
    with zipfile.ZipFile(REAL) as archive:
        for name in sorted(name for name in archive.namelist() if name.endswith("-street.csv")):
            for row in csv.DictReader(io.StringIO(archive.read(name).decode(), newline="")):
                if row["Latitude"]:
                    slug = row["Crime type"].lower().replace(" and ", " ").replace(" ", "-")
                    slug = "violent-crime" if slug.startswith("violence") else slug
                    yield slug, float(row["Latitude"]), float(row["Longitude"])
