"""The grid as files, read with other programs."""

import csv
import io
import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import h3
import pytest
import shapely
from click.testing import CliRunner, Result
from sqlalchemy import Connection

from jobs import areas
from jobs.grid.export import formats, source, text
from jobs.grid.export.extras import ExtraMissing
from jobs.grid.export.source import COLUMNS
from jobs.grid.query import ExportQuery
from jobs.held import land
from tests.conftest import needs
from tests.gridded import Place, build, hold, scattered
from tests.integration.crimes import change, rows
from worker.cli import cli
from worker.settings import Settings

MONTHS = ["2023-11", "2023-12", "2024-01"]
LICENCE = "Contains public sector information licensed under the Open Government Licence v3.0."
Rows = list[tuple[Any, ...]]


@pytest.fixture
def grid(connection: Connection) -> Rows:
    """The columns of every cell and month, as the table has them."""
    for month in MONTHS:
        hold(connection, month, scattered(month))
    build(connection)
    return rows(connection, f"SELECT {', '.join(COLUMNS)} FROM safety_cells ORDER BY cell_id")


def run(settings: Settings, *arguments: str) -> Result:
    surroundings = {"DATABASE_URL": settings.database_url, "REDIS_URL": settings.redis_url}
    return CliRunner().invoke(cli, ["export", *arguments], env=surroundings)


def exported(settings: Settings, *arguments: str) -> bytes:
    result = run(settings, *arguments)
    assert result.exit_code == 0, result.output
    assert "Open Government Licence" in result.stderr
    return result.stdout_bytes


def missing(connection: Connection) -> None:
    """Hampshire supplied nothing of the first two months."""
    change(connection, "UPDATE area_coverage SET status = 'missing' WHERE force = 'hampshire' AND month < '2024-01-01'")


NOT_SUPPLIED = [{"force": "hampshire", "status": "missing", "months": ["2023-11", "2023-12"]}]


def test_a_file_says_what_a_force_did_not_supply(settings: Settings, connection: Connection, grid: Rows) -> None:
    assert json.loads(exported(settings, "--format", "geojson"))["coverage"] == []
    missing(connection)
    assert json.loads(exported(settings, "--format", "geojson"))["coverage"] == NOT_SUPPLIED
    assert json.loads(exported(settings, "--format", "geojson", "--from", "2024-01"))["coverage"] == []
    said = run(settings, "--format", "csv", "--to", "2023-11", "--area", "southampton-core").stderr
    assert "hampshire did not supply 2023-11: fewer crimes there do not mean safer" in said


def test_every_record_says_it(settings: Settings, connection: Connection, grid: Rows, tmp_path: Path) -> None:
    missing(connection)
    expected = ["hampshire:missing" if row[3].year == 2023 else "" for row in grid]
    assert {one["not_supplied"] for one in read_csv(settings)} == {"hampshire:missing", ""}
    assert [one["not_supplied"] for one in read_csv(settings)] == expected
    for form in ("geojson", "geojsonl"):
        assert [one["properties"]["not_supplied"] for one in features(settings, form)] == expected
    assert read_parquet(settings, tmp_path).column("not_supplied").to_pylist() == expected


def assert_is_about(said: dict[str, Any], area: str | None = None) -> None:
    """Licence, period, gaps and age."""
    assert (said["attribution"], said["area"]) == (LICENCE, area)
    assert (said["from"], said["to"], said["months_not_held"]) == ("2023-11", "2024-01", [])
    assert said["coverage"] == NOT_SUPPLIED
    assert [(one["month"], one["release"]) for one in said["as_of"]] == [(month, "2024-01-01") for month in MONTHS]
    assert all(one["built_at"].endswith("+00:00") for one in said["as_of"])


def test_a_file_says_what_must_be_known_of_it(
    settings: Settings, connection: Connection, grid: Rows, tmp_path: Path
) -> None:
    missing(connection)
    document = json.loads(exported(settings, "--format", "geojson"))
    assert_is_about(document)
    metadata = {key.decode(): value.decode() for key, value in read_parquet(settings, tmp_path).schema.metadata.items()}
    strings = ("attribution", "licence", "positions", "from", "to")
    assert_is_about({key: value if key in strings else json.loads(value) for key, value in metadata.items()})


def test_what_has_no_room_for_it_has_it_in_a_file_beside_it(
    settings: Settings, connection: Connection, grid: Rows, tmp_path: Path
) -> None:
    missing(connection)
    for form in ("csv", "geojsonl", "geojson"):
        exported(settings, "--format", form, "--area", "southampton-core", "--output", str(tmp_path / f"grid.{form}"))
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "grid.csv",
        "grid.csv-metadata.json",
        "grid.geojson",
        "grid.geojsonl",
        "grid.geojsonl-metadata.json",
    ]
    table = json.loads((tmp_path / "grid.csv-metadata.json").read_text())
    assert (table["@context"], table["url"], table["dc:rights"]) == ("http://www.w3.org/ns/csvw", "grid.csv", LICENCE)
    assert_is_about(table["notes"][0], "southampton-core")
    named = [column["name"] for column in table["tableSchema"]["columns"]]
    assert named == (tmp_path / "grid.csv").read_text().splitlines()[0].split(",")
    assert_is_about(json.loads((tmp_path / "grid.geojsonl-metadata.json").read_text()), "southampton-core")


def test_months_that_are_not_held_are_named(settings: Settings, connection: Connection) -> None:
    for month in ("2023-11", "2024-01"):
        hold(connection, month, scattered(month, 10))
    build(connection)
    result = run(settings, "--format", "geojson")
    assert json.loads(result.stdout)["months_not_held"] == ["2023-12"]
    assert "Missing months: 2023-12" in result.stderr


def read_csv(settings: Settings, *arguments: str) -> list[dict[str, str]]:
    text = exported(settings, "--format", "csv", *arguments).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def features(settings: Settings, form: str, *arguments: str) -> list[Any]:
    document = exported(settings, "--format", form, *arguments)
    if form == "geojson":
        found: list[Any] = json.loads(document)["features"]
        return found
    return [json.loads(line) for line in document.splitlines()]


def read_parquet(settings: Settings, folder: Path, *arguments: str) -> Any:
    needs("the package pyarrow", find_spec("pyarrow") is not None)
    import pyarrow.parquet

    file = folder / "grid.parquet"
    assert exported(settings, "--format", "parquet", "--output", str(file), *arguments) == b""
    return pyarrow.parquet.read_table(file)


@pytest.mark.parametrize("form", ["geojson", "geojsonl"])
def test_geojson_has_every_cell_and_month(settings: Settings, grid: Rows, form: str) -> None:
    found = features(settings, form)
    told = [(one["id"], *(one["properties"][name] for name in COLUMNS[1:])) for one in found]
    assert told == [(*row[:3], row[3].isoformat(), *row[4:]) for row in grid]
    for feature, row in zip(found, grid, strict=True):
        assert feature["type"] == "Feature"
        assert_is_hexagon(shapely.geometry.shape(feature["geometry"]), row[1])


def assert_is_hexagon(shape: Any, cell: str) -> None:
    assert shapely.is_ccw(shape.exterior)
    expected = [(lng, lat) for lat, lng in h3.cell_to_boundary(cell)]
    assert [tuple(corner) for corner in shape.exterior.coords][:-1] == [
        pytest.approx(one, abs=1e-6) for one in expected
    ]


def test_csv_has_every_cell_and_month(settings: Settings, grid: Rows) -> None:
    told = read_csv(settings)
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
    table = read_parquet(settings, tmp_path)
    import pyarrow.parquet

    columns = table.to_pydict()
    told = list(zip(*(columns[name] for name in COLUMNS), strict=True))
    assert [(*row[:-1], dict(row[-1])) for row in told] == grid
    geo = json.loads(table.schema.metadata[b"geo"])
    described = (geo["version"], geo["primary_column"], geo["columns"]["geometry"]["encoding"])
    assert described == ("1.1.0", "geometry", "WKB")
    for wkb, row in zip(columns["geometry"], grid, strict=True):
        assert_is_hexagon(shapely.from_wkb(wkb), row[1])
    # The same bytes go down a pipe.
    piped = pyarrow.parquet.read_table(io.BytesIO(exported(settings, "--format", "parquet")))
    assert piped.equals(table)


def test_a_grid_without_cells_is_a_whole_file(settings: Settings, connection: Connection, tmp_path: Path) -> None:
    assert read_csv(settings) == []
    assert exported(settings, "--format", "csv").decode().strip() == ",".join(text.CSV_COLUMNS)
    assert features(settings, "geojson") == features(settings, "geojsonl") == []
    table = read_parquet(settings, tmp_path, "--area", "southampton-core")
    assert (table.num_rows, table.column_names) == (0, [*COLUMNS, "not_supplied", "geometry"])


def test_parquet_without_its_package_names_the_extra(
    settings: Settings, grid: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    file = tmp_path / "grid.parquet"
    result = run(settings, "--format", "parquet", "--output", str(file))
    assert isinstance(result.exception, ExtraMissing)
    assert "safegrid[parquet]" in str(result.exception)
    assert list(tmp_path.iterdir()) == []


def test_months_narrow_what_is_written(settings: Settings, grid: Rows) -> None:
    found = [row["cell_id"] for row in read_csv(settings, "--from", "2023-12", "--to", "2023-12")]
    assert found == [row[0] for row in grid if row[3].isoformat() == "2023-12-01"]
    assert read_csv(settings, "--to", "2020-01") == []
    result = run(settings, "--format", "csv", "--from", "2024-01", "--to", "2023-12")
    assert (result.exit_code, "must not be before --from" in result.stderr) == (2, True)


def cutting(places: list[Place]) -> float:
    """A longitude on which a cell has crimes on either side."""
    sides: dict[str, set[float]] = {}
    for place in places:
        sides.setdefault(h3.latlng_to_cell(place.lat, place.lng, 10), set()).add(place.lng)
    west, east, *_ = sorted(next(found for found in sides.values() if len(found) > 1))
    return (west + east) / 2


def test_an_area_is_its_own_crimes(settings: Settings, connection: Connection, grid: Rows, tmp_path: Path) -> None:
    places = [place for month in MONTHS for place in scattered(month)]
    border = cutting(places)
    with connection.begin():
        land.add(connection, areas.from_box("north", "North", (51.0, -1.55, 51.1, -1.3), ()))
        land.add(connection, areas.from_box("east", "East", (50.8, border, 51.0, -1.3), ()))
    hold(connection, "2024-01", [Place("2024-01", 51.05, -1.4, "drugs")], area="north")
    build(connection)
    north = [row["cell_id"] for row in read_csv(settings, "--area", "north")]
    assert north == [f"{h3.latlng_to_cell(51.05, -1.4, 10)}_202401"]
    everything = {row["cell_id"] for row in read_csv(settings, "--area", "southampton-core")}
    assert everything == {row[0] for row in grid}
    # Its border cuts cells, which count what lies inside of it.
    inside = [place for place in places if place.lng >= border]
    expected: dict[str, list[str]] = {}
    for place in inside:
        name = f"{h3.latlng_to_cell(place.lat, place.lng, 10)}_{place.month.replace('-', '')}"
        expected.setdefault(name, []).append(place.category)
    counted = {name: {one: found.count(one) for one in found} for name, found in expected.items()}
    east = {row["cell_id"]: row for row in read_csv(settings, "--area", "east")}
    assert {name: json.loads(row["stats"]) for name, row in east.items()} == counted
    assert any(row[0] in east and row[6] != counted[row[0]] for row in grid)
    assert {row["cell_id"] for row in read_parquet(settings, tmp_path, "--area", "east").to_pylist()} == set(counted)


def test_an_area_counts_what_is_held_also_where_the_grid_is_older(
    settings: Settings, connection: Connection, grid: Rows
) -> None:
    hold(connection, "2024-01", [Place("2024-01", 50.9, -1.4, "drugs")])
    (changed,) = [row for row in read_csv(settings, "--area", "southampton-core") if row["month"] == "2024-01-01"]
    assert (changed["crime_count_total"], json.loads(changed["stats"])) == ("1", {"drugs": 1})
    assert len(read_csv(settings, "--area", "southampton-core")) == 1 + sum(row[3].year == 2023 for row in grid)


def test_what_cannot_be_exported_is_said(settings: Settings, grid: Rows, tmp_path: Path) -> None:
    file = tmp_path / "grid.csv"
    file.write_text("the old one")
    assert "Month 2023-13 is not a month" in run(settings, "--format", "csv", "--from", "2023-13").stderr
    result = run(settings, "--format", "csv", "--area", "mars", "--output", str(file))
    assert "There is no area mars" in str(result.exception)
    assert run(settings, "--format", "shapefile").exit_code == 2
    assert (file.read_text(), list(tmp_path.iterdir())) == ("the old one", [file])
    exported(settings, "--format", "csv", "--output", str(file))
    assert file.read_text().startswith("cell_id,")


def test_a_file_that_is_cut_off_leaves_nothing(
    settings: Settings, grid: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "grid.csv"
    file.write_text("the old one")
    monkeypatch.setattr(source, "BATCH", 50)
    batches = source.Source.batches

    def interrupted(self: source.Source, *arguments: Any, **options: Any) -> Iterator[Any]:
        yield next(batches(self, *arguments, **options))
        raise KeyboardInterrupt

    monkeypatch.setattr(source.Source, "batches", interrupted)
    assert run(settings, "--format", "csv", "--output", str(file)).exit_code != 0
    assert (file.read_text(), list(tmp_path.iterdir())) == ("the old one", [file])


def test_the_grid_is_read_as_it_is_written(settings: Settings, connection: Connection, grid: Rows) -> None:
    with connection.begin():
        parts = formats.source(connection, ExportQuery()).batches(size=50)
        assert len(next(parts)) == 50
        parts.close()
        cursors = connection.exec_driver_sql("SELECT count(*) FROM pg_cursors WHERE name <> ''")
        assert cursors.scalar() == 0
        read = formats.source(connection, ExportQuery())
        assert [len(batch) for batch in read.batches(size=50)][:-1] == [50] * (len(grid) // 50)
        assert read.count == len(grid)
