"""The runs' pages."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from jobs.models import Attempt, Run
from tests.web.conftest import csrf_token
from worker.client import Client
from worker.ledger import Asker
from worker.progress import Reporter

Perform = Callable[[str], Any]


def asked(client: Client, job: str = "cleanup_old_route_history", **parameters: Any) -> str:
    return client.submit(job, parameters, Asker("cli", "somebody")).run_id


def press(browser: FlaskClient, path: str) -> Any:
    return browser.post(path, data={"csrf_token": csrf_token(browser)}, follow_redirects=True)


def test_a_run_that_waits_says_what_it_waits_for(browser: FlaskClient, client: Client) -> None:
    page = browser.get(f"/runs/{asked(client)}").text
    assert "queued" in page
    assert "somebody" in page
    assert "safegrid worker maintenance" in page
    assert "Cancel this run" in page
    assert '<noscript><meta http-equiv="refresh"' in page


def test_a_run_that_is_done_shows_its_result(browser: FlaskClient, client: Client, perform: Perform) -> None:
    run_id = asked(client, retention_days=7)
    perform(run_id)
    page = browser.get(f"/runs/{run_id}").text
    assert ">records deleted</th><td>0</td>" in page
    assert "&#34;retention_days&#34;: 7" in page
    assert "cleanup_old_route_history(retention_days=7)" in page
    assert "http-equiv" not in page
    assert "Retry this run" not in page
    assert "Cancel this run" not in page


def test_the_lines_that_a_run_logged_are_shown(browser: FlaskClient, client: Client) -> None:
    run_id = asked(client)
    line = {"event": "month_failed", "level": "error", "timestamp": "2024-05-06T07:08:09.1Z", "area": "south"}
    with client.engine.begin() as connection:
        connection.execute(update(Run).where(Run.id == run_id).values(log=[line]))
    page = browser.get(f"/runs/{run_id}").text
    assert "<strong>month_failed</strong>" in page
    assert "07:08:09<" in page
    assert "area=south" in page


def test_a_run_that_failed_shows_why(browser: FlaskClient, client: Client, perform: Perform) -> None:
    run_id = asked(client, "rebuild_safety_grid")
    with pytest.raises(Exception, match="no crimes"):
        perform(run_id)
    page = browser.get(f"/runs/{run_id}").text
    assert "NothingIngested: There are no crimes" in page
    assert "Traceback (most recent call last)" in page
    assert "Retry this run" in page


def test_a_run_at_work_shows_how_far_it_is(browser: FlaskClient, client: Client) -> None:
    run_id = asked(client)
    with client.engine.begin() as connection:
        connection.execute(update(Run).where(Run.id == run_id).values(state="started", attempt=1))
    Reporter(client.redis, run_id)(3, 4, "2024-05")
    live = browser.get(f"/runs/{run_id}/live")
    assert '<progress value="75" max="100"' in live.text
    assert "3 of 4 · 2024-05" in live.text
    assert live.headers["X-Open"] == "1"
    assert '<progress value="75"' in browser.get("/").text


def test_a_run_is_cancelled_and_tried_again_by_buttons(browser: FlaskClient, client: Client) -> None:
    run_id = asked(client)
    page = press(browser, f"/runs/{run_id}/cancel").text
    assert "Cancelled by admin" in page
    assert browser.get(f"/runs/{run_id}/live").headers["X-Open"] == "0"
    assert "The run begins again" in press(browser, f"/runs/{run_id}/retry").text
    assert client.run(run_id).state == "queued"


def test_a_button_pressed_too_late_says_so(browser: FlaskClient, client: Client) -> None:
    run_id = asked(client)
    press(browser, f"/runs/{run_id}/cancel")
    again = press(browser, f"/runs/{run_id}/cancel")
    assert again.status_code == 409
    assert "it has ended" in again.text


def test_looking_at_a_run_changes_nothing(browser: FlaskClient, client: Client) -> None:
    run_id = asked(client)
    assert browser.get(f"/runs/{run_id}/cancel").status_code == 405
    assert client.run(run_id).state == "queued"


def test_runs_are_listed_by_state_and_job(browser: FlaskClient, client: Client) -> None:
    kept, cancelled = asked(client), asked(client, "rebuild_safety_grid")
    client.cancel(cancelled, "somebody")
    every = browser.get("/runs/").text
    assert kept in every
    assert cancelled in every
    assert kept not in browser.get("/runs/?state=cancelled").text
    assert kept in browser.get("/runs/?job=cleanup_old_route_history&state=").text
    assert "No run is like this" in browser.get("/runs/?state=failed").text


def test_text_from_elsewhere_stays_text(browser: FlaskClient, client: Client, perform: Perform) -> None:
    run_id = asked(client)
    perform(run_id)
    bad = "<img src=x onerror=alert(1)>"
    with client.engine.begin() as connection:
        connection.execute(
            update(Run).where(Run.id == run_id).values(result={bad: [bad, {bad: bad}]}, log=[{"event": bad, bad: bad}])
        )
        connection.execute(update(Attempt).where(Attempt.run_id == run_id).values(error=bad, traceback=bad))
    page = browser.get(f"/runs/{run_id}").text
    assert "<img" not in page
    assert page.count("&lt;img") >= 6
