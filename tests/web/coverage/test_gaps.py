"""Known gaps over the API and on their page: operators change them, viewers read them, each change is written down."""

import datetime as dt
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from tests.gridded import hold, scattered
from tests.web.conftest import csrf_token
from web.people.store import entries, tokens
from worker.client import Client

GAPS = "/api/v1/coverage/gaps"
CHANGES = "/api/v1/admin/coverage/gaps"
NEW = {
    "force": "hampshire",
    "first_month": "2024-01",
    "last_month": "2024-02",
    "reason": "No file",
    "source": "A notice",
}


def gaps(program: FlaskClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = program.get(GAPS).get_json()["gaps"]
    return found


def audited(client: Client) -> list[tuple[str, str]]:
    with client.engine.connect() as connection:
        return [(entry.action, entry.target) for entry in entries.newest(connection, 10)]


def test_the_gaps_that_are_known_from_the_first_are_listed(program: FlaskClient) -> None:
    found = {(gap["force"], gap["first_month"], gap["last_month"]) for gap in gaps(program)}
    assert ("greater-manchester", "2019-07-01", None) in found
    assert ("city-of-london", "2022-06-01", "2022-06-01") in found


def test_a_gap_is_noted_judged_at_once_and_deleted(program: FlaskClient, client: Client) -> None:
    with client.engine.connect() as connection:
        for month in ("2024-01", "2024-02", "2024-03"):
            hold(connection, month, scattered(month))
    before = gaps(program)
    response = program.post(CHANGES, json=NEW)
    made = response.get_json()
    assert response.status_code == 201
    assert made == {
        **NEW,
        "id": made["id"],
        "first_month": "2024-01-01",
        "last_month": "2024-02-01",
        "kind": "missing",
        "corrected_release": None,
    }
    verdicts = {row["month"]: row["status"] for row in program.get("/api/v1/coverage").get_json()["coverage"]}
    assert verdicts == {"2024-01-01": "missing", "2024-02-01": "missing", "2024-03-01": "unknown"}
    assert program.delete(f"{CHANGES}/{made['id']}").get_json() == {"changed": True}
    assert gaps(program) == before
    words = "the gap of hampshire, 2024-01 to 2024-02 (missing)"
    assert audited(client)[:2] == [("deleted", words), ("noted", words)]
    assert program.delete(f"{CHANGES}/{made['id']}").status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"force": "Hampshire!"}, "force"),
        ({"first_month": "2024-13"}, "first_month"),
        ({"last_month": "2023-12"}, "last_month"),
        ({"kind": "lost"}, "kind"),
        ({"reason": ""}, "reason"),
        ({"reason": "  "}, "reason"),
        ({"source": "x" * 501}, "source"),
        ({"more": 1}, "more"),
    ],
)
def test_what_is_wrong_with_a_gap_is_said_by_field(program: FlaskClient, change: dict[str, Any], field: str) -> None:
    before = gaps(program)
    response = program.post(CHANGES, json=NEW | change)
    assert response.status_code == 422
    assert response.get_json()["errors"].keys() == {field}
    assert gaps(program) == before


def test_a_viewer_reads_and_changes_nothing(client: Client, program: FlaskClient) -> None:
    with client.engine.connect() as connection:
        _, token = tokens.add(connection, "a dashboard", "viewer", 1, who="admin", owner_id=None)
    viewer = {"Authorization": f"Bearer {token}"}
    before = gaps(program)
    assert program.get(GAPS, headers=viewer).status_code == 200
    assert program.post(CHANGES, json=NEW, headers=viewer).status_code == 403
    assert program.delete(f"{CHANGES}/{before[0]['id']}", headers=viewer).status_code == 403
    assert gaps(program) == before


def test_the_page_shows_notes_and_deletes_gaps(browser: FlaskClient, client: Client, program: FlaskClient) -> None:
    with client.engine.connect() as connection:
        hold(connection, "2024-01", scattered("2024-01"))
    page = browser.get("/coverage/").text
    assert "the forces supplied every ingested month" in page
    assert "greater-manchester" in page
    assert "supplied with the release of February 2024" in page.replace("Feb 2024", "February 2024")
    form = {**NEW, "csrf_token": csrf_token(browser, "/coverage/"), "last_month": "", "kind": "late"}
    assert browser.post("/coverage/gaps", data=form).status_code == 303
    page = browser.get("/coverage/").text
    assert "2024-01 to now" in page
    assert '<strong>hampshire</strong> <span class="tag">missing</span>' in page
    (made,) = [gap for gap in gaps(program) if gap["force"] == "hampshire"]
    assert (made["last_month"], made["kind"]) == (None, "late")
    wrong = browser.post("/coverage/gaps", data=form | {"first_month": "soon", "reason": "Kept <as> typed"})
    assert wrong.status_code == 422
    assert "must be a month, YYYY-MM (given: soon)" in wrong.text
    assert "Kept &lt;as&gt; typed" in wrong.text
    assert browser.post(f"/coverage/gaps/{made['id']}/remove", data=form).status_code == 303
    assert not [gap for gap in gaps(program) if gap["force"] == "hampshire"]


def test_a_month_that_a_force_left_out_stands_out_on_the_pages_and_in_the_api(
    browser: FlaskClient, client: Client, program: FlaskClient
) -> None:
    with client.engine.connect() as connection:
        hold(connection, "2024-01", scattered("2024-01"))
        hold(connection, "2024-03", scattered("2024-03"))
    assert 'supplied-missing lacks" title' not in browser.get("/data/").text
    program.post(CHANGES, json=NEW)
    page = browser.get("/data/").text
    assert page.count('supplied-missing lacks" title') == 1
    assert "hampshire not supplied" in page
    month = browser.get("/data/2024-01").text
    assert '<strong>hampshire</strong> <span class="tag">not supplied</span>' in month
    assert "No file (A notice)" in month
    held = {row["month"]: row["coverage"] for row in program.get("/api/v1/admin/data").get_json()["months"]}
    (verdict,) = held["2024-01-01"]
    assert (verdict["force"], verdict["status"]) == ("hampshire", "missing")
    assert verdict["reason"].startswith("No file (A notice)")
    assert [one["status"] for one in held["2024-03-01"]] == ["unknown"]


def test_a_verdict_changes_when_it_does_and_not_before(client: Client, program: FlaskClient) -> None:
    def stamps() -> dict[dt.date, dt.datetime]:
        with client.engine.connect() as connection:
            rows = connection.execute(text("SELECT month, changed_at FROM area_coverage WHERE force = 'hampshire'"))
            return {row.month: row.changed_at for row in rows}

    with client.engine.connect() as connection:
        for month in ("2024-01", "2024-03"):
            hold(connection, month, scattered(month))
    before = stamps()
    program.post(CHANGES, json=NEW | {"force": "kent"})
    assert stamps() == before
    program.post(CHANGES, json=NEW)
    assert stamps()[dt.date(2024, 1, 1)] > before[dt.date(2024, 1, 1)]
