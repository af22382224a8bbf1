"""The grid as files, read with other programs."""

import csv
import io
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import h3
import pytest
import shapely
from click.testing import CliRunner, Result
from sqlalchemy import Connection

from jobs import areas
from jobs.grid import export
from jobs.grid.export import COLUMNS
from jobs.held import land
from tests.conftest import needs
from tests.gridded import Place, build, hold, scattered
from tests.integration.crimes import change, rows
from worker.cli import cli
from worker.settings import Settings

MONTHS = ["2023-11", "2023-12", "2024-01"]
Rows = list[tuple[Any, ...]]


@pytest.fixture
def grid(connection: Connection) -> Rows:
    """The columns of every cell and month, as the table has them."""
    for month in MONTHS:
        hold(connection, month, scattered(month))
    build(connection)
    return rows(connection, f"SELECT {', '.join(COLUMNS)} FROM safety_cells ORDER BY month, h3_index")


def run(settings: Settings, *arguments: str) -> Result:
    surroundings = {"DATABASE_URL": settings.database_url, "REDIS_URL": settings.redis_url}
    return CliRunner().invoke(cli, ["export", *arguments], env=surroundings)


def exported(settings: Settings, *arguments: str) -> bytes:
    result = run(settings, *arguments)
    assert result.exit_code == 0, result.output
    assert "Open Government Licence" in result.stderr
    return result.stdout_bytes


def test_a_file_says_what_a_force_did_not_supply(settings: Settings, connection: Connection, grid: Rows) -> None:
    assert json.loads(exported(settings, "--format", "geojson"))["coverage"] == []
    gone = "UPDATE area_coverage SET status = 'missing' WHERE force = 'hampshire' AND month < '2024-01-01'"
    change(connection, gone)
    expected = [{"force": "hampshire", "status": "missing", "months": ["2023-11", "2023-12"]}]
    assert json.loads(exported(settings, "--format", "geojson"))["coverage"] == expected
    assert json.loads(exported(settings, "--format", "geojson", "--from", "2024-01"))["coverage"] == []
    said = run(settings, "--format", "csv", "--to", "2023-11", "--area", "southampton-core").stderr
    assert "hampshire supplied nothing of 2023-11: few crimes there are not safe" in said


def test_geojson_has_every_cell_and_month(settings: Settings, grid: Rows) -> None:
    document = json.loads(exported(settings, "--format", "geojson"))
    assert (document["type"], "Open Government" in document["attribution"]) == ("FeatureCollection", True)
    features = document["features"]
    told = [(one["id"], *(one["properties"][name] for name in COLUMNS[1:])) for one in features]
    assert told == [(*row[:3], row[3].isoformat(), *row[4:]) for row in grid]
    for feature, row in zip(features, grid, strict=True):
        assert_is_hexagon(shapely.geometry.shape(feature["geometry"]), row[1])


def assert_is_hexagon(shape: Any, cell: str) -> None:
    assert shapely.is_ccw(shape.exterior)
    expected = [(lng, lat) for lat, lng in h3.cell_to_boundary(cell)]
    assert [tuple(corner) for corner in shape.exterior.coords][:-1] == [
        pytest.approx(one, abs=1e-6) for one in expected
    ]


def test_csv_has_every_cell_and_month(settings: Settings, grid: Rows) -> None:
    told = list(csv.DictReader(io.StringIO(exported(settings, "--format", "csv").decode(), newline="")))
    assert [tuple(row.values())[:4] for row in told] == [
        (row[0], row[1], str(row[2]), row[3].isoformat()) for row in grid
    ]
    for row, expected in zip(told, grid, strict=True):
        assert int(row["crime_count_total"]) == expected[4]
        assert float(row["crime_count_weighted"]) == expected[5]
        assert json.loads(row["stats"]) == expected[6]
        assert (float(row["latitude"]), float(row["longitude"])) == pytest.approx(
            h3.cell_to_latlng(expected[1]), abs=1e-6
        )


def test_parquet_has_every_cell_and_month_with_its_geometry(settings: Settings, grid: Rows, tmp_path: Path) -> None:
    needs("the package pyarrow", find_spec("pyarrow") is not None)
    import pyarrow.parquet

    file = tmp_path / "grid.parquet"
    assert exported(settings, "--format", "parquet", "--output", str(file)) == b""
    table = pyarrow.parquet.read_table(file)
    columns = table.to_pydict()
    told = list(zip(*(columns[name] for name in COLUMNS), strict=True))
    assert [(*row[:-1], dict(row[-1])) for row in told] == grid
    geo = json.loads(table.schema.metadata[b"geo"])
    assert (geo["version"], geo["primary_column"], geo["columns"]["geometry"]["encoding"]) == (
        "1.1.0",
        "geometry",
        "WKB",
    )
    for wkb, row in zip(columns["geometry"], grid, strict=True):
        assert_is_hexagon(shapely.from_wkb(wkb), row[1])
    # The same bytes go down a pipe.
    piped = pyarrow.parquet.read_table(io.BytesIO(exported(settings, "--format", "parquet")))
    assert piped.equals(table)


def test_parquet_without_its_package_names_the_extra(
    settings: Settings, grid: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    file = tmp_path / "grid.parquet"
    result = run(settings, "--format", "parquet", "--output", str(file))
    assert isinstance(result.exception, export.ExtraMissing)
    assert "safegrid[parquet]" in str(result.exception)
    assert list(tmp_path.iterdir()) == []


def test_months_and_an_area_narrow_what_is_written(settings: Settings, connection: Connection, grid: Rows) -> None:
    with connection.begin():
        land.add(connection, areas.from_box("north", "North", (51.0, -1.55, 51.1, -1.3), ()))
    hold(connection, "2024-01", [Place("2024-01", 51.05, -1.4, "drugs")], area="north")
    build(connection)

    def cells(*arguments: str) -> list[str]:
        lines = exported(settings, "--format", "csv", *arguments).decode().splitlines()[1:]
        return [line.split(",", 1)[0] for line in lines]

    assert cells("--from", "2023-12", "--to", "2023-12") == [
        row[0] for row in grid if row[3].isoformat() == "2023-12-01"
    ]
    assert cells("--area", "north") == [f"{h3.latlng_to_cell(51.05, -1.4, 10)}_202401"]
    assert cells("--area", "southampton-core") == [row[0] for row in grid]
    assert cells("--to", "2020-01") == []


def test_what_cannot_be_exported_is_said(settings: Settings, grid: Rows, tmp_path: Path) -> None:
    file = tmp_path / "grid.csv"
    file.write_text("the old one")
    assert "Month 2023-13 is not a month" in run(settings, "--format", "csv", "--from", "2023-13").stderr
    result = run(settings, "--format", "csv", "--area", "mars", "--output", str(file))
    assert "There is no area 'mars'" in str(result.exception)
    assert (file.read_text(), list(tmp_path.iterdir())) == ("the old one", [file])
    exported(settings, "--format", "csv", "--output", str(file))
    assert file.read_text().startswith("cell_id,")


def test_the_grid_is_read_as_it_is_written(
    settings: Settings, connection: Connection, grid: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_BATCH", 50)
    with connection.begin():
        parts = export.batches(connection)
        assert len(next(parts)) == 50
        cursors = connection.exec_driver_sql("SELECT count(*) FROM pg_cursors WHERE NOT is_holdable AND name <> ''")
        assert cursors.scalar() == 1
        assert 50 + sum(map(len, parts)) == len(grid)
