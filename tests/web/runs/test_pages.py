"""The runs' pages."""

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from jobs.models.runs import Attempt, Run
from tests.web.conftest import csrf_token
from worker.client import Client
from worker.ledger import Requester
from worker.progress import Reporter

Perform = Callable[[str], Any]


def asked(client: Client, job: str = "cleanup_old_route_history", **parameters: Any) -> str:
    return client.submit(job, parameters, Requester("cli", "somebody")).run_id


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
    assert "cleanup_old_route_history(retention_days=7" in page
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
    assert "The run is retried" in press(browser, f"/runs/{run_id}/retry").text
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
    assert "No runs match" in browser.get("/runs/?state=failed").text


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


def tried(browser: FlaskClient, **form: Any) -> Any:
    return browser.post("/runs/act", data={"csrf_token": csrf_token(browser), **form})


def test_all_runs_of_a_filter_are_cancelled_after_a_question(browser: FlaskClient, client: Client) -> None:
    inside = [asked(client, retention_days=days) for days in (1, 2, 3)]
    outside = asked(client, "rebuild_safety_grid")
    sought = {"which": "all", "job": "cleanup_old_route_history"}
    question = tried(browser, action="cancel", **sought)
    assert question.status_code == 200
    assert "Cancel 3 runs?" in question.text
    assert client.run(inside[0]).state == "queued"
    ids = {"run": inside, "action": "cancel", "confirmed": "1", "job": "cleanup_old_route_history"}
    answer = tried(browser, **ids)
    assert answer.location == "/runs/?job=cleanup_old_route_history"
    assert [client.run(one).state for one in inside] == ["cancelled"] * 3
    assert client.run(outside).state == "queued"
    assert "3 runs cancelled" in browser.get(answer.location).text


def test_ticked_runs_are_retried_and_those_that_cannot_be_are_left(browser: FlaskClient, client: Client) -> None:
    first, second = asked(client, retention_days=1), asked(client, retention_days=2)
    client.cancel(first, "somebody")
    answer = tried(browser, action="retry", run=[first, second], confirmed="1")
    assert client.run(first).state == "queued"
    assert "1 run retried. 1 had changed in the meantime" in browser.get(answer.location).text


def test_an_action_that_fits_no_run_says_so(browser: FlaskClient, client: Client) -> None:
    asked(client)
    answer = tried(browser, action="retry", which="all")
    assert "None of these runs can be retried" in browser.get(answer.location).text
    assert tried(browser, action="delete").status_code == 422


def test_runs_are_searched_by_what_they_say(browser: FlaskClient, client: Client) -> None:
    first, second = asked(client, retention_days=11), asked(client, retention_days=22)
    with client.engine.begin() as connection:
        connection.execute(update(Run).where(Run.id == second).values(error="the 100% disk is full"))
    for search, found in (
        (first, [first]),
        (first[:8], [first]),
        ("disk is FULL", [second]),
        ("100%", [second]),
        ("1%0", []),
        ('"retention_days": 11', [first]),
        ("somebody", [first, second]),
    ):
        page = browser.get("/runs/", query_string={"q": search}).text
        assert [one for one in (first, second) if f"/runs/{one}" in page] == found, search


@pytest.mark.parametrize(
    ("query", "status"),
    [("from=2024-13-01", 422), ("to=x", 422), ("before=x", 422), ("before=2024-01-01_%00", 422), ("q=%00", 422)],
)
def test_an_address_that_cannot_be_meant_is_refused(browser: FlaskClient, query: str, status: int) -> None:
    assert browser.get(f"/runs/?{query}").status_code == status


def test_pages_follow_each_other_without_gap_or_repeat(
    browser: FlaskClient, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.runs.pages.LISTED", 2)
    every = [asked(client, retention_days=days) for days in range(1, 6)][::-1]
    with client.engine.begin() as connection:  # Some of the same moment.
        connection.execute(update(Run).values(created_at=client.run(every[2]).created_at).where(Run.id.in_(every[1:4])))
    seen: list[str] = []
    path = "/runs/?job=cleanup_old_route_history"
    while path:
        page = browser.get(path).text
        seen += re.findall(r'name="run" value="([^"]+)"', page)
        older = re.search(r'rel="next" href="([^"]+)"', page)
        path = older[1].replace("&amp;", "&") if older else ""
    assert sorted(seen) == sorted(every)


def test_a_list_is_had_as_csv_and_json(browser: FlaskClient, client: Client) -> None:
    first, second = asked(client, retention_days=1), asked(client, retention_days=2)
    client.submit("rebuild_safety_grid", {}, Requester("cli", "=cmd()"))
    as_json = browser.get("/runs/export.json?job=cleanup_old_route_history")
    assert [one["task_id"] for one in as_json.json] == [second, first]
    assert "attachment" in as_json.headers["Content-Disposition"]
    assert browser.get("/runs/export.json?state=failed").json == []
    rows = list(csv.DictReader(io.StringIO(browser.get("/runs/export.csv").text)))
    assert [row["task_id"] for row in rows][1:] == [second, first]
    assert rows[0]["requested_by"] == "'=cmd()"
    assert browser.get("/runs/export.xls").status_code == 404


def test_a_run_shows_the_chain_it_stands_in(browser: FlaskClient, client: Client) -> None:
    first = asked(client, "ingest_latest_crime_data")
    ask = Requester("pipeline", f"run {first}")
    second = client.submit("rebuild_safety_grid", {}, ask, parent_id=first).run_id
    third = client.submit("validate_h3_grid_health", {}, Requester("pipeline", "x"), parent_id=second).run_id
    page = browser.get(f"/runs/{second}").text
    chain = page[page.index('id="chain"') : page.index('id="attempts"')]
    assert f"/runs/{first}" in chain
    assert f"/runs/{third}" in chain
    assert "this run" in chain
    assert 'id="chain"' not in browser.get(f"/runs/{asked(client)}").text


def test_a_run_says_how_fast_it_is_and_when_it_will_be_done(browser: FlaskClient, client: Client) -> None:
    run_id = asked(client)
    with client.engine.begin() as connection:
        connection.execute(update(Run).where(Run.id == run_id).values(state="started", attempt=1))
    told = {"done": 50, "total": 150, "note": "", "started": 1000.0, "at": 1010.0}
    client.redis.set(f"safegrid:progress:{run_id}", json.dumps(told))
    assert "5 per second, about 20 s left" in browser.get(f"/runs/{run_id}/live").text
    # A later attempt goes on where another was: its rate says nothing.
    with client.engine.begin() as connection:
        connection.execute(update(Run).where(Run.id == run_id).values(attempt=2))
    assert "left" not in browser.get(f"/runs/{run_id}/live").text
