"""Findings in a browser, and pages that know how old they are."""

import re

from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Open, let_in
from tests.web.conftest import PASSWORD

STALE = re.compile(r"Not updated since \d\d:\d\d:\d\d UTC\. Trying again\.")


def test_a_finding_is_acknowledged_with_a_press_and_counts_again(open_page: Open) -> None:
    page = open_page("/")
    verdict = page.get_by_label("Verdict")
    expect(verdict).to_contain_text("No worker is running")
    verdict.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_text("Acknowledged.", exact=True)).to_be_visible()
    expect(page.get_by_text("No worker is running")).to_have_count(0)
    page.get_by_role("link", name="All findings").click()
    expect(page.get_by_text("acknowledged by admin")).to_be_visible()
    page.get_by_role("button", name="Undo acknowledgement").click()
    expect(page.get_by_text("acknowledged by admin")).to_have_count(0)
    expect(page.get_by_text("No worker is running")).to_be_visible()


def test_a_page_whose_web_is_frozen_says_so_and_goes_on_by_itself(open_page: Open) -> None:
    page = open_page("/")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/live", hold)
    expect(page.get_by_text(STALE)).to_be_visible()
    page.unroute_all(behavior="ignoreErrors")
    expect(page.get_by_text(STALE)).to_be_hidden()


def test_a_page_that_is_offline_goes_on_by_itself(open_page: Open) -> None:
    page = open_page("/findings/")
    page.context.set_offline(True)
    expect(page.get_by_text(STALE)).to_be_visible()
    page.context.set_offline(False)
    expect(page.get_by_text(STALE)).to_be_hidden()


def test_a_page_of_somebody_who_was_signed_out_says_so_until_they_are_back(open_page: Open, address: str) -> None:
    page = open_page("/")
    page.context.clear_cookies()
    said = page.get_by_text("You are signed out, so this page is not updated.")
    expect(said).to_be_visible()
    assert _link(page) == "/sign-in?next=%2F"
    let_in(page.context, address, "admin", PASSWORD)
    expect(said).to_be_hidden()


def _link(page: Page) -> str | None:
    return page.get_by_role("link", name="Sign in").get_attribute("href")
