"""The base map: tiles of a service, or a PMTiles file that is served by ranges; and words where there is none."""

import datetime as dt
from pathlib import Path

import pytest
from sqlalchemy import Connection

import jobs.settings
from jobs.errors import SettingsError
from tests.browser import town
from tests.web.conftest import BEARER, MakeApp
from web.grid.base import PMTILES
from web.settings import Settings

FILE = "/map/base.pmtiles"
CONTENT = b"PMTiles\x03" + bytes(range(256)) * 40


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "base.pmtiles"
    made.write_bytes(CONTENT)
    return made


def test_the_page_has_the_kind_of_its_base_map(make_app: MakeApp, connection: Connection, file: Path) -> None:
    town.build(connection, dt.date(2024, 5, 1), months=1, crimes=50)
    service = "https://tiles.example.org/{z}/{x}/{y}"
    for values, kind, url in [
        ({}, "none", ""),
        ({"base_map_url": f"{service}.png"}, "raster", f"{service}.png"),
        ({"base_map_url": f"{service}.pbf?key=x"}, "vector", f"{service}.pbf?key=x"),
        ({"base_map_file": str(file)}, "pmtiles", FILE),
    ]:
        given = {**values, "base_map_attribution": "Example" if values else ""}
        page = make_app(**given).test_client().get("/map/", headers=BEARER).text
        assert f'data-base="{url}" data-base-kind="{kind}"' in page
        assert ("No base map is configured" in page) is (kind == "none")
        assert ("vendor/pmtiles" in page) is (kind == "pmtiles")


def test_a_file_is_served_by_ranges_to_those_who_may_see_the_map(make_app: MakeApp, file: Path) -> None:
    values = {"base_map_file": str(file), "base_map_attribution": "Example"}
    program = make_app(**values).test_client()
    assert program.get(FILE).status_code in (302, 401)
    part = program.get(FILE, headers={**BEARER, "Range": "bytes=8-17"})
    assert (part.status_code, part.data, part.content_type) == (206, CONTENT[8:18], PMTILES)
    assert part.headers["Content-Range"] == f"bytes 8-17/{len(CONTENT)}"
    # The first question of the library, of a file that is smaller.
    assert program.get(FILE, headers={**BEARER, "Range": "bytes=0-16383"}).data == CONTENT
    assert program.get(FILE, headers={**BEARER, "Range": f"bytes={len(CONTENT)}-"}).status_code == 416
    for header in ({}, {"Range": "bytes=0-1,4-5"}):
        assert program.get(FILE, headers={**BEARER, **header}).status_code in (400, 416)
    assert (
        make_app(**values, public_read=True).test_client().get(FILE, headers={"Range": "bytes=0-6"}).data == b"PMTiles"
    )


def test_no_more_than_a_part_of_a_large_file_is_sent_at_once(make_app: MakeApp, file: Path) -> None:
    with file.open("ab") as opened:
        opened.truncate(2**24)
    program = make_app(base_map_file=str(file), base_map_attribution="Example").test_client()
    answer = program.get(FILE, headers={**BEARER, "Range": "bytes=0-"})
    assert (answer.status_code, answer.json["detail"]) == (400, "Ask for one Range of 8388608 bytes at most.")
    file.unlink()
    assert program.get(FILE, headers={**BEARER, "Range": "bytes=0-6"}).status_code == 503


def test_without_a_file_there_is_none(make_app: MakeApp) -> None:
    answer = make_app().test_client().get(FILE, headers=BEARER)
    assert (answer.status_code, "SAFEGRID_BASE_MAP_FILE is not set" in answer.json["detail"]) == (404, True)


def test_a_file_that_is_none_is_refused_when_the_web_starts(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setenv("SAFEGRID_BASE_MAP_ATTRIBUTION", "Example")
    other = file.with_name("other")
    other.write_text("SQLite format 3")
    for name, said in [
        (file.with_name("away"), "cannot be read: No such file"),
        (file.parent, "cannot be read: Is a directory"),
        (other, "must be a PMTiles archive of version 3"),
    ]:
        monkeypatch.setenv("SAFEGRID_BASE_MAP_FILE", str(name))
        with pytest.raises(SettingsError, match=f"SAFEGRID_BASE_MAP_FILE: .*{said}"):
            jobs.settings.load(Settings)
    monkeypatch.setenv("SAFEGRID_BASE_MAP_FILE", str(file))
    assert jobs.settings.load(Settings).base_map_file == str(file)
    monkeypatch.setenv("SAFEGRID_BASE_MAP_URL", "https://tiles.example.org/{z}/{x}/{y}.png")
    with pytest.raises(SettingsError, match="and SAFEGRID_BASE_MAP_URL are both set"):
        jobs.settings.load(Settings)
    monkeypatch.delenv("SAFEGRID_BASE_MAP_URL")
    monkeypatch.delenv("SAFEGRID_BASE_MAP_ATTRIBUTION")
    with pytest.raises(SettingsError, match="is required with SAFEGRID_BASE_MAP_FILE"):
        jobs.settings.load(Settings)
