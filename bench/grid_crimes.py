"""As many crimes as wanted over twelve months: real months, replicated at shifted points."""

import csv
import datetime as dt
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h3.api.basic_int as h3
from sqlalchemy import Connection, text

from bench.harness import Missing
from jobs.database import copy
from jobs.held import partitions, summaries
from jobs.months import add_months
from jobs.settings import Settings

REAL = Path(__file__).parents[2] / "shared/data/police/hampshire.zip"
RESOLUTION = Settings().h3_resolution
NEWEST = dt.date(2024, 12, 1)
MONTHS = [add_months(NEWEST, -age) for age in range(12)]
# Degrees between two replicas. No whole number of cells, so that their crimes fall differently into cells.
SHIFT = (0.0137, 0.0173)
PER_ROW = 8

Row = tuple[str, float, float]

_NEW_POINTS = text(
    "SELECT DISTINCT latitude, longitude FROM fresh LEFT JOIN points USING (latitude, longitude) WHERE id IS NULL"
)
_CRIMES = text(
    "INSERT INTO crime_incidents (month, category, point_id) SELECT :month, category, id "
    "FROM fresh JOIN points USING (latitude, longitude)"
)
_GROUND = text("INSERT INTO month_grounds (month, boundary, source) SELECT :month, boundary, 'bench' FROM areas")


def load(connection: Connection, count: int) -> None:
    """Hold `count` crimes over MONTHS as an ingestion would."""
    real = real_months()
    with connection.begin():
        for index, month in enumerate(MONTHS):
            hold(connection, month, real[index % len(real)], count // len(MONTHS))
    with connection.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as plain:
        plain.execute(text("VACUUM ANALYZE crime_incidents, points"))


def real_months() -> list[list[Row]]:
    """(category, latitude, longitude) of each placed crime of the county, by month. Raises Missing."""
    if not REAL.exists():
        raise Missing(f"the real crimes in {REAL.name}")
    with zipfile.ZipFile(REAL) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith("-street.csv"))
        return [list(_rows(archive.read(name).decode())) for name in names]


def _rows(document: str) -> Iterator[Row]:
    for row in csv.DictReader(io.StringIO(document, newline="")):
        if row["Latitude"]:
            name = row["Crime type"].lower().replace(" and ", " ").replace(" ", "-")
            slug = "violent-crime" if name.startswith("violence") else name
            yield slug, float(row["Latitude"]), float(row["Longitude"])


def hold(connection: Connection, month: dt.date, rows: list[Row], count: int) -> None:
    """Add crimes of a month."""
    cursor: Any = connection.connection.cursor()
    connection.execute(text("CREATE TEMPORARY TABLE fresh (category text, latitude float8, longitude float8)"))
    cursor.copy_expert("COPY fresh FROM STDIN", _lines(rows, count))
    new = connection.execute(_NEW_POINTS).all()
    cells = ((repr(lat), repr(lng), h3.latlng_to_cell(lat, lng, RESOLUTION), 0) for lat, lng in new)
    copy(connection, "points", ("latitude", "longitude", "h3_cell", "coarse_cell"), cells)
    partitions.ensure(connection, month)
    connection.execute(_CRIMES, {"month": month})
    connection.execute(text("DROP TABLE fresh"))
    connection.execute(_GROUND, {"month": month})
    summaries.refresh_months(connection, [month], RESOLUTION)


def _lines(rows: list[Row], count: int) -> io.StringIO:
    lines = io.StringIO()
    for index in range(count):
        replica, which = divmod(index, len(rows))
        slug, lat, lng = rows[which]
        lat, lng = lat + replica // PER_ROW * SHIFT[0], lng + replica % PER_ROW * SHIFT[1]
        lines.write(f"{slug}\t{lat:.6f}\t{lng:.6f}\n")
    lines.seek(0)
    return lines
