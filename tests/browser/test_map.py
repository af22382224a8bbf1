"""The map as people use it. Nothing outside is reachable, unless a test stands in for it."""

import base64
import datetime as dt
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import h3
import pytest
from playwright.sync_api import Browser, FloatRect, Page, Route, expect

from tests.browser import town
from tests.browser.conftest import Open, served, sign_in
from tests.browser.test_admin import PHONE, is_wider_than_its_window, root_of
from tests.processes import until
from worker.client import Client
from worker.settings import Settings

# Drawn by the processor, the first picture takes a while.
DRAWN_MS = 30_000
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture
def busiest(client: Client) -> str:
    """The cell of resolution 9 with most crimes, of a town with a grid of three months."""
    with client.engine.connect() as connection:
        return town.build(connection, dt.date(2024, 5, 1), months=3, crimes=1500)


def place(cell: str, zoom: int = 14) -> str:
    """The end of an address that has the cell in the middle of the map."""
    lat, lng = h3.cell_to_latlng(cell)
    return f"#at={zoom}/{lat:.5f}/{lng:.5f}"


def drawn(page: Page) -> int:
    """How many cells are in view, once there are some."""
    view = page.locator("#map[data-count]:not([data-count='0'])")
    view.wait_for(timeout=DRAWN_MS)
    return int(view.get_attribute("data-count") or 0)


def legend(page: Page) -> list[str]:
    return page.locator("#map-legend li").all_inner_texts()


def middle(page: Page) -> list[int]:
    """Red, green and blue in the middle of the map, as it is seen."""
    picture = base64.b64encode(page.locator("#map-canvas").screenshot()).decode()
    colour: list[int] = page.evaluate(
        """async (data) => {
            const picture = await createImageBitmap(await (await fetch(`data:image/png;base64,${data}`)).blob());
            const canvas = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
            canvas.drawImage(picture, 0, 0);
            return [...canvas.getImageData(picture.width / 2, picture.height / 2, 1, 1).data].slice(0, 3);
        }""",
        picture,
    )
    return colour


def box(page: Page, place: str) -> FloatRect:
    found = page.locator(place).bounding_box()
    assert found
    return found


def swatch(page: Page, place: str) -> list[int]:
    """The colour of a part of the page."""
    # In one step: between two, the legend may be drawn anew.
    colour = page.evaluate("place => getComputedStyle(document.querySelector(place)).backgroundColor", place)
    return [int(part) for part in re.findall(r"\d+", colour)]


def test_the_map_is_drawn_from_here_alone(open_page: Open, address: str, busiest: str) -> None:
    page = open_page("/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.context.route(lambda url: not url.startswith(address), lambda route: route.abort())
    page.goto(f"{address}/map/?area=southampton-core")
    assert drawn(page) > 50
    expect(page.locator("#map-count")).to_contain_text("cells of resolution 9 are in view")
    assert 4 <= len(legend(page)) <= 6
    assert any("/api/v1/grid/tiles/" in url for url in asked)
    assert [url for url in asked if not url.startswith((address, "data:"))] == []
    assert page.locator("#map-problem").is_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_cells_have_the_colours_of_the_legend(open_page: Open, busiest: str, scheme: str) -> None:
    page = open_page(f"/map/{place(busiest)}", bypass_csp=True, color_scheme=scheme)
    drawn(page)
    most, ground = swatch(page, "#map-legend li:last-child .swatch"), swatch(page, ".map-view")
    # Cells are a tenth see-through.
    seen = [0.9 * one + 0.1 * below for one, below in zip(most, ground, strict=True)]
    until(lambda: middle(page) == pytest.approx(seen, abs=3), "the middle has the last colour of the legend")
    page.goto(page.url.partition("/map/")[0] + "/map/#at=14/50.5/-3.5")
    page.reload()
    expect(page.locator("#map-count")).to_contain_text("No crimes here", timeout=DRAWN_MS)
    until(lambda: middle(page) == ground, "the middle has the colour of the ground")


def test_land_whose_force_supplied_nothing_is_hatched_and_named(open_page: Open, client: Client, busiest: str) -> None:
    page = open_page(f"/map/{place(busiest)}")
    drawn(page)
    assert page.locator("#map-lacks").is_hidden()
    with client.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO area_coverage (area, month, force, status, reason, placed, is_whole) "
            "VALUES ('southampton-core', '2024-04-01', 'hampshire', 'missing', 'No file', 7, false)"
        )
    page.reload()
    drawn(page)
    expect(page.locator("#map-lacks-said")).to_have_text("Not supplied: hampshire did not supply 1 month")
    page.locator("#map-from").select_option("2024-05")
    expect(page.locator("#map-lacks")).to_be_hidden()


# The tests' server leaves a file to the garbage collector whose reader is gone.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_map_that_is_reloaded_at_once_is_where_it_was(open_page: Open, busiest: str) -> None:
    page = open_page("/map/")
    page.reload()
    assert drawn(page) > 50


WIDE = {"width": 1366, "height": 768}


def test_controls_stand_above_the_map_and_the_legend_below(open_page: Open, busiest: str) -> None:
    page = open_page("/map/", viewport=PHONE)
    drawn(page)
    for size in (PHONE, WIDE):
        page.set_viewport_size(size)
        page.reload()
        before = box(page, ".map-view")
        drawn(page)
        form, view, legend = (box(page, one) for one in ("#map-form", ".map-view", "#map-legend"))
        assert view == before, "the map keeps its place and size when the legend comes"
        assert form["y"] + form["height"] <= view["y"]
        assert view["y"] + view["height"] <= legend["y"]
        assert not is_wider_than_its_window(page)
    tops = page.locator("#map-form select").evaluate_all(
        "all => [...new Set(all.filter((one) => one.checkVisibility()).map((one) => one.getBoundingClientRect().top))]"
    )
    assert len(tops) == 1, "one row of controls"
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight"), "nothing to scroll"


def colour_of(page: Page, name: str) -> list[int]:
    """A colour of the map's own."""
    colour = page.evaluate(f"getComputedStyle(document.documentElement).getPropertyValue('--map-{name}').trim()")
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]


def test_cells_have_no_colour_of_the_scale_before_it_is_known(open_page: Open, busiest: str) -> None:
    page = open_page("/", bypass_csp=True)
    held: list[Route] = []

    def hold(route: Route) -> None:
        """Let the first tile through, and no other."""
        held.append(route)
        if len(held) == 1:
            route.continue_()

    page.route("**/api/v1/grid/tiles/**", hold)
    page.goto(f"{root_of(page)}/map/{place(busiest, 12)}", wait_until="domcontentloaded")
    none, ground = colour_of(page, "none"), colour_of(page, "ground")
    seen = [0.9 * one + 0.1 * below for one, below in zip(none, ground, strict=True)]
    until(lambda: middle(page) == pytest.approx(seen, abs=3), "the first cells have the colour of none")
    assert len(held) > 1
    for route in held[1:]:
        route.continue_()
    drawn(page)
    until(lambda: middle(page) != pytest.approx(seen, abs=3), "then that of their class")


def test_months_that_are_not_held_are_said(open_page: Open, client: Client, busiest: str) -> None:
    page = open_page("/map/")
    expect(page.locator("#map-held summary")).to_have_text("3 of 12 months ingested")
    page.locator("#map-held summary").click()
    expect(page.locator("#map-held li")).to_contain_text("June 2023, July 2023")
    page.get_by_label("From").select_option("2024-03")
    expect(page.locator("#map-held summary")).to_have_text("3 of 3 months ingested")
    page.route("**/api/v1/grid/period*", lambda route: route.abort())
    page.get_by_label("From").select_option("2024-04")
    expect(page.locator("#map-problem")).to_have_text("The server does not respond. Try again in a moment.")
    expect(page.locator("#map-held")).to_be_hidden()


def test_a_click_on_a_cell_shows_its_categories_and_history(open_page: Open, busiest: str) -> None:
    page = open_page(f"/map/{place(busiest)}")
    drawn(page)
    page.locator("#map-canvas").click()
    panel = page.locator("#map-cell")
    expect(panel.get_by_role("heading", name=f"Cell {busiest}")).to_be_visible()
    expect(panel.get_by_role("row", name="Violence and sexual offences")).to_be_visible()
    expect(panel.get_by_role("img", name=re.compile("Crimes per month, 2024-03 to 2024-05"))).to_be_visible()
    expect(page.locator("#map-said")).to_contain_text("crimes, weighted")
    assert f"cell={busiest}" in page.url


def test_cells_with_more_than_usual_are_listed_and_say_why(open_page: Open, client: Client) -> None:
    with client.engine.connect() as connection:
        town.build(connection, dt.date(2024, 5, 1), months=15, crimes=150, rise=8)
    page = open_page("/map/", viewport=PHONE)
    drawn(page)
    unusual = page.get_by_role("region", name="More than usual")
    expect(unusual.locator("#map-unusual-said")).to_contain_text("tested: three months to 2024-05")
    expect(unusual.get_by_role("listitem")).to_have_text([re.compile("24 crimes, 0 expected")])
    unusual.get_by_role("link").click()
    panel = page.locator("#map-cell")
    expect(panel.get_by_text("More than usual: 24 crimes in 2024-03 to 2024-05")).to_be_visible()
    expect(panel.get_by_role("img", name="Crimes of every ingested month, 2023-03 to 2024-05")).to_be_visible()
    panel.get_by_text("How this is tested, and the months as a table").click()
    expect(panel.get_by_role("row", name="2024-05 8 newest")).to_be_visible()
    assert not is_wider_than_its_window(page)
    page.route("**/api/v1/grid/unusual*", lambda route: route.abort())
    page.get_by_label("Category").select_option("burglary")
    expect(unusual.locator("#map-unusual-said")).to_have_text("The server does not respond. Try again in a moment.")


def test_two_periods_are_compared(open_page: Open, client: Client) -> None:
    with client.engine.connect() as connection:
        town.build(connection, dt.date(2024, 5, 1), months=15, crimes=150, rise=8)
    risen = h3.cell_to_parent(h3.latlng_to_cell(*town.QUIET, 10), 9)
    page = open_page(f"/map/?from=2024-02{place(risen)}", bypass_csp=True, viewport=WIDE)
    drawn(page)
    page.get_by_label("Compare with").select_option("1 year before")
    expect(page.locator("#map-legend h2")).to_have_text("Crimes compared with a year before (paler: within chance)")
    expect(page.locator("#map-legend li")).to_have_count(5)
    expect(page.locator("#map-held summary")).to_have_text("4 of 4 months ingested, 3 compared")
    changed = page.get_by_role("region", name="Changed most in view")
    expect(changed.get_by_role("listitem")).to_have_text([re.compile("24 crimes, 0 before")])
    expect(changed.locator("#map-count")).to_contain_text("; 1 changed by more than chance.")
    most, ground = swatch(page, "#map-legend li:last-child .swatch"), swatch(page, ".map-view")
    seen = [0.9 * one + 0.1 * below for one, below in zip(most, ground, strict=True)]
    until(lambda: middle(page) == pytest.approx(seen, abs=3), "the cell has the last colour of the legend")
    changed.get_by_role("link").click()
    expect(page.locator("#map-cell")).to_contain_text("24 crimes in 3 months from 2024-03 to 2024-05, 0 in 3 months")
    # The address holds all of it, and going back takes it back.
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    page.reload()
    drawn(page)
    expect(page.get_by_label("Compare with")).to_have_value("12")
    expect(page.get_by_label("Colour by")).to_be_disabled()
    for _ in range(2):
        page.go_back()
    expect(page.get_by_label("Colour by")).to_be_enabled()
    expect(page.locator("#map-legend h2")).to_have_text("Weighted crimes")
    expect(page.locator("#map-cell")).to_contain_text("Click a cell")


def test_keys_choose_the_cell_in_the_middle(open_page: Open, busiest: str) -> None:
    page = open_page(f"/map/{place(busiest)}")
    drawn(page)
    canvas = page.get_by_role("region", name=re.compile("Map of the cells"))
    canvas.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=f"Cell {busiest}")).to_be_focused()
    canvas.focus()
    at = page.url
    page.keyboard.press("ArrowRight")
    page.wait_for_function("before => location.href !== before", arg=at)


def test_the_highest_cells_can_be_chosen_from_a_list(open_page: Open, busiest: str) -> None:
    page = open_page("/map/?area=southampton-core&measure=crimes")
    drawn(page)
    first = page.locator("#map-highest li").first
    expect(first).to_contain_text(busiest)
    first.get_by_role("link").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=f"Cell {busiest}")).to_be_focused()


def test_a_choice_changes_legend_and_address(open_page: Open, busiest: str) -> None:
    page = open_page("/map/?area=southampton-core")
    drawn(page)
    page.evaluate("window.isSamePage = true")
    page.get_by_text("More", exact=True).click()
    seen = [legend(page)]
    for label, value, part in (
        ("Colour by", "density_per_km2", "measure=density_per_km2"),
        ("Category", "violent-crime", "category=violent-crime"),
        ("From", "2024-05", "from=2024-05"),
        ("Resolution", "8", "resolution=8"),
        ("Weights", "ons", "scheme=ons"),
    ):
        page.get_by_label(label).select_option(value)
        assert part in page.url
        drawn(page)
        assert legend(page) != seen[-1]
        seen.append(legend(page))
    expect(page.locator("#map-count")).to_contain_text("cells of resolution 8 are in view")
    expect(page.locator("#map-legend h2")).to_have_text("Density, weighted per km²")
    expect(page.locator("#map-export")).to_have_attribute("href", re.compile("category=violent-crime.*scheme=ons"))
    files = page.locator("[data-export=parquet]")
    expect(files).to_have_attribute("href", re.compile("format=parquet&from=2024-05&area=southampton-core$"))
    assert page.evaluate("window.isSamePage")
    # The address brings all of it back, and the browser's button takes one choice back.
    page.reload()
    drawn(page)
    expect(page.get_by_label("Category")).to_have_value("violent-crime")
    expect(page.locator("#map-legend li")).to_have_text(seen[-1])
    page.go_back()
    expect(page.get_by_label("Weights")).to_have_value("")
    expect(page.locator("#map-legend li")).to_have_text(seen[-2])
    assert "scheme" not in page.url


@pytest.mark.parametrize(("zoom", "resolution"), [(4, 4), (5, 5), (8, 6), (9, 7)])
def test_from_afar_the_map_shows_coarse_cells(open_page: Open, busiest: str, zoom: int, resolution: int) -> None:
    page = open_page(f"/map/{place(busiest, zoom)}")
    assert drawn(page) > 0
    expect(page.locator("#map-count")).to_contain_text(f"cells of resolution {resolution} are in view")
    expect(page.locator("#map-problem")).to_be_hidden()
    # One of them is chosen like any other.
    page.locator("#map-highest a").first.click()
    expect(page.locator("#map-cell .facts")).to_contain_text(f"Resolution{resolution}, ")


def test_a_choice_that_the_grid_refuses_is_said(open_page: Open, busiest: str) -> None:
    page = open_page("/map/?area=southampton-core&to=2024-04")
    drawn(page)
    page.get_by_label("From").select_option("2024-05")
    expect(page.locator("#map-problem")).to_contain_text("must not be before `from`, 2024-05")
    page.get_by_label("From").select_option("2024-04")
    expect(page.locator("#map-problem")).to_be_hidden()


def test_a_tile_of_too_many_cells_says_what_to_do(
    open_page: Open, busiest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.grid.cells.MOST_CELLS", 5)
    page = open_page("/map/?area=southampton-core")
    expect(page.locator("#map-problem")).to_contain_text("reduce bbox or area, or zoom in", timeout=DRAWN_MS)
    monkeypatch.setattr("jobs.grid.cells.MOST_CELLS", 20_000)
    page.get_by_role("button", name="Zoom in").click()
    expect(page.locator("#map-problem")).to_be_hidden()


def test_a_cell_without_crimes_in_that_choice_is_said(open_page: Open, busiest: str) -> None:
    page = open_page(f"/map/?cell={busiest}&category=robbery")
    expect(page.locator("#map-cell")).to_contain_text(f"Cell {busiest} has no crimes in 2023-06 to 2024-05")


def test_without_javascript_the_page_says_where_the_data_is(open_page: Open, busiest: str) -> None:
    page = open_page("/map/", java_script_enabled=False)
    # What is in <noscript> has no role and no text for the usual locators.
    assert "The map needs JavaScript" in page.locator("main").inner_text()
    expect(page.locator("noscript a")).to_have_attribute("href", "/data/")
    page.get_by_label("Category").select_option("burglary")
    page.locator("noscript button").click()
    page.wait_for_url("**category=burglary**")
    page.get_by_text("More", exact=True).click()
    export = page.get_by_role("link", name="These cells as GeoJSON")
    expect(export).to_have_attribute("href", re.compile("category=burglary"))
    page.goto(page.url.partition("/map/")[0] + f"/map/cells/{busiest}")
    expect(page.get_by_role("row", name="Violence and sexual offences")).to_be_visible()


def test_the_map_fits_on_a_phone(open_page: Open, busiest: str) -> None:
    page = open_page(f"/map/?cell={busiest}", viewport=PHONE, has_touch=True)
    drawn(page)
    expect(page.get_by_role("heading", name=f"Cell {busiest}")).to_be_visible()
    assert not is_wider_than_its_window(page)
    page.goto(page.url.partition("/map/")[0] + f"/map/cells/{busiest}")
    assert not is_wider_than_its_window(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_the_map(open_page: Open, busiest: str, axe: str, scheme: str) -> None:
    page = open_page(f"/map/?cell={busiest}", bypass_csp=True, color_scheme=scheme)
    drawn(page)
    expect(page.get_by_role("heading", name=f"Cell {busiest}")).to_be_visible()
    for path in ("", f"/map/cells/{busiest}"):
        if path:
            page.goto(page.url.partition("/map/")[0] + path)
        page.evaluate(axe)
        found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
        assert [one for one in found if one["impact"] in ("serious", "critical")] == []


class _Tiles(BaseHTTPRequestHandler):
    """A service of base maps: one grey point for every tile, and who asked for it."""

    referrers: list[str | None]

    def do_GET(self) -> None:
        self.referrers.append(self.headers["Referer"])
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()
        self.wfile.write(PNG)

    def log_message(self, *_: object) -> None:
        """Only what goes wrong is worth a line."""


@contextmanager
def tiles() -> Iterator[tuple[str, list[str | None]]]:
    """Base URL of such a service, and the referrers it was told."""
    handler = type("Tiles", (_Tiles,), {"referrers": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", handler.referrers  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_base_map_is_drawn_under_the_cells(
    browser: Browser, settings: Settings, tmp_path: Path, busiest: str
) -> None:
    said: list[str] = []
    with tiles() as (base, referrers):
        values = {"base_map_url": f"{base}/{{z}}/{{x}}/{{y}}.png", "base_map_attribution": "Example Maps"}
        with served(settings, tmp_path, **values) as address, browser.new_context() as context:
            page = context.new_page()
            page.on("console", lambda one: said.append(one.text))
            sign_in(page, address)
            page.goto(f"{address}/map/{place(busiest)}")
            drawn(page)
            expect(page.get_by_text("Base map: Example Maps")).to_be_visible()
            assert page.locator("#map-problem").is_hidden()
        # The service learns which site asks, and not what is looked at.
        assert referrers
        assert set(referrers) == {f"{address}/"}
    assert not [one for one in said if "Content Security Policy" in one]
