"""The page of the schedule."""

import datetime as dt
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import insert

from jobs import catalogue
from jobs.models.runs import Run
from tests.web.conftest import csrf_token
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
    assert "goes on with its cadence" in press(browser, "/schedule/watch-release/resume").text
    with client.engine.connect() as connection:
        assert not pauses.every(connection)


def test_a_job_without_a_cadence_cannot_be_paused(browser: FlaskClient) -> None:
    answer = press(browser, "/schedule/ingest-month/pause")
    assert answer.status_code == 404
    assert "it runs on demand" in answer.text
