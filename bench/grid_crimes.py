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
from jobs.months import add_months
from jobs.settings import Settings

REAL = Path(__file__).parents[2] / "shared/data/police/hampshire.zip"
AREA = "southampton-core"
RESOLUTION = Settings().h3_resolution
NEWEST = dt.date(2024, 12, 1)
MONTHS = [add_months(NEWEST, -age) for age in range(12)]
# Degrees between two replicas. No whole number of cells, so that their crimes fall differently into cells.
SHIFT = (0.0137, 0.0173)
PER_ROW = 8

Row = tuple[str, float, float]


def load(connection: Connection, count: int) -> None:
    """Hold `count` crimes over MONTHS as an ingestion would, with no check of their references."""
    real = real_months()
    with connection.begin():
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for index, month in enumerate(MONTHS):
            hold(connection, month, real[index % len(real)], count // len(MONTHS))
    with connection.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as plain:
        plain.execute(text("VACUUM ANALYZE crime_incidents"))


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


def hold(connection: Connection, month: dt.date, rows: list[Row], count: int, mark: str = "first") -> None:
    """Add crimes of a month; `mark` makes its fingerprint."""
    cursor: Any = connection.connection.cursor()
    columns = "area, month, category, latitude, longitude, h3_cell"
    cursor.copy_expert(f"COPY crime_incidents ({columns}) FROM STDIN", _lines(month, rows, count))
    connection.execute(
        text(
            "INSERT INTO ingestion_runs (area, month, status, current, records, categories, h3_resolution, "
            "fingerprint, source, started_at) SELECT :area, :month, 'success', true, :count, "
            "jsonb_object_agg(category, n), :resolution, :mark, 'bench', now() FROM "
            "(SELECT category, count(*) AS n FROM crime_incidents WHERE month = :month GROUP BY 1) AS counted"
        ),
        {"area": AREA, "month": month, "count": count, "resolution": RESOLUTION, "mark": f"{mark} {month}"},
    )


def _lines(month: dt.date, rows: list[Row], count: int) -> io.StringIO:
    lines = io.StringIO()
    cells: dict[tuple[float, float], int] = {}
    for index in range(count):
        replica, which = divmod(index, len(rows))
        slug, lat, lng = rows[which]
        lat, lng = lat + replica // PER_ROW * SHIFT[0], lng + replica % PER_ROW * SHIFT[1]
        cell = cells.get((lat, lng))
        if cell is None:
            cell = cells[lat, lng] = h3.latlng_to_cell(lat, lng, RESOLUTION)
        lines.write(f"{AREA}\t{month}\t{slug}\t{lat:.6f}\t{lng:.6f}\t{cell}\n")
    lines.seek(0)
    return lines
