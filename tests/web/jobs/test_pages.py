"""Asking for runs by forms."""

import datetime as dt
import html
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from jobs import catalogue
from tests.web.conftest import TASKS, csrf_token
from worker.client import Client


def send(browser: FlaskClient, slug: str, **fields: str) -> Any:
    return browser.post(f"/jobs/{slug}", data={"csrf_token": csrf_token(browser), **fields})


def tag(page: str, id_: str) -> str:
    match = re.search(rf'<[^>]*\bid="{id_}"[^>]*>', page)
    assert match, f"no element {id_}"
    return match[0]


def text_of(page: str, id_: str) -> str:
    match = re.search(rf'id="{id_}">(.*?)</', page)
    assert match, f"no element {id_}"
    return html.unescape(match[1])


def test_every_job_has_a_form_with_its_parameters(browser: FlaskClient) -> None:
    page = browser.get("/jobs/").text
    for job in catalogue.load().values():
        assert f'action="/jobs/{job.slug}"' in page
        for name in job.parameters.model_fields:
            # A year and a month are one input.
            if name != "year":
                assert f'name="{name}"' in tag(page, f"{job.slug}-{name}")


def test_inputs_are_typed_and_hold_the_defaults(browser: FlaskClient) -> None:
    page = browser.get("/jobs/").text
    months = tag(page, "rebuild-grid-months")
    for part in ('type="number"', 'min="1"', 'max="60"', 'value="12"', 'step="1"'):
        assert part in months
    assert 'type="month"' in tag(page, "rebuild-grid-until")
    assert 'type="checkbox"' in tag(page, "rebuild-grid-force")
    assert 'type="month"' in tag(page, "ingest-month-month")
    assert " required" in tag(page, "ingest-month-month")
    assert tag(page, "ingest-latest-area").startswith("<select")
    assert "<option>southampton-core</option>" in page
    assert "YYYY-MM" in text_of(page, "rebuild-grid-until-help")
    assert "monthly on the 3rd, 03:00 UTC" in page


def test_every_input_has_a_label(browser: FlaskClient) -> None:
    page = browser.get("/jobs/").text
    inputs = re.findall(r'<(?:input|select)(?![^>]*type="hidden")[^>]*\bid="([^"]+)"', page)
    assert len(inputs) > 5
    assert all(f'<label for="{one}"' in page for one in inputs)


def test_a_request_leads_to_the_page_of_its_run(browser: FlaskClient, client: Client) -> None:
    answer = send(browser, "rebuild-grid", months="3", until="", force="true")
    assert answer.status_code == 303
    run = client.run(answer.location.removeprefix("/runs/"))
    assert run.parameters == {"months": 3, "until": None, "force": True}
    assert (run.origin, run.requested_by) == ("form", "admin")
    assert "The run is queued" in browser.get(answer.location).text


def test_a_box_that_is_not_ticked_is_false(browser: FlaskClient, client: Client) -> None:
    answer = send(browser, "rebuild-grid", months="3")
    assert client.run(answer.location.removeprefix("/runs/")).parameters["force"] is False


def test_the_same_request_again_leads_to_the_same_run(browser: FlaskClient) -> None:
    first, second = (send(browser, "cleanup-history", retention_days="30") for _ in range(2))
    assert first.location == second.location
    assert "already open" in browser.get(second.location).text


def test_an_error_stands_beside_its_field_and_what_was_given_is_kept(browser: FlaskClient) -> None:
    answer = send(browser, "rebuild-grid", months="99", until="2024-13", force="true")
    page = answer.text
    assert answer.status_code == 422
    assert "60" in text_of(page, "rebuild-grid-months-error")
    assert text_of(page, "rebuild-grid-until-error") == "Until must be a month, YYYY-MM"
    months = tag(page, "rebuild-grid-months")
    assert 'value="99"' in months
    assert 'aria-invalid="true"' in months
    assert "rebuild-grid-months-error" in months
    assert 'value="2024-13"' in tag(page, "rebuild-grid-until")
    assert " checked" in tag(page, "rebuild-grid-force")


def test_a_required_field_left_empty_is_named(browser: FlaskClient) -> None:
    page = send(browser, "ingest-month", year="2024", month=" ").text
    assert text_of(page, "ingest-month-month-error") == "Month is required"


@pytest.mark.parametrize("given", ['"><script>alert(1)</script>', "' onfocus='alert(1)"])
def test_what_was_given_stays_text(browser: FlaskClient, given: str) -> None:
    page = send(browser, "rebuild-grid", until=given).text
    assert f'value="{html.escape(given)}"'.replace("&#x27;", "&#39;") in page.replace("&#34;", "&quot;")
    assert "<script>alert" not in page


def test_a_field_that_no_form_has_is_refused(browser: FlaskClient) -> None:
    answer = send(browser, "rebuild-grid", moon="1")
    assert answer.status_code == 422
    assert "moon is not a parameter of this job" in answer.text


def test_an_unknown_job_is_404(browser: FlaskClient) -> None:
    assert send(browser, "nothing").status_code == 404


def test_a_month_is_picked_as_one(browser: FlaskClient, client: Client) -> None:
    answer = send(browser, "ingest-month", month="2024-05", area="southampton-core")
    run = client.run(answer.location.removeprefix("/runs/"))
    assert run.parameters == {"year": 2024, "month": 5, "area": "southampton-core", "accept_smaller": False}


def test_what_is_no_month_is_said_beside_it(browser: FlaskClient) -> None:
    page = send(browser, "ingest-month", month="May").text
    assert text_of(page, "ingest-month-month-error") == "Month must be a month, YYYY-MM"
    assert 'value="May"' in tag(page, "ingest-month-month")


def test_a_run_is_asked_for_again_with_changes(browser: FlaskClient, client: Client) -> None:
    first = send(browser, "rebuild-grid", months="3", until="2024-05", force="true").location.removeprefix("/runs/")
    assert f'href="/jobs/rebuild-grid?from={first}"' in browser.get(f"/runs/{first}").text
    page = browser.get(f"/jobs/rebuild-grid?from={first}").text
    assert 'value="3"' in tag(page, "rebuild-grid-months")
    assert 'value="2024-05"' in tag(page, "rebuild-grid-until")
    assert " checked" in tag(page, "rebuild-grid-force")


def test_a_month_of_a_run_comes_back_into_its_form(browser: FlaskClient) -> None:
    first = send(browser, "ingest-month", month="2024-05").location.removeprefix("/runs/")
    page = browser.get(f"/jobs/ingest-month?from={first}").text
    assert 'value="2024-05"' in tag(page, "ingest-month-month")


def test_an_address_may_fill_a_form(browser: FlaskClient) -> None:
    page = browser.get("/jobs/rebuild-grid?until=2024-05&months=1").text
    assert 'value="2024-05"' in tag(page, "rebuild-grid-until")
    assert browser.get("/jobs/nothing").status_code == 404


def test_a_job_shows_how_long_it_takes(browser: FlaskClient, client: Client) -> None:
    run_id = send(browser, "cleanup-history").location.removeprefix("/runs/")
    with client.engine.begin() as connection:
        values = "state = 'finished', started_at = clock_timestamp() - interval '90 s', ended_at = clock_timestamp()"
        connection.execute(text(f"UPDATE runs SET {values} WHERE id = :id"), {"id": run_id})
    page = browser.get("/jobs/cleanup-history").text
    assert "median 1 min 30 s, 95th percentile 1 min 30 s" in page
    assert f'<a href="/runs/{run_id}" tabindex="-1"><rect class="finished"' in page
    assert 'role="group" aria-label="Durations of the last 1 runs' in page


def test_a_run_is_asked_for_at_a_later_time(browser: FlaskClient, client: Client) -> None:
    wrong = send(browser, "cleanup-history", retention_days="7", due_at="soon")
    assert wrong.status_code == 422
    assert 'value="soon"' in tag(wrong.text, "cleanup-history-due_at")
    assert "must be a time such as" in text_of(wrong.text, "cleanup-history-due_at-error")
    assert 'value="7"' in tag(wrong.text, "cleanup-history-retention_days")
    begins = dt.datetime.now(dt.UTC) + dt.timedelta(days=2)
    asked = send(browser, "cleanup-history", retention_days="7", due_at=f"{begins:%Y-%m-%dT%H:%M}")
    page = browser.get(asked.location).text
    assert f"It starts at {begins:%Y-%m-%d %H:%M} UTC" in page
    assert "it is planned for later" in page
    assert re.search(rf"starts <time[^>]*>{begins:%-d %b, %H:%M}", browser.get("/runs/").text)
    again = send(browser, "cleanup-history", retention_days="7")
    assert again.location == asked.location
    page = browser.get(asked.location).text
    assert "It now starts sooner" in page
    assert "it is planned for later" not in page


@pytest.mark.parametrize("where", ["json", "query_string"])
def test_a_program_asks_for_a_later_run(program: FlaskClient, where: str) -> None:
    wanted = {"retention_days": 9, "due_at": "2099-01-01T00:00Z"}
    assert "due_at" in program.post(f"{TASKS}/cleanup-history", **{where: wanted}).json["errors"]
    begins = (dt.datetime.now(dt.UTC) + dt.timedelta(days=2)).replace(microsecond=0)
    made = program.post(f"{TASKS}/cleanup-history", **{where: wanted | {"due_at": begins.isoformat()}})
    assert made.status_code == 202
    (task,) = program.get(TASKS).json["tasks"]
    assert (task["state"], dt.datetime.fromisoformat(task["due_at"])) == ("waiting", begins)
    sooner = program.post(f"{TASKS}/cleanup-history", json={"retention_days": 9})
    assert "begins sooner now" in sooner.json["message"]
    assert sooner.json["task_id"] == made.json["task_id"]
