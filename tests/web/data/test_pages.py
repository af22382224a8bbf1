"""The pages of the crime data."""

import datetime as dt
import re

import pytest
from flask.testing import FlaskClient

from jobs.months import parse_month
from tests.browser.scene import paint
from tests.web.conftest import BEARER, csrf_token
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
    assert "No crimes are ingested yet" in page
    assert 'href="/jobs/ingest-latest"' in page


def test_months_and_areas_are_a_map_of_what_is_held(browser: FlaskClient, held: Client) -> None:
    page = browser.get("/data/").text
    assert "May 2024</strong>" in page
    assert '<th scope="col">Winchester' in page
    assert 'class="gap">missing' in page
    assert len(re.findall(r'<td class="level-[a-z-]+ supplied-complete"', page)) == 35 + 21 - 4
    assert page.count('<td class="supplied-partial lacks"') == page.count('<td class="supplied-missing lacks"') == 2
    assert 'class="none">not ingested' in page
    assert "1 note" in page
    assert "Crimes per month, 2021-07 to 2024-05" in page
    assert '<a href="/data/?year=2021">2021 <span class="small">7 ingested</span></a>' in page


@pytest.fixture
def of_old(held: Client) -> Client:
    """Also two months of 2018 and one of 2011, of one area."""
    with held.engine.begin() as connection:
        for month, crimes in (("2018-10-01", 2600), ("2018-12-01", 2600), ("2011-02-01", 9)):
            values = f"'{month}', '', 10, {crimes}"
            connection.exec_driver_sql(
                f"INSERT INTO held_months (month, fingerprint, h3_resolution, crimes) VALUES ({values})"
            )
            values = f"'southampton-core', '{month}', true, {crimes}, 0, '{{}}'"
            columns = "area, month, is_whole, records, unplaced, categories"
            connection.exec_driver_sql(f"INSERT INTO area_months ({columns}) VALUES ({values})")
    return held


def test_every_held_month_can_be_reached(browser: FlaskClient, of_old: Client) -> None:
    """Of nine that were held, five older ones could not."""
    pages = {
        link: browser.get(link).text for link in re.findall(r'href="(/data/\?year=\d+)"', browser.get("/data/").text)
    }
    reached = {month for page in pages.values() for month in re.findall(r'href="/data/(\d{4}-\d\d)"', page)}
    with of_old.engine.connect() as connection:
        assert set(holdings.crimes(connection, holdings.EVERY)) <= {parse_month(month) for month in reached}
    assert len(pages) == 6
    assert '<th scope="row"><a href="/data/2018-11">' in pages["/data/?year=2018"]
    assert browser.get("/data/?year=1999").status_code == 404


def test_a_month_leads_to_the_held_ones_beside_it(browser: FlaskClient, of_old: Client) -> None:
    page = browser.get("/data/2018-12").text
    assert 'href="/data/2018-10" rel="prev"' in page
    assert 'href="/data/2021-06" rel="next"' in page


def test_an_area_is_held_against_its_own_usual_where_its_forces_supplied_all(
    browser: FlaskClient, held: Client
) -> None:
    with held.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE area_months SET records = CASE area WHEN 'winchester' THEN 400 ELSE 2000 END"
        )
        change = "UPDATE area_months SET records = records * {} WHERE month = '2024-0{}-01'"
        for part, month in (("0.6", 5), ("1.4", 4), ("0.1", 3), ("1.2", 2)):
            connection.exec_driver_sql(change.format(part, month))
        lacking = "area = 'winchester' AND month = '2024-03-01'"
        connection.exec_driver_sql(f"UPDATE area_coverage SET status = 'missing' WHERE {lacking}")
    page = browser.get("/data/?year=2024").text
    cells = re.findall(
        r'<td class="((?:level|supplied)[^"]+)"[^>]*>([\d,]+)(?: <span class="extra of-usual">(\d+) %)?', page
    )
    assert [cell for cell in cells if cell[1] in ("1,200", "240", "2,800", "40", "480", "400")] == [
        ("level-far-fewer supplied-complete", "1,200", "60"),
        ("level-far-fewer supplied-complete", "240", "60"),
        ("level-far-more supplied-complete", "2,800", "140"),
        ("supplied-missing lacks", "40", ""),
        ("level-more supplied-complete", "480", "120"),
        ("level-usual supplied-complete", "400", "100"),
    ]


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


def test_months_that_were_deleted_are_not_called_missing(
    browser: FlaskClient, program: FlaskClient, held: Client
) -> None:
    with held.engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO deleted_months VALUES ('2021-08-01', 7000, 11, '2024-08-04 04:30Z')")
        for table in ("area_months", "held_months", "grid_months"):
            connection.exec_driver_sql(f"DELETE FROM {table} WHERE month = '2021-08-01'")
    page = browser.get("/data/").text
    assert 'title="deleted 2024-08-04, older than the months that are kept">deleted</td>' in page
    month = browser.get("/data/2021-08").text
    assert re.search(r"Its 7,011 crimes were deleted on <time[^>]*>4 Aug 2024</time>", month)
    assert "The crimes of 2021-08 were deleted" in browser.get("/coverage/").text
    data = program.get("/api/v1/admin/data", headers=BEARER).json
    assert data["deleted"] == [
        {"month": "2021-08-01", "crimes": 7000, "unplaced": 11, "deleted_at": "2024-08-04T04:30:00Z"}
    ]
