"""A date, a choice and a list, given by form, API and command line."""

import datetime as dt
from typing import Any, Literal

import pytest
from flask.testing import FlaskClient

from jobs import catalogue
from jobs.catalogue import job
from tests.web.conftest import TASKS
from tests.web.jobs.test_pages import send, tag
from worker.client import Client

GIVEN = {"day": "2024-05-02", "depth": "full", "tags": ["north", "coast"]}


@pytest.fixture(autouse=True)
def _survey(monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue.load()
    monkeypatch.setattr(catalogue, "_jobs", dict(catalogue._jobs))

    @job(queue="maintenance", slug="survey")
    def survey(day: dt.date, depth: Literal["quick", "full"] = "quick", tags: list[str] = []) -> dict[str, Any]:  # noqa: B006
        """Survey a day."""
        return {"day": day.isoformat(), "depth": depth, "tags": tags}


def test_the_form_has_an_input_of_each_kind(browser: FlaskClient) -> None:
    page = browser.get("/jobs/survey").text
    assert 'type="date"' in tag(page, "survey-day")
    assert " required" in tag(page, "survey-day")
    assert tag(page, "survey-depth").startswith("<select")
    assert "<option selected>quick</option>" in page
    assert 'type="text"' in tag(page, "survey-tags")
    assert "Separated by commas" in page


def test_the_form_gives_them(browser: FlaskClient, client: Client) -> None:
    answer = send(browser, "survey", day="2024-05-02", depth="full", tags="north, coast")
    assert answer.status_code == 303
    run = client.run(answer.headers["Location"].rpartition("/")[2])
    assert run.parameters == GIVEN
    again = browser.get(f"/jobs/survey?from={run.id}").text
    assert 'value="north, coast"' in tag(again, "survey-tags")
    assert 'value="2024-05-02"' in tag(again, "survey-day")


def test_the_api_gives_them_in_body_and_query(program: FlaskClient, client: Client) -> None:
    for answer in (
        program.post(f"{TASKS}/survey", json=GIVEN),
        program.post(f"{TASKS}/survey?day=2024-05-02&depth=full&tags=north,coast"),
    ):
        assert answer.status_code == 202, answer.text
        assert client.run(answer.json["task_id"]).parameters == GIVEN
    wrong = program.post(f"{TASKS}/survey", json={"day": "2024-13-02", "depth": "deep", "tags": 5})
    assert wrong.status_code == 422
    assert wrong.json["errors"].keys() == {"day", "depth", "tags"}


def test_the_document_describes_them(program: FlaskClient) -> None:
    schema = program.get("/openapi.json").json["components"]["schemas"]["survey"]
    assert schema["properties"]["day"]["format"] == "date"
    assert schema["properties"]["depth"]["enum"] == ["quick", "full"]
    assert schema["properties"]["tags"]["items"] == {"type": "string"}
    assert schema["required"] == ["day"]
