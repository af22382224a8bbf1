"""Signing in by a provider, and one's own account, in a real browser under the policy of the pages."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import served, sign_in
from tests.standins.provider import CLIENT_ID, CLIENT_SECRET, Provider
from web.people.store import users
from worker.client import Client
from worker.settings import Settings

NAME, OLD, NEW = "night-shift", "seven grey herons", "nine quick otters"


@pytest.fixture
def page(browser: Browser) -> Page:
    return browser.new_context().new_page()


def test_somebody_signs_in_by_the_provider_and_out_again(page: Page, settings: Settings, tmp_path: Path) -> None:
    with Provider() as provider:
        client = {"oidc_client_id": CLIENT_ID, "oidc_client_secret": CLIENT_SECRET}
        with served(settings, tmp_path, oidc_issuer=provider.issuer, oidc_viewers="night shift", **client) as address:
            page.goto(f"{address}/runs/")
            page.get_by_role("link", name="Sign in with").click()
            page.wait_for_url(f"{address}/runs/")
            expect(page.get_by_role("link", name="oidc:ann · viewer")).to_be_visible()
            page.get_by_role("button", name="Sign out").click()
            expect(page.get_by_text("You are signed out.")).to_be_visible()
            page.get_by_role("link", name="Sign out there too").click()
            page.wait_for_url(f"{provider.issuer}/leave**")
            page.context.close()


def test_somebody_changes_their_password_and_ends_another_session(
    page: Page, address: str, client: Client, browser: Browser
) -> None:
    with client.engine.connect() as connection:
        users.add(connection, NAME, OLD, "viewer", "admin")
    other = browser.new_context().new_page()
    for one in (other, page):
        sign_in(one, address, NAME, OLD)
    page.get_by_role("link", name=NAME).click()
    page.get_by_text("End …").click()
    page.get_by_role("button", name="Yes, end it").click()
    expect(page.get_by_text("The session has ended.")).to_be_visible()
    other.goto(f"{address}/account/")
    assert "/sign-in" in other.url
    for label, value in (("Current password", "wrong"), ("New password", NEW), ("Repeat the new password", NEW)):
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_role("button", name="Change").click()
    expect(page.get_by_role("alert")).to_have_text("This is not your current password")
    for label, value in (("Current password", OLD), ("New password", NEW), ("Repeat the new password", NEW)):
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_role("button", name="Change").click()
    expect(page.get_by_text("Your password was changed.")).to_be_visible()
    sign_in(other, address, NAME, NEW)
    for one in (other, page):
        one.context.close()
