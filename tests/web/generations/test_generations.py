"""Operators publish an earlier generation and resume rebuilds, by page and API; each is written down."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from jobs import context
from jobs.grid.publishing import publish_grid_generation
from jobs.grid.rebuild import rebuild_safety_grid
from tests.gridded import hold, scattered
from tests.web.conftest import csrf_token
from web.people.store import entries
from worker.client import Client
from worker.settings import Settings

GRID = "/api/v1/admin/grid"


@pytest.fixture
def two(client: Client, settings: Settings) -> Client:
    """Two generations, of which the second has a bad month."""
    with context.open_context(settings) as here:
        here.report_progress = lambda *_: None
        for count in (10, 500):
            hold(here.connection, "2024-01", scattered("2024-01", count))
            rebuild_safety_grid()
    return client


def publish_first(settings: Settings) -> None:
    with context.open_context(settings):
        publish_grid_generation(1)


def audited(client: Client) -> list[tuple[str, str]]:
    with client.engine.connect() as connection:
        return [(entry.action, entry.target) for entry in entries.newest(connection, 10)]


def listed(program: FlaskClient) -> dict[str, Any]:
    found: dict[str, Any] = program.get(f"{GRID}/generations").json
    return found


def test_programs_see_the_generations_and_publish_one(program: FlaskClient, two: Client) -> None:
    found = listed(program)
    assert found["paused"] is None
    assert [(one["generation"], one["is_published"], one["crimes"]) for one in found["generations"]] == [
        (2, True, 500),
        (1, False, 10),
    ]
    assert found["generations"][0]["areas"] == ["southampton-core"]
    asked = program.post(f"{GRID}/generations/1/publish")
    assert asked.status_code == 202
    run = two.run(asked.json["task_id"])
    assert (run.job, run.parameters, run.origin) == ("publish_grid_generation", {"generation": 1}, "api")
    assert audited(two)[0][0] == "asked for"


@pytest.mark.parametrize(("number", "words"), [(2, "published already"), (9, "There is no generation 9")])
def test_one_that_cannot_be_published_is_refused(
    program: FlaskClient, browser: FlaskClient, two: Client, number: int, words: str
) -> None:
    refused = program.post(f"{GRID}/generations/{number}/publish")
    assert (refused.status_code, words in refused.json["detail"]) == (409, True)
    page = browser.post(f"/generations/{number}/publish", data={"csrf_token": csrf_token(browser)})
    assert (page.status_code, words in page.text) == (409, True)


def test_people_publish_one_and_resume_rebuilds(
    browser: FlaskClient, program: FlaskClient, two: Client, settings: Settings
) -> None:
    page = browser.get("/generations/").text
    assert page.count("Yes, publish") == 1
    assert "Rebuilds are paused" not in page
    token = {"csrf_token": csrf_token(browser)}
    asked = browser.post("/generations/1/publish", data=token)
    assert asked.location.startswith("/runs/")
    publish_first(settings)
    page = browser.get("/generations/").text
    assert "Rebuilds are paused" in page
    assert "1 again" in page
    # The bad one can be looked at again; the first is published.
    assert page.count("Yes, publish") == 1
    assert "Rebuilds are paused" in listed(program)["paused"]
    assert browser.post("/generations/resume", data=token).location == "/generations/"
    assert ("resumed", "rebuilds of the grid") in audited(two)
    assert listed(program)["paused"] is None
    resumed = program.post(f"{GRID}/resume").json
    assert resumed["changed"] is False


def test_a_program_that_resumes_is_told_what_is_built(program: FlaskClient, two: Client, settings: Settings) -> None:
    publish_first(settings)
    resumed = program.post(f"{GRID}/resume").json
    assert resumed["changed"] is True
    (run_id,) = resumed["task_ids"]
    assert two.run(run_id).job == "rebuild_safety_grid"


def test_a_form_without_its_token_changes_nothing(browser: FlaskClient, two: Client) -> None:
    assert browser.post("/generations/resume").status_code == 403
    assert browser.post("/generations/1/publish").status_code == 403


def test_without_a_grid_the_page_says_so(browser: FlaskClient) -> None:
    assert "There is no grid yet" in browser.get("/generations/").text
