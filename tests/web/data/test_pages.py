"""The pages of the crime data."""

import datetime as dt

import pytest
from flask.testing import FlaskClient

from tests.browser.scene import paint
from tests.web.conftest import csrf_token
from web.data import store as holdings
from worker.client import Client

NOW = dt.datetime(2024, 8, 20, 3, tzinfo=dt.UTC)


@pytest.fixture
def held(client: Client) -> Client:
    """Months up to 2024-05; 2024-06 was seen to be published."""
    with client.engine.connect() as connection:
        paint(connection, NOW)
    return client


def test_without_crimes_the_page_says_what_to_do(browser: FlaskClient) -> None:
    page = browser.get("/data/").text
    assert "No crimes are held yet" in page
    assert 'href="/jobs/ingest-latest"' in page


def test_months_and_areas_are_a_map_of_what_is_held(browser: FlaskClient, held: Client) -> None:
    page = browser.get("/data/").text
    assert "May 2024</strong>" in page
    assert '<th scope="col">Winchester' in page
    assert 'class="gap">published, not held' in page
    assert page.count(' class="heat-') == 35 + 21
    assert 'class="none">not held' in page
    assert "1 to know" in page
    assert "Crimes per month, 2021-07 to 2024-05" in page
    assert browser.get("/data/?all=1").text.count(' class="heat-') == 36 + 21


def test_a_month_shows_its_categories(browser: FlaskClient, held: Client) -> None:
    with held.engine.connect() as connection:
        rows = holdings.categories(connection, dt.date(2024, 5, 1))
        most = max(row.n for row in rows)
    page = browser.get("/data/2024-05").text
    assert "Violence and sexual offences" in page
    assert f'<td class="n">{most:,}</td>' in page
    assert 'href="/jobs/ingest-month?month=2024-05"' in page
    assert "fewer crimes than usual" in browser.get("/data/2024-01").text


@pytest.mark.parametrize(("month", "status"), [("2024-13", 404), ("x", 404), ("1999-01", 200)])
def test_a_month_that_is_none_is_404(browser: FlaskClient, month: str, status: int) -> None:
    assert browser.get(f"/data/{month}").status_code == status


def test_what_came_in_is_missing_no_more(held: Client) -> None:
    with held.engine.connect() as connection:
        look = holdings.source_state(connection)
        assert look is not None
        assert look.missing == (dt.date(2024, 6, 1),)
        with connection.begin():
            connection.exec_driver_sql(
                "INSERT INTO area_months (area, month, is_whole, records, unplaced, categories) "
                "SELECT slug, '2024-06-01', true, 0, 0, '{}' FROM areas"
            )
        look = holdings.source_state(connection)
        assert look is not None
        assert look.missing == ()


def test_a_form_is_filled_from_a_month(browser: FlaskClient) -> None:
    assert csrf_token(browser, "/jobs/ingest-month?month=2024-05")
    assert 'value="2024-05"' in browser.get("/jobs/ingest-month?month=2024-05").text
