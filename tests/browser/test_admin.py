"""The admin as people use it."""

import datetime as dt
import re

import pytest
import requests
from playwright.sync_api import Page, expect
from sqlalchemy import text

from tests.browser.conftest import Open, sign_in
from tests.browser.scene import paint
from tests.processes import REQUESTER, until
from tests.web.conftest import BEARER, PASSWORD
from worker import pauses
from worker.client import Client

_LOCAL = re.compile(r"\d\d/\d\d/\d{4}, \d\d:\d\d:\d\d where you are")
PHONE = {"width": 390, "height": 844}
PAGES = (
    "/",
    "/jobs/",
    "/jobs/rebuild-grid",
    "/runs/",
    "/schedule/",
    "/queues/",
    "/data/",
    "/categories/",
    "/coverage/",
    "/generations/",
    "/jobs/backfill",
    "/account/",
    "/people/sessions",
    "/areas/",
    "/areas/southampton-core/border",
    "/areas/southampton-core/delete",
    "/map/",
    "/scores/",
    "/people/",
    "/subscribers/",
    "/docs",
)
NIGHT_SHIFT = {"name": "night-shift", "password": "seven grey herons", "role": "viewer"}


def asked(client: Client, days: int = 30) -> str:
    return client.submit("cleanup_old_route_history", {"retention_days": days}, REQUESTER).run_id


def root_of(page: Page) -> str:
    return "/".join(page.url.split("/")[:3])


def is_wider_than_its_window(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def test_somebody_signs_in_runs_a_job_and_watches_it_finish(open_page: Open, worker: None) -> None:
    page = open_page("/")
    page.get_by_role("link", name="Jobs", exact=True).click()
    page.get_by_text("Cleanup old route history").first.click()
    page.locator("#cleanup-history").get_by_label("Retention days").fill("45")
    page.get_by_role("button", name="Run Cleanup old route history").click()
    expect(page.get_by_text("The run is queued")).to_be_visible()
    expect(page.get_by_text("cleanup_old_route_history(retention_days=45")).to_be_visible()
    # The page comes up to date by itself.
    expect(page.get_by_role("heading", name="Result")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("records deleted")).to_be_visible()
    page.goto(root_of(page))
    expect(page.get_by_role("row", name="Cleanup old route history").first).to_contain_text("finished")


def test_a_run_is_asked_for_later_and_waits_for_its_time(open_page: Open, client: Client, worker: None) -> None:
    page = open_page("/jobs/cleanup-history")
    later = (dt.datetime.now(dt.UTC) + dt.timedelta(days=2)).replace(hour=4, minute=30)
    page.get_by_label("Start at").fill(f"{later:%Y-%m-%dT%H:%M}")
    page.get_by_role("button", name="Run Cleanup old route history").click()
    expect(page.get_by_text("The run is planned")).to_be_visible()
    expect(page.get_by_text(f"{later:%-d %b %Y, %H:%M}").first).to_be_visible()
    with client.engine.connect() as connection:
        run = connection.execute(text("SELECT state, due_at FROM runs")).one()
    assert (run.state, f"{run.due_at:%Y-%m-%d %H:%M}") == ("waiting", f"{later:%Y-%m-%d %H:%M}")
    page.goto(f"{root_of(page)}/queues/")
    expect(page.get_by_text("1 for later")).to_be_visible()


def test_a_wrong_value_is_said_beside_its_field_which_has_the_focus(open_page: Open) -> None:
    page = open_page("/jobs/rebuild-grid")
    page.get_by_label("Months").fill("99")
    page.get_by_role("button", name="Run Rebuild safety grid").click()
    expect(page.get_by_text("must be a whole number from 1 to 60")).to_be_visible()
    field = page.get_by_label("Months")
    expect(field).to_be_focused()
    expect(field).to_have_value("99")
    expect(field).to_have_attribute("aria-invalid", "true")


def test_a_run_is_cancelled_after_a_question_and_retried(open_page: Open, client: Client) -> None:
    run_id = asked(client)
    page = open_page(f"/runs/{run_id}")
    page.get_by_text("Cancel this run").click()
    assert client.run(run_id).state == "queued"
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Yes, cancel it")).to_be_hidden()
    page.get_by_text("Cancel this run").click()
    page.get_by_role("button", name="Yes, cancel it").click()
    expect(page.get_by_text("Cancelled by admin")).to_be_visible()
    page.get_by_role("button", name="Retry this run").click()
    expect(page.get_by_text("The run is retried")).to_be_visible()
    assert client.run(run_id).state == "queued"


def test_many_runs_are_cancelled_at_once(open_page: Open, client: Client) -> None:
    ids = [asked(client, days) for days in (1, 2, 3)]
    page = open_page("/runs/")
    page.get_by_label("Tick all").check()
    page.get_by_role("button", name="Cancel …").click()
    expect(page.get_by_role("heading", name="Cancel 3 runs?")).to_be_visible()
    page.get_by_role("button", name="Yes, cancel them").click()
    expect(page.get_by_text("3 runs cancelled")).to_be_visible()
    assert {client.run(one).state for one in ids} == {"cancelled"}


def test_a_queue_is_paused_and_its_runs_wait(open_page: Open, client: Client, worker: None) -> None:
    page = open_page("/queues/")
    card = page.get_by_role("region", name="Maintenance")
    card.get_by_role("button", name="Pause").click()
    expect(card.get_by_text("paused by admin")).to_be_visible()
    run_id = asked(client)
    with client.engine.connect() as connection:
        assert [one.name for one in pauses.every(connection)] == ["maintenance"]
    page.reload()
    card.get_by_role("button", name="Resume").click()
    until(lambda: client.run(run_id).state == "finished", "the run finishes")


def test_pages_fit_on_a_phone(open_page: Open, client: Client) -> None:
    run_id = asked(client)
    page = open_page("/", viewport=PHONE)
    for path in (*PAGES, f"/runs/{run_id}"):
        page.goto(root_of(page) + path)
        assert not is_wider_than_its_window(page), path


def test_pages_are_dark_where_that_is_wished(open_page: Open) -> None:
    page = open_page("/", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(14, 20, 18)"


def test_all_works_without_javascript(open_page: Open, client: Client) -> None:
    page = open_page("/jobs/cleanup-history", java_script_enabled=False)
    page.get_by_label("Retention days").fill("12")
    page.get_by_role("button", name="Run Cleanup old route history").click()
    expect(page.get_by_text("The run is queued")).to_be_visible()
    run_id = page.url.rpartition("/")[2]
    page.get_by_text("Cancel this run").click()
    page.get_by_role("button", name="Yes, cancel it").click()
    assert client.run(run_id).state == "cancelled"
    assert page.locator('noscript meta[http-equiv="refresh"]').count() == 0


def test_a_viewer_looks_and_cannot_touch(open_page: Open, address: str) -> None:
    requests.post(f"{address}/api/v1/admin/users", json=NIGHT_SHIFT, headers=BEARER, timeout=10).raise_for_status()
    page = open_page("/schedule/", name="night-shift", password=NIGHT_SHIFT["password"])
    expect(page.get_by_role("heading", name="Schedule")).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(1)
    expect(page.get_by_role("link", name="People")).to_have_count(0)
    answer = page.goto(f"{address}/people/")
    assert answer is not None
    assert answer.status == 403
    expect(page.get_by_text("Only operators can open this page")).to_be_visible()


def test_times_tell_the_local_one_when_pointed_at(open_page: Open, client: Client) -> None:
    page = open_page(f"/runs/{asked(client)}", timezone_id="Asia/Tokyo", locale="en-GB")
    page.locator("time").first.hover()
    expect(page.locator("time").first).to_have_attribute("title", _LOCAL)


def test_axe_finds_nothing_serious(open_page: Open, client: Client, axe: str) -> None:
    with client.engine.connect() as connection:
        paint(connection, dt.datetime.now(dt.UTC))
    run_id = asked(client)
    page = open_page("/", bypass_csp=True)
    looks = [("light", path, {}) for path in (*PAGES, f"/runs/{run_id}", "/people/audit", "/nothing")]
    # What is dark differs in its colours alone.
    looks += [
        ("dark", path, {"runOnly": ["color-contrast"]}) for path in ("/", "/data/", "/queues/", f"/runs/{run_id}")
    ]
    for scheme, path, options in looks:
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.goto(root_of(page) + path)
        page.evaluate(axe)
        found = page.evaluate("options => axe.run({resultTypes: ['violations'], ...options})", options)["violations"]
        bad = [
            f"{one['id']}: {node['html'][:120]}"
            for one in found
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"]
        ]
        assert not bad, (path, scheme, bad)


def test_a_session_that_ended_stops_the_live_part(open_page: Open, client: Client) -> None:
    page = open_page(f"/runs/{asked(client)}")
    page.context.clear_cookies()
    with page.expect_response(lambda answer: answer.url.endswith("/live")) as answer:
        pass
    assert answer.value.status == 302
    expect(page.get_by_text("Cancel this run")).to_be_visible()


@pytest.mark.parametrize("width", [320, 390, 1920])
def test_the_sign_in_fits_every_width(open_page: Open, address: str, width: int) -> None:
    page = open_page("/", viewport={"width": width, "height": 700})
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Password")).to_be_visible()
    assert not is_wider_than_its_window(page)
    sign_in(page, address, "admin", PASSWORD)
