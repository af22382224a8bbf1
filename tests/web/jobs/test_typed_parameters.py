"""A date, a choice and a list, given by form, API and command line."""

import datetime as dt
import enum
from collections.abc import Sequence
from typing import Any, Literal

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from jobs import catalogue
from jobs.catalogue import job
from tests.web.conftest import TASKS
from tests.web.jobs.test_pages import send, tag
from worker.cli.asking import JobCommands
from worker.client import Client

GIVEN = {"day": "2024-05-02", "depth": "full", "tags": ["north", "coast"], "side": "right"}


class Side(enum.Enum):
    """From where it is looked at."""

    LEFT = "left"
    RIGHT = "right"


@pytest.fixture(autouse=True)
def _survey(monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue.load()
    monkeypatch.setattr(catalogue, "_jobs", dict(catalogue._jobs))

    @job(queue="maintenance", slug="survey")
    def survey(
        day: dt.date, depth: Literal["quick", "full"] = "quick", tags: Sequence[str] = (), side: Side = Side.LEFT
    ) -> dict[str, Any]:
        """Survey a day."""
        return {"day": day.isoformat(), "depth": depth, "tags": tags}


def test_the_form_has_an_input_of_each_kind(browser: FlaskClient) -> None:
    page = browser.get("/jobs/survey").text
    assert 'type="date"' in tag(page, "survey-day")
    assert " required" in tag(page, "survey-day")
    assert tag(page, "survey-depth").startswith("<select")
    assert "<option selected>quick</option>" in page
    assert tag(page, "survey-side").startswith("<select")
    assert "<option selected>left</option>" in page
    assert "<option>right</option>" in page
    assert '<option value="">' not in page
    assert 'type="text"' in tag(page, "survey-tags")
    assert "Separated by commas" in page


def test_the_form_gives_them(browser: FlaskClient, client: Client) -> None:
    answer = send(browser, "survey", day="2024-05-02", depth="full", tags="north, coast", side="right")
    assert answer.status_code == 303
    run = client.run(answer.headers["Location"].rpartition("/")[2])
    assert run.parameters == GIVEN
    again = browser.get(f"/jobs/survey?from={run.id}").text
    assert 'value="north, coast"' in tag(again, "survey-tags")
    assert 'value="2024-05-02"' in tag(again, "survey-day")


def test_the_api_gives_them_in_body_and_query(program: FlaskClient, client: Client) -> None:
    for answer in (
        program.post(f"{TASKS}/survey", json=GIVEN),
        program.post(f"{TASKS}/survey?day=2024-05-02&depth=full&tags=north,coast&side=right"),
    ):
        assert answer.status_code == 202, answer.text
        assert client.run(answer.json["task_id"]).parameters == GIVEN
    wrong = program.post(f"{TASKS}/survey", json={"day": "2024-13-02", "depth": "deep", "tags": 5, "side": "top"})
    assert wrong.status_code == 422
    assert wrong.json["errors"].keys() == {"day", "depth", "tags", "side"}


def test_the_document_describes_them(program: FlaskClient) -> None:
    document = program.get("/openapi.json").json
    schema = document["components"]["schemas"]["survey"]
    assert schema["properties"]["day"]["format"] == "date"
    assert schema["properties"]["depth"]["enum"] == ["quick", "full"]
    assert schema["properties"]["tags"]["items"] == {"type": "string"}
    assert schema["required"] == ["day"]
    assert schema["properties"]["side"]["$ref"] == "#/components/schemas/survey.Side"
    query = {one["name"]: one for one in document["paths"][f"{TASKS}/survey"]["post"]["parameters"]}
    assert query["side"]["schema"]["enum"] == ["left", "right"]
    assert query["tags"]["explode"] is False


def test_the_command_has_an_option_for_each() -> None:
    help_text = CliRunner().invoke(JobCommands("run"), ["survey", "--help"]).stdout
    said = " ".join(help_text.split())
    assert "--day YYYY-MM-DD [a day; required]" in said
    assert "--depth quick|full [default: quick]" in said
    assert "--tags A,B,... [separated by commas; optional]" in said
    assert "--side left|right From where it is looked at. [default: left]" in said
