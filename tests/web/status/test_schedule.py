"""The page of the schedule."""

import datetime as dt
import re
import uuid
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, insert

from jobs import catalogue
from jobs.models.runs import Run
from tests.web.conftest import ADMIN, csrf_token
from worker import occurrences, pauses
from worker.client import Client

NOW = dt.datetime(2024, 5, 6, tzinfo=dt.UTC)


def press(browser: FlaskClient, path: str) -> Any:
    return browser.post(path, data={"csrf_token": csrf_token(browser)}, follow_redirects=True)


def test_every_cadence_is_told_in_words_and_as_cron(browser: FlaskClient, client: Client) -> None:
    with client.engine.connect() as connection:
        occurrences.reconcile(connection, catalogue.load(), NOW)
    page = browser.get("/schedule/").text
    for job in catalogue.load().values():
        assert (f'id="{job.slug}"' in page) is bool(job.cron)
    assert "monthly on the 3rd, 03:00 UTC" in page
    assert "0 3 3 * *" in page


def test_the_last_occurrences_are_dots_that_lead_to_their_runs(browser: FlaskClient, client: Client) -> None:
    rows = [
        {
            "id": f"00000000-0000-4000-8000-{day:012}",
            "job": "watch_for_release",
            "queue": "maintenance",
            "parameters": {},
            "state": "skipped",
            "origin": "schedule",
            "requested_by": "schedule",
            "occurrence": NOW + dt.timedelta(days=day),
            "ended_at": NOW,
        }
        for day in range(33)
    ]
    with client.engine.begin() as connection:
        connection.execute(insert(Run), rows)
    page = browser.get("/schedule/").text
    assert page.count('class="dot skipped" href') == 30
    assert rows[2]["id"] not in page
    assert page.index(str(rows[3]["id"])) < page.index(str(rows[32]["id"]))


def test_a_cadence_is_paused_and_resumed(browser: FlaskClient, client: Client) -> None:
    page = press(browser, "/schedule/watch-release/pause").text
    assert "Watch for release is paused" in page
    with client.engine.connect() as connection:
        assert [(one.kind, one.name) for one in pauses.every(connection)] == [("cadence", "watch_for_release")]
    assert "is resumed" in press(browser, "/schedule/watch-release/resume").text
    with client.engine.connect() as connection:
        assert not pauses.every(connection)


def test_a_job_without_a_cadence_cannot_be_paused(browser: FlaskClient) -> None:
    answer = press(browser, "/schedule/ingest-month/pause")
    assert answer.status_code == 404
    assert "has no cadence" in answer.text


def test_what_becomes_of_a_missed_occurrence_is_told(
    browser: FlaskClient, program: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = catalogue.find("rebuild-grid")
    other = replace(job, overlaps=True, catch_up=dt.timedelta(hours=2))
    monkeypatch.setattr(catalogue, "_jobs", {**catalogue.load(), job.name: other})
    for page in (browser.get("/jobs/rebuild-grid").text, browser.get("/schedule/").text):
        assert "the newest one runs up to 2 h late" in page
        assert "waits behind it" in page
    assert "up to 7 days late" in browser.get("/jobs/ingest-latest").text
    told = {one["slug"]: one for one in program.get(f"{ADMIN}/schedule").json["cadences"]}
    assert (told["rebuild-grid"]["catch_up_s"], told["rebuild-grid"]["overlap"]) == (7200, "wait")
    assert (told["ingest-latest"]["catch_up_s"], told["ingest-latest"]["overlap"]) == (7 * 86400, "skip")


def test_what_follows_what_is_drawn_and_listed(browser: FlaskClient, client: Client) -> None:
    assert "No follow-ups yet" in browser.get("/schedule/").text
    with client.engine.begin() as connection:
        first = asked(connection, "ingest_latest_crime_data")
        asked(connection, "rebuild_safety_grid", first)
        last = asked(connection, "validate_h3_grid_health", asked(connection, "rebuild_safety_grid", first))
    page = browser.get("/schedule/").text
    assert "Ingest latest crime data → Rebuild safety grid, 2 times" in page
    graph = drawn(page)
    assert graph.count('class="edge"') == 2
    assert re.findall(r'href="/jobs/([a-z0-9-]+)"', graph) == ["ingest-latest", "rebuild-grid", "validate-grid-health"]
    of_run = drawn(browser.get(f"/runs/{last}").text)
    assert of_run.count('class="edge"') == 3
    assert re.search(rf'href="/runs/{last}" class="node waiting here" aria-current="true"', of_run)


def drawn(page: str) -> str:
    found = re.search(r'class="graph".*?</svg>', page, re.DOTALL)
    assert found
    return found[0]


def asked(connection: Connection, name: str, parent: str | None = None) -> str:
    run_id = str(uuid.uuid4())
    values = {"id": run_id, "job": name, "queue": "ingestion", "parameters": {}, "state": "waiting"}
    who = {"origin": "pipeline", "requested_by": "a test", "parent_id": parent}
    connection.execute(insert(Run).values(**values, **who))
    return run_id
