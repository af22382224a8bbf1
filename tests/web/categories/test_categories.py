"""Categories by page and API: those that are not known are named, and take in what was set aside."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection

from jobs import context
from jobs.ingestion.run import ingest_month_on_demand
from tests.integration.crimes import MONTH, crime, rows, scattered, served, value
from tests.web.conftest import csrf_token
from web.settings import Settings

NEW = "hoverboard-theft"
WEIGHTS = {"saferoute": 1.5, "cambridge": 20, "ons": 30}
API = "/api/v1/admin/categories"


@pytest.fixture
def aside(settings: Settings) -> Iterator[None]:
    """Two crimes of a category that nobody knows are set aside."""
    odd = [crime(category=NEW), crime(category=NEW, latitude=50.95)]
    with context.open_context(settings) as here, served(here, [*scattered(count=80), *odd]):
        ingest_month_on_demand(2024, 1)
        yield


def form(browser: FlaskClient, **changed: str) -> dict[str, str]:
    weights = {f"weight-{scheme}": str(weight) for scheme, weight in WEIGHTS.items()}
    given = {"slug": NEW, "name": "Hoverboards", **weights, "csrf_token": csrf_token(browser)}
    return {**given, **changed}


def test_the_page_names_what_is_not_known_and_the_form_adds_it(
    aside: None, browser: FlaskClient, connection: Connection
) -> None:
    page = browser.get("/categories/").text
    assert "Unknown categories" in page
    assert f"/categories/?slug={NEW}#new" in page
    assert "Add the category" in browser.get(f"/data/{MONTH}").text
    answer = browser.post("/categories/", data=form(browser), follow_redirects=True)
    assert "The category Hoverboards is added. Crimes that had been set aside and are now ingested: 2." in answer.text
    assert "Unknown categories" not in answer.text
    assert value(connection, "SELECT count(*) FROM crime_incidents") == 82
    assert rows(connection, "SELECT job FROM runs") == [("rebuild_safety_grid",)]
    assert value(connection, "SELECT action FROM audit ORDER BY id DESC LIMIT 1 OFFSET 1") == "added"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"weight-ons": "much"}, "The weight of ons must be a number (given: much)"),
        ({"weight-ons": ""}, "needs a weight in every scheme. Missing: ons"),
        ({"slug": "burglary"}, "The category burglary exists already"),
        ({"name": " "}, "needs a name"),
    ],
)
def test_a_form_that_is_refused_keeps_its_values_and_says_why(
    aside: None, browser: FlaskClient, connection: Connection, changed: dict[str, str], words: str
) -> None:
    answer = browser.post("/categories/", data=form(browser, **changed))
    assert answer.status_code == 422
    assert words in answer.text
    assert 'value="20"' in answer.text
    assert value(connection, "SELECT count(*) FROM set_aside_records") == 2


def test_programs_list_and_add_categories(aside: None, program: FlaskClient, connection: Connection) -> None:
    found = program.get(API).json
    assert found["unknown"] == [{"slug": NEW, "records": 2, "first_month": "2024-01-01", "last_month": "2024-01-01"}]
    burglary = next(one for one in found["categories"] if one["slug"] == "burglary")
    assert burglary["weights"] == {"saferoute": 2, "cambridge": 242.22, "ons": 465.4}
    (month,) = program.get("/api/v1/admin/data").json["months"]
    assert (month["is_partial"], month["is_whole"], month["as_of"]) == (True, True, "2024-01-01")
    (reason,) = program.get(f"/api/v1/admin/data/{MONTH}").json["set_aside"]
    assert (reason["records"], reason["category"]) == (2, NEW)
    answer = program.post(API, json={"slug": NEW, "name": "Hoverboards", "weights": WEIGHTS})
    assert (answer.status_code, answer.json["crimes"], answer.json["months"]) == (201, 2, [MONTH])
    assert rows(connection, "SELECT id FROM runs") == [tuple(answer.json["task_ids"])]
    again: Any = program.post(API, json={"slug": NEW, "name": "Hoverboards", "weights": WEIGHTS})
    assert (again.status_code, again.content_type) == (422, "application/problem+json")
