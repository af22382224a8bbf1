"""The page of the map, and of one of its cells."""

import datetime as dt
import hashlib
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import h3
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection

import jobs.settings
import web
from jobs.errors import SettingsError
from jobs.grid.export.formats import FORMATS
from tests.browser import town
from tests.gridded import hold, scattered
from tests.web.conftest import BEARER, MakeApp, sign_in
from web.http.security import CONTENT
from web.settings import Settings

VENDORED = Path(web.__file__).parent / "static/vendor/maplibre-gl"
TILES = "https://tiles.example.org/a/{z}/{x}/{y}.png"


@pytest.fixture
def busiest(connection: Connection) -> str:
    """The cell of resolution 9 with most crimes, of a town with a grid of three months."""
    return town.build(connection, dt.date(2024, 5, 1), months=3, crimes=300)


def chosen(page: str, field: str) -> list[str]:
    """Values of the options of a field that are selected."""
    match = re.search(rf'<select id="map-{field}".*?</select>', page, re.DOTALL)
    assert match, field
    return re.findall(r'<option value="([^"]*)"[^>]* selected>', match[0])


def test_without_crimes_the_page_says_to_ingest_them(browser: FlaskClient) -> None:
    page = browser.get("/map/").text
    assert "There is no grid yet" in page
    assert 'href="/jobs/ingest-latest"' in page
    assert "map.js" not in page


def test_without_a_grid_the_page_says_to_rebuild_it(browser: FlaskClient, connection: Connection) -> None:
    hold(connection, "2024-01", scattered("2024-01"))
    assert 'href="/jobs/rebuild-grid">Rebuild the safety grid</a>: this builds the grid' in browser.get("/map/").text


def test_the_form_shows_what_the_address_asks_for(browser: FlaskClient, busiest: str) -> None:
    address = "area=southampton-core&from=2024-04&to=2024-05&category=burglary&scheme=ons&measure=crimes&resolution=8"
    page = browser.get(f"/map/?{address}&cell={busiest}&recency=true").text
    fields = ("area", "from", "to", "category", "scheme", "measure", "resolution")
    assert {field: chosen(page, field) for field in fields} == {
        name: [value] for name, _, value in (one.partition("=") for one in address.split("&"))
    }
    assert f'name="cell" value="{busiest}"' in page
    assert re.search('name="recency" value="true" checked', page)
    assert 'href="/api/v1/grid?area=southampton-core&amp;from=2024-04' in page


def test_the_page_leads_to_files_of_what_it_shows(
    browser: FlaskClient, busiest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FORMATS, "pmtiles", replace(FORMATS["pmtiles"], package="no_such_package"))
    page = browser.get(f"/map/?from=2024-05&area=southampton-core&category=burglary&cell={busiest}").text
    links = [unescape(link) for link in re.findall(r'data-export="[a-z]+" href="([^"]+)"', page)]
    expected = ["csv", "geojson", "geojsonl", "parquet"]
    assert links == [f"/api/v1/grid/export?format={one}&from=2024-05&area=southampton-core" for one in expected]
    assert browser.get(links[0]).text.startswith("cell_id,h3_index")


def test_a_month_that_has_no_grid_can_be_asked_for(browser: FlaskClient, busiest: str) -> None:
    assert chosen(browser.get("/map/?from=2020-01").text, "from") == ["2020-01"]


def test_source_and_approximation_are_said(browser: FlaskClient, busiest: str) -> None:
    for path in ("/map/", f"/map/cells/{busiest}"):
        page = browser.get(path).text
        assert "Open Government Licence v3.0" in page
        assert "positions are approximate" in page
    assert '<a href="/data/">Data page</a>' in browser.get("/map/").text.partition("<noscript>")[2]


# A hexagon far from the town.
NOWHERE = h3.latlng_to_cell(55.95, -3.2, 9)
REFUSED = {
    "from=2024-13": "from: must be a month, YYYY-MM (given: 2024-13)",
    "from=2024-05&to=2024-04": "to: must not be before `from`, 2024-05",
    "area=mars": "area: must be one of southampton-core (given: mars)",
    "scheme=mine": "scheme: must be one of saferoute, cambridge, ons (given: mine)",
    "category=burglery": "category: must be one of",
    "category=drugs,robbery": "category: must be one category, or left out for all",
    "measure=colour": "measure: must be one of weighted",
    "resolution=11": "must be from 4 to 10, the resolution of the grid in these months (given: 11)",
    "cell=x": "cell: must be text such as 89195da49bbffff (given: x)",
    "zoom=3": "zoom: is not a parameter. Parameters: from, to,",
    "from=2024-01&from=2024-02": "from: must be given only once",
}


@pytest.mark.parametrize("address", REFUSED)
def test_what_the_map_cannot_show_is_said(browser: FlaskClient, busiest: str, address: str) -> None:
    answer = browser.get(f"/map/?{address}")
    assert answer.status_code == 422
    assert REFUSED[address] in answer.text
    assert chosen(answer.text, "category") == []


def test_a_cell_shows_its_categories_and_months(browser: FlaskClient, busiest: str) -> None:
    cell = browser.get(f"/api/v1/grid/cells/{busiest}").json
    for path in (f"/map/cells/{busiest}", f"/map/cells/{busiest}/part"):
        page = browser.get(path).text
        assert f"<strong>{cell['crimes']}</strong> crimes" in page
        most = cell["by_category"]["violent-crime"]
        assert f'Violence and sexual offences</th><td class="n">{most}</td>' in page
        assert "Crimes per month, 2024-03 to 2024-05; the most in" in page
        assert page.count('<rect class="plain"') == 3
    assert "<html" not in browser.get(f"/map/cells/{busiest}/part").text


def test_a_cell_of_several_categories_names_them_all(browser: FlaskClient, busiest: str) -> None:
    page = browser.get(f"/map/cells/{busiest}?category=violent-crime,burglary").text
    assert ", burglary and violence and sexual offences only." in page


def test_a_cell_is_shown_for_the_months_and_category_asked_for(browser: FlaskClient, busiest: str) -> None:
    page = browser.get(f"/map/cells/{busiest}?from=2024-04&category=violent-crime").text
    cell = browser.get(f"/api/v1/grid/cells/{busiest}?from=2024-04&category=violent-crime").json
    assert f"<strong>{cell['crimes']}</strong> crime" in page
    assert "2024-04 to 2024-05, violence and sexual offences only" in page
    assert page.count('<rect class="plain"') == 2
    assert "Shoplifting" not in page


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("nothing", 404, "nothing is not an H3 cell"),
        (NOWHERE, 404, "has no crimes in 2023-06 to 2024-05"),
        ("{}?from=never", 422, "must be a month, YYYY-MM (given: never)"),
        ("{}?resolution=8", 422, "is not a parameter"),
    ],
)
def test_a_cell_that_cannot_be_shown_is_said(
    browser: FlaskClient, busiest: str, path: str, status: int, said: str
) -> None:
    answer = browser.get(f"/map/cells/{path.format(busiest)}")
    assert answer.status_code == status
    assert said in answer.text


def policy(browser: FlaskClient, path: str) -> dict[str, str]:
    header = browser.get(path).headers["Content-Security-Policy"]
    return {name: sources for name, _, sources in (one.partition(" ") for one in header.split("; "))}


def test_only_the_map_may_load_icons_of_its_style_sheet(browser: FlaskClient, busiest: str) -> None:
    assert policy(browser, "/map/") == {**CONTENT, "img-src": "'self' data:", "connect-src": "'self'"}
    for path in ("/", "/data/", f"/map/cells/{busiest}", "/sign-in"):
        assert policy(browser, path) == CONTENT


def test_only_the_map_may_load_tiles_of_the_base_map(make_app: MakeApp) -> None:
    with_base = make_app(base_map_url=TILES, base_map_attribution="Example").test_client()
    assert policy(with_base, "/sign-in") == CONTENT
    sign_in(with_base)
    assert policy(with_base, "/map/")["connect-src"] == "'self' https://tiles.example.org"
    # One app's base map is none of another's.
    without = make_app().test_client()
    sign_in(without)
    assert policy(without, "/map/")["connect-src"] == "'self'"


def test_the_base_map_is_attributed(make_app: MakeApp, busiest: str) -> None:
    app = make_app(base_map_url=TILES, base_map_attribution="<b> https://example.org/copyright")
    page = app.test_client().get("/map/", headers=BEARER).text
    assert 'Base map: &lt;b&gt; <a href="https://example.org/copyright"' in page
    assert f'data-base="{TILES}"' in page


def test_nothing_of_the_page_is_inline(browser: FlaskClient, busiest: str) -> None:
    for path in ("/map/", f"/map/cells/{busiest}"):
        page = browser.get(path).text
        assert " style=" not in page
        assert "<style" not in page
        assert not re.search(r"<script(?![^>]* src=)(?! type=\"application/json\")", page)


def test_the_map_is_closed_unless_the_grid_is_public(make_app: MakeApp, busiest: str) -> None:
    for path in ("/map/", f"/map/cells/{busiest}", f"/map/cells/{busiest}/part"):
        assert make_app().test_client().get(path).status_code == 302
        assert make_app(public_read=True).test_client().get(path).status_code == 200


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://tiles.example.org/{z}/{x}/{y}.png", "must be an https:// address"),
        ("https://tiles.example.org/{z}/{x}.png", "must be an address such as"),
        ("https://tiles.example.org/?at={z}/{x}/{y}", "must be an address such as"),
        ("https://tiles.example.org; script-src */{z}/{x}/{y}.png", "must be an address such as"),
        ("https://name:word@tiles.example.org/{z}/{x}/{y}.png", "must be an address such as"),
    ],
)
def test_a_base_map_that_cannot_be_loaded_is_refused(monkeypatch: pytest.MonkeyPatch, url: str, said: str) -> None:
    monkeypatch.setenv("SAFEGRID_BASE_MAP_URL", url)
    with pytest.raises(SettingsError, match=f"SAFEGRID_BASE_MAP_URL: .*{said}"):
        jobs.settings.load(Settings)


def test_a_base_map_needs_its_attribution(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFEGRID_BASE_MAP_URL", TILES)
    with pytest.raises(SettingsError, match=r"SAFEGRID_BASE_MAP_ATTRIBUTION: .*is required with SAFEGRID_BASE_MAP_URL"):
        jobs.settings.load(Settings)
    monkeypatch.setenv("SAFEGRID_BASE_MAP_ATTRIBUTION", "Example")
    assert jobs.settings.load(Settings).base_map_url == TILES


@pytest.mark.parametrize("library", ["maplibre-gl", "pmtiles"])
def test_the_vendored_files_are_those_that_were_published(library: str) -> None:
    folder = VENDORED.parent / library
    told = dict(re.findall(r"\| `([^`]+)` \| `([0-9a-f]{64})` \|", (folder / "README.md").read_text()))
    files = {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in folder.iterdir()}
    del files["README.md"]
    assert files == told
    # The page loads all of them but the licences.
    page = (VENDORED.parents[2] / "templates/grid/index.html").read_text()
    for name in told.keys() - {"LICENSE.txt"}:
        assert f"library ~ '{name.removeprefix('maplibre-gl')}'" in page or f"vendor/{library}/{name}" in page


def test_modules_that_others_import_are_asked_for_each_time(browser: FlaskClient, busiest: str) -> None:
    page = browser.get("/map/").text
    modules = sorted(set(re.findall(r'/static/map/[a-z]+\.js(?=")', page)))
    assert len(modules) == len(list((VENDORED.parents[1] / "map").glob("*.js")))
    for module in modules:
        assert browser.get(module).headers["Cache-Control"] == "no-cache"


def test_the_vendored_files_are_served_to_be_kept(browser: FlaskClient, busiest: str) -> None:
    page = browser.get("/map/").text
    for name in ("library", "worker"):
        match = re.search(rf'data-{name}="([^"]+\?v=[0-9a-f]+)"', page)
        assert match
        answer = browser.get(match[1])
        assert answer.status_code == 200
        assert answer.mimetype in ("text/javascript", "application/javascript")
        assert answer.cache_control.max_age
        answer.close()
