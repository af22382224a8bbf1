"""The pages of the route scores, as people use them."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.scene import warm
from tests.browser.test_admin import PHONE, is_wider_than_its_window, root_of
from worker.client import Client
from worker.settings import Settings

PAGES = ("/scores/", "/scores/5", "/scores/?q=spire", "/scores/?q=nowhere")


@pytest.fixture(autouse=True)
def _warm(settings: Settings, client: Client, tmp_path: Path) -> None:
    with client.engine.connect() as connection:
        warm(settings, connection, tmp_path / "climbing")


@pytest.mark.parametrize("javascript", [True, False])
def test_somebody_finds_a_route_and_the_reason_of_its_score(open_page: Open, javascript: bool) -> None:
    page = open_page("/scores/", java_script_enabled=javascript)
    page.get_by_label("Find a route").fill("cold spire route 7")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name="Cold Spire Route 7").click()
    expect(page.get_by_role("heading", name="Cold Spire Route 7")).to_be_visible()
    days = page.get_by_role("region", name="The next seven days").get_by_role("row")
    expect(days).to_have_count(8)
    days.nth(3).get_by_role("link").click()
    expect(page).to_have_url(f"{root_of(page)}/scores/17?date={page.url[-14:-4]}#why")
    expect(page.get_by_role("region", name="Why").get_by_role("row")).to_have_count(11)


def test_the_pages_fit_on_a_phone(open_page: Open) -> None:
    page = open_page("/", viewport=PHONE)
    for path in PAGES:
        page.goto(root_of(page) + path)
        assert not is_wider_than_its_window(page), path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_them(open_page: Open, axe: str, scheme: str) -> None:
    page = open_page("/", bypass_csp=True, color_scheme=scheme)
    for path in PAGES:
        page.goto(root_of(page) + path)
        page.evaluate(axe)
        found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
        bad = [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]
        assert not bad, (path, bad)
