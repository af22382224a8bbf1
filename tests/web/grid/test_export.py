"""The grid as a file over HTTP, behind the server that is used in production too."""

import csv
import http.client
import io
import json
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import h3
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, text

from jobs import areas
from jobs.database import copy
from jobs.grid.export import source
from jobs.held import land
from tests.conftest import needs
from tests.gridded import Place, build, hold, scattered
from tests.processes import free_port, is_up, safegrid, until
from tests.web.conftest import BEARER, TOKEN, MakeApp
from web.grid import export
from worker.settings import Settings

EXPORT = "/api/v1/grid/export"
MONTHS = ["2023-11", "2023-12", "2024-01"]
WAIT_S = 120


@pytest.fixture
def crimes(connection: Connection) -> list[Place]:
    """Crimes of three months, and an area whose border cuts through their cells."""
    with connection.begin():
        land.add(connection, areas.from_box("east", "East", (50.8, -1.4, 51.0, -1.3), ()))
    months = {month: scattered(month, 600) for month in MONTHS}
    for month, places in months.items():
        hold(connection, month, places)
    build(connection)
    return [one for places in months.values() for one in places]


def got(program: FlaskClient, path: str = EXPORT, **parameters: Any) -> Any:
    answer = program.get(path, query_string=parameters)
    assert answer.status_code == 200, answer.text
    return answer


def records(program: FlaskClient, form: str, **parameters: Any) -> dict[tuple[str, str], tuple[int, float]]:
    """{(cell, month): (crimes, weighted)}"""
    body = got(program, format=form, **parameters).data
    rows: list[dict[str, Any]]
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(body.decode(), newline="")))
    elif form == "geojson":
        rows = [one["properties"] for one in json.loads(body)["features"]]
    elif form == "geojsonl":
        rows = [json.loads(line)["properties"] for line in body.splitlines()]
    else:
        needs("the package pyarrow", find_spec("pyarrow") is not None)
        import pyarrow.parquet

        rows = pyarrow.parquet.read_table(io.BytesIO(body)).to_pylist()
    return {
        (row["h3_index"], str(row["month"])[:7]): (int(row["crime_count_total"]), float(row["crime_count_weighted"]))
        for row in rows
    }


@pytest.mark.parametrize("form", ["csv", "geojson", "geojsonl", "parquet"])
@pytest.mark.parametrize("area", [None, "southampton-core", "east"])
def test_numbers_are_those_of_the_grid(program: FlaskClient, crimes: list[Place], form: str, area: str | None) -> None:
    given = {"area": area} if area else {}
    found = records(program, form, **given)
    for month in MONTHS:
        shown = got(program, "/api/v1/grid", **{"from": month, "to": month, "resolution": 10, **given}).json
        expected = {
            one["id"]: (one["properties"]["crimes"], one["properties"]["weighted"]) for one in shown["features"]
        }
        assert {cell: numbers for (cell, of), numbers in found.items() if of == month} == expected
    assert {month for _, month in found} == set(MONTHS)


def test_months_narrow_it(program: FlaskClient, crimes: list[Place]) -> None:
    found = records(program, "csv", **{"from": "2023-12", "to": "2023-12"})
    assert {month for _, month in found} == {"2023-12"}
    assert records(program, "csv", **{"to": "2020-01"}) == {}


def test_a_file_has_a_name_and_says_where_what_must_be_known_of_it_stands(
    program: FlaskClient, crimes: list[Place]
) -> None:
    answer = got(program, format="csv", area="east", to="2023-12")
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="safegrid-east.csv"'
    licence, described = answer.headers["Link"].split(", ")
    assert 'open-government-licence/version/3/>; rel="license"' in licence
    about = program.get(described[1:].partition(">")[0]).json
    assert about["url"] == "safegrid-east.csv"
    said = about["notes"][0]
    assert (said["area"], said["to"], "Open Government Licence" in said["attribution"]) == ("east", "2023-12", True)
    assert [one["month"] for one in said["as_of"]] == MONTHS[:2]


def test_tiles_come_too(program: FlaskClient, crimes: list[Place]) -> None:
    needs("the package pmtiles", find_spec("pmtiles") is not None)
    from pmtiles.reader import MemorySource, all_tiles

    body = got(program, format="pmtiles", max_zoom=6).data
    assert {place[0] for place, _ in all_tiles(MemorySource(body))} == {4, 5, 6}


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"format": "shapefile"}, "format"),
        ({"area": "mars"}, "area"),
        ({"from": "2023-13"}, "from"),
        ({"from": "2024-01", "to": "2023-12"}, "to"),
        ({"format": "pmtiles", "max_zoom": "15"}, "max_zoom"),
        ({"resolution": "9"}, "resolution"),
    ],
)
@pytest.mark.parametrize("path", [EXPORT, f"{EXPORT}/about"])
def test_what_cannot_be_exported_is_refused(
    program: FlaskClient, crimes: list[Place], path: str, parameters: dict[str, str], field: str
) -> None:
    answer = program.get(path, query_string=parameters)
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
    assert list(answer.json["errors"]) == [field]


def test_a_format_whose_package_is_not_installed_is_named(
    program: FlaskClient, crimes: list[Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    for form, module in (("parquet", "pyarrow"), ("pmtiles", "pmtiles.writer")):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, module, None)
            answer = program.get(EXPORT, query_string={"format": form})
        assert (answer.status_code, answer.content_type) == (501, "application/problem+json")
        assert f"safegrid[{form}]" in answer.json["detail"]


def test_who_may_read_the_grid_may_export_it(make_app: MakeApp, crimes: list[Place]) -> None:
    for public, status in ((False, 401), (True, 200)):
        stranger = make_app(public_read=public).test_client()
        for path in (EXPORT, f"{EXPORT}/about"):
            assert stranger.get(path).status_code == status
    assert stranger.post(EXPORT).status_code in (401, 405)


def test_few_are_sent_at_once(
    program: FlaskClient, crimes: list[Place], connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "BATCH", 50)
    sent = [program.get(EXPORT, buffered=False) for _ in range(export.MOST_AT_ONCE)]
    parts = [one.iter_encoded() for one in sent]
    assert all(next(part).startswith(b"cell_id,") for part in parts)
    assert cursors(connection) == export.MOST_AT_ONCE
    refused = program.get(EXPORT)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, str(export.RETRY_AFTER_S))
    # One leaves before its end, and another may come; nothing of it stays in PostgreSQL.
    sent.pop().close()
    assert cursors(connection) == export.MOST_AT_ONCE - 1
    assert program.head(EXPORT).status_code == 200
    assert got(program).data.startswith(b"cell_id,")
    sent.pop().close()
    assert cursors(connection) == 0


def cursors(connection: Connection) -> int:
    """Transactions of others that are open."""
    with connection.begin():
        found = connection.scalar(
            text(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
                "AND xact_start IS NOT NULL AND backend_type = 'client backend'"
            )
        )
    return int(found or 0)


def test_a_statement_that_takes_too_long_is_a_problem_and_leaves_nothing_open(
    program: FlaskClient, crimes: list[Place], connection: Connection
) -> None:
    with connection.begin():
        connection.execute(text(f"ALTER DATABASE {connection.engine.url.database} SET lock_timeout = '100ms'"))
    with connection.begin():
        connection.execute(text("LOCK TABLE safety_cells IN ACCESS EXCLUSIVE MODE"))
        answer = program.get(EXPORT)
        assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
    assert cursors(connection) == 0
    assert got(program).data


@pytest.fixture
def large(connection: Connection) -> None:
    """A grid that fits into no socket's buffers."""
    hold(connection, "2024-01", scattered("2024-01"))
    build(connection)
    places = h3.grid_disk(h3.latlng_to_cell(52.0, -1.0, 5), 1)[:4]
    cells = [cell for place in places for cell in h3.cell_to_children(place, 10)]
    columns = ("cell_id", "h3_index", "h3_resolution", "month", "crime_count_total", "crime_count_weighted", "stats")
    with connection.begin():
        rows = ((f"{cell}_202401", cell, 10, "2024-01-01", 1, 1, '{"drugs": 1}') for cell in cells)
        copy(connection, "safety_cells", columns, rows)


@pytest.fixture
def port(settings: Settings, large: None, tmp_path: Path) -> Iterator[int]:
    """Of the admin in a process of its own."""
    port = free_port()
    kept = {"PORT": str(port), "WEB_CONCURRENCY": "1", "ADMIN_API_TOKEN": TOKEN, "SAFEGRID_HOME": str(tmp_path)}
    with safegrid(settings, "web", log=tmp_path / "web.log", **kept):
        until(lambda: is_up(port), "the admin is there")
        yield port


@pytest.fixture
def asking(port: int) -> Iterator[http.client.HTTPConnection]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)) as asking:
        yield asking


@pytest.fixture
def begun(asking: http.client.HTTPConnection) -> http.client.HTTPResponse:
    """An export of some MB of which nobody has read more than the first bytes."""
    asking.request("GET", f"{EXPORT}?format=geojsonl", headers=BEARER)
    answer = asking.getresponse()
    assert (answer.status, answer.headers["Transfer-Encoding"]) == (200, "chunked")
    assert answer.read(100).startswith(b'{"type":"Feature"')
    return answer


def test_a_client_that_leaves_ends_the_reading(
    begun: http.client.HTTPResponse, asking: http.client.HTTPConnection, connection: Connection
) -> None:
    assert cursors(connection) == 1
    begun.close()
    asking.close()
    deadline = time.monotonic() + WAIT_S
    while cursors(connection) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert cursors(connection) == 0


def test_what_breaks_in_the_middle_is_no_whole_file(
    begun: http.client.HTTPResponse, connection: Connection, port: int
) -> None:
    with connection.begin():
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%safegrid_export%'"
        connection.execute(text(f"{end} AND pid <> pg_backend_pid() AND datname = current_database()"))
    with pytest.raises(http.client.IncompleteRead):
        begun.read()
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)) as asking:
        asking.request("GET", f"{EXPORT}?format=csv", headers=BEARER)
        answer = asking.getresponse()
        assert len(answer.read().splitlines()) > 4 * 16_807
