"""Coarse cells are the sums of the fine ones, whatever happens to those."""

import datetime as dt
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import h3
import pytest
from alembic import command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from jobs import schema
from jobs.context import Context
from jobs.grid import coarse, store
from jobs.grid.rebuild import rebuild_safety_grid
from jobs.grid.weights import weigh
from jobs.validation import validate_h3_grid_health
from tests.gridded import CATEGORIES, Place, build, hold
from tests.integration.crimes import change, rows, served
from tests.integration.crimes import scattered as records

MONTHS = ("2023-12", "2024-01")
COARSE = "SELECT month, h3_index, crime_count_total, crime_count_weighted, stats FROM coarse_cells ORDER BY 1, 2"
COLUMNS = "SELECT h3_index, crime_count_total, crime_count_weighted, stats FROM coarse_cells"
FINE = "SELECT month, h3_index, crime_count_total, crime_count_weighted, stats FROM safety_cells"
# Wherever the first area has land, which spans several cells of every coarse resolution but the coarsest.
PLACES = st.tuples(st.floats(50.851, 50.999), st.floats(-1.549, -1.301), st.sampled_from(CATEGORIES))
SEVERAL = st.lists(PLACES, min_size=1, max_size=40)


def kept(connection: Connection) -> dict[tuple[dt.date, str], Any]:
    """{(month, cell): crimes, weighted, stats} of the coarse cells."""
    return {
        (month, cell): (n, pytest.approx(weighted), stats) for month, cell, n, weighted, stats in all_of(connection)
    }


def all_of(connection: Connection) -> list[tuple[Any, ...]]:
    return rows(connection, COARSE)


def summed(connection: Connection) -> dict[tuple[dt.date, str], Any]:
    """The same from the fine cells, one by one."""
    found: dict[tuple[dt.date, str], Any] = {}
    for month, cell, n, weighted, stats in rows(connection, FINE):
        for resolution in coarse.RESOLUTIONS:
            key = month, h3.cell_to_parent(cell, resolution)
            total, weight, counts = found.get(key, (0, 0.0, Counter()))
            found[key] = total + n, weight + weighted, counts + Counter(stats)
    return found


def scatter(connection: Connection) -> None:
    for month in MONTHS:
        chance = random.Random(month)
        places = [
            Place(month, chance.uniform(50.86, 50.99), chance.uniform(-1.54, -1.31), chance.choice(CATEGORIES))
            for _ in range(150)
        ]
        hold(connection, month, places)
    build(connection)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SEVERAL, SEVERAL)
def test_they_are_the_sums_of_the_fine_cells(here: Context, first: list[Any], second: list[Any]) -> None:
    for month, places in zip(MONTHS, (first, second), strict=True):
        hold(here.connection, month, [Place(month, *place) for place in places])
    rebuild_safety_grid()
    assert kept(here.connection) == summed(here.connection)


def test_a_month_that_changes_changes_them_and_one_that_goes_takes_them_along(here: Context) -> None:
    scatter(here.connection)
    before = all_of(here.connection)
    hold(here.connection, "2024-01", [Place("2024-01", 50.9, -1.4, "robbery")])
    rebuild_safety_grid()
    changed = all_of(here.connection)
    december, january = dt.date(2023, 12, 1), dt.date(2024, 1, 1)
    assert [row for row in changed if row[0] == december] == [row for row in before if row[0] == december]
    assert [row[2:] for row in changed if row[0] == january] == [(1, 4.0, {"robbery": 1})] * len(coarse.RESOLUTIONS)
    with here.connection.begin():
        store.drop_month(here.connection, january, 3)
    assert all_of(here.connection) == [row for row in before if row[0] == december]


def test_a_change_of_weights_reaches_them(here: Context) -> None:
    scatter(here.connection)
    before = all_of(here.connection)
    weigh(here.connection, here.cache, "cambridge")
    assert all_of(here.connection) != before
    assert kept(here.connection) == summed(here.connection)


def test_a_grid_that_was_built_before_there_were_any_gets_them(here: Context) -> None:
    scatter(here.connection)
    before = kept(here.connection)
    with here.connection.begin():
        command.downgrade(schema.config(here.connection), "0017")
    schema.migrate(here.connection)
    assert {(row[0], row[1]): row[2:] for row in all_of(here.connection)} == before


def test_the_parent_in_sql_is_that_of_h3(connection: Connection) -> None:
    chance = random.Random(1)
    for _ in range(200):
        cell = h3.latlng_to_cell(chance.uniform(-90, 90), chance.uniform(-180, 180), chance.randint(7, 12))
        for resolution in coarse.RESOLUTIONS:
            with connection.begin():
                found = connection.scalar(
                    text(f"SELECT to_hex({coarse.parent(':number', resolution)})"),
                    {"number": h3.str_to_int(cell)},
                )
            assert found == h3.cell_to_parent(cell, resolution)


FAULTS = {
    "one is gone": "DELETE FROM coarse_cells WHERE h3_index = :cell AND month = '2024-01-01'",
    "all are gone": "DELETE FROM coarse_cells WHERE month = '2024-01-01'",
    "another total": "UPDATE coarse_cells SET crime_count_total = crime_count_total + 1 WHERE h3_index = :cell",
    "a category": "UPDATE coarse_cells SET stats = stats - 'drugs' || CAST(:stats AS jsonb) WHERE h3_index = :cell",
    "other weights": "UPDATE coarse_cells SET crime_count_weighted = crime_count_weighted + 0.5 WHERE h3_index = :cell",
    "elsewhere": "UPDATE coarse_cells SET h3_index = :other WHERE h3_index = :cell",
}


@pytest.fixture
def _healthy(here: Context) -> Iterator[None]:
    with served(here, records("2024-01", 30)):
        hold(here.connection, "2024-01", [Place("2024-01", 50.9, -1.4, one) for one in CATEGORIES])
        build(here.connection)
        assert validate_h3_grid_health()["health_status"] == "healthy"
        yield


def assert_noticed() -> None:
    report = validate_h3_grid_health()
    assert report["health_status"] == "degraded"
    assert "the coarse cells are not the sums of the fine cells" in report["issues"][0]


@pytest.mark.usefixtures("_healthy")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("resolution", coarse.RESOLUTIONS)
def test_the_health_check_notices_when_they_are_not(here: Context, fault: str, resolution: int) -> None:
    cell, other = (h3.latlng_to_cell(lat, -1.4, resolution) for lat in (50.9, 51.9))
    change(here.connection, FAULTS[fault], cell=cell, other=other, stats='{"other-crime": 1}')
    assert_noticed()
    rebuild_safety_grid(force=True)
    assert validate_h3_grid_health()["health_status"] == "healthy"


@pytest.mark.usefixtures("_healthy")
def test_the_health_check_notices_those_of_a_month_without_a_grid(here: Context) -> None:
    change(here.connection, f"INSERT INTO coarse_cells SELECT '2023-06-01', * FROM ({COLUMNS}) AS cells")
    assert_noticed()
