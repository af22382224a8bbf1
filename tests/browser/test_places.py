"""A street is found on the map by its name, by mouse, keys and touch, with nothing from outside."""

import os
from pathlib import Path

import h3
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.test_admin import PHONE, is_wider_than_its_window
from tests.browser.test_map import DRAWN_MS, WIDE, drawn
from tests.gridded import Place, build, hold
from tests.processes import until
from worker.client import Client

STREETS = {
    "Portswood Road": (50.928, -1.3893),
    "Portswood Avenue": (50.926, -1.392),
    "Above Bar Street": (50.9077, -1.4046),
    "High Street": (50.9, -1.404),
    "Shirley High Street": (50.9222, -1.4333),
}
PICTURES = os.environ.get("SAFEGRID_PICTURES")


@pytest.fixture(autouse=True)
def _town(client: Client) -> None:
    crimes = [
        Place("2024-01", lat, lng, "burglary", f"On or near {name}")
        for number, (name, (lat, lng)) in enumerate(STREETS.items())
        for _ in range(6 + number)
    ]
    with client.engine.connect() as connection:
        hold(connection, "2024-01", [*crimes, Place("2024-01", 50.96, -1.35, "burglary", "On or near High Street")])
        build(connection)


def centre(page: Page) -> tuple[float, float]:
    """Latitude and longitude of the middle of the map."""
    _, lat, lng = str(page.evaluate("location.hash")).removeprefix("#at=").split("/")[:3]
    return float(lat), float(lng)


def is_at(page: Page, street: str) -> bool:
    return centre(page) == pytest.approx(STREETS[street], abs=0.002)


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png")


def test_a_half_remembered_name_leads_there_by_keys_alone(open_page: Open, address: str) -> None:
    page = open_page("/")
    page.context.route(lambda url: not url.startswith(address), lambda route: route.abort())
    page.set_viewport_size(WIDE)
    page.goto(f"{address}/map/")
    drawn(page)
    box, options = page.get_by_role("combobox", name="Find a street"), page.locator("#map-places li")
    box.press_sequentially("portswod")
    expect(options).to_have_count(2)
    expect(box).to_have_attribute("aria-expanded", "true")
    expect(page.locator("#map-places-said")).to_contain_text("2 streets")
    box.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    expect(box).to_have_attribute("aria-activedescendant", str(options.first.get_attribute("id")))
    box.press("ArrowUp")
    expect(options.last).to_have_attribute("aria-selected", "true")
    picture(page, "wide")
    name = str(options.last.locator("strong").text_content())
    box.press("Enter")
    expect(box).to_have_attribute("aria-expanded", "false")
    expect(box).to_have_value(name)
    until(lambda: is_at(page, name), f"the map goes to {name}")
    expect(page.locator(".maplibregl-marker")).to_be_visible()
    picture(page, "there")
    assert "q=" not in page.url
    # The first is taken where none is chosen, also before the list is there.
    box.fill("shirly high")
    box.press("Enter")
    until(lambda: is_at(page, "Shirley High Street"), "the map goes to Shirley")
    box.fill("zzzzzz")
    expect(page.locator("#map-places-said")).to_have_text("No street with crimes has this name.")
    picture(page, "none")
    box.press("Escape")
    expect(box).to_have_value("")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_touch_leads_there_on_a_phone(open_page: Open, axe: str, scheme: str) -> None:
    page = open_page("/map/", viewport=PHONE, color_scheme=scheme, has_touch=True, is_mobile=True, bypass_csp=True)
    drawn(page)
    page.get_by_label("Find a street").fill("high")
    options = page.locator("#map-places li")
    expect(options).to_have_count(3)
    expect(options.first).to_contain_text("Southampton core")
    assert not is_wider_than_its_window(page)
    picture(page, f"phone-{scheme}")
    page.add_script_tag(content=axe)
    assert page.evaluate("axe.run('#map-form').then((found) => found.violations.map((one) => one.id))") == []
    options.filter(has_text="Shirley").tap()
    expect(page.locator("#map-places")).to_be_hidden()
    until(lambda: is_at(page, "Shirley High Street"), "the map goes to Shirley")


def test_the_highest_cells_are_called_by_their_streets(open_page: Open) -> None:
    page = open_page("/map/?measure=crimes", viewport=WIDE)
    drawn(page)
    first = page.locator("#map-highest li").first
    cell = h3.cell_to_parent(h3.latlng_to_cell(*STREETS["Shirley High Street"], 10), 9)
    expect(first).to_contain_text(f"Shirley High Street 10 crimes {cell}", timeout=DRAWN_MS)
    picture(page, "named")
    first.get_by_role("link").click()
    expect(page.locator("#map-cell h2")).to_have_text(f"Shirley High Street cell {cell}")
    page.locator("#map-category").select_option("drugs")
    expect(page.locator("#map-count")).to_contain_text("No crimes here", timeout=DRAWN_MS)
