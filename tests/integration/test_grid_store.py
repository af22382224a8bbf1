"""What is done to one month of the grid, and told of it, is that month's alone."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, text

from jobs import crimes
from jobs.grid import period, store
from tests.gridded import Place, build, hold

SHARED = Place("", 50.9, -1.4, "drugs")
ALONE = Place("", 50.92, -1.42, "burglary")
HELD = {dt.date(2023, 11, 1): [ALONE] * 3, dt.date(2023, 12, 1): [SHARED] * 2, dt.date(2024, 1, 1): [SHARED, ALONE]}
OLDEST, MIDDLE, NEWEST = HELD


@pytest.fixture
def grid(connection: Connection) -> Connection:
    """Three months that are held and built."""
    for month, placed in HELD.items():
        hold(connection, f"{month:%Y-%m}", placed)
    build(connection)
    return connection


def rows(connection: Connection, query: str) -> Sequence[Any]:
    with connection.begin():
        return [tuple(row) for row in connection.execute(text(query))]


def months(connection: Connection, table: str) -> list[dt.date]:
    return [month for (month,) in rows(connection, f"SELECT DISTINCT month FROM {table} ORDER BY month")]


def test_what_is_noted_of_a_month_is_what_its_cells_hold(grid: Connection) -> None:
    noted = rows(grid, "SELECT month, h3_resolution, generation, cells, crimes FROM grid_months ORDER BY month")
    assert noted == [(OLDEST, 10, 1, 1, 3), (MIDDLE, 10, 1, 1, 2), (NEWEST, 10, 1, 2, 2)]


def test_statistics_are_those_of_the_months_that_are_asked_for(grid: Connection) -> None:
    with grid.begin():
        assert store.statistics(grid, [MIDDLE, NEWEST]) == {
            "unique_cells": 2,
            "total_cell_months": 3,
            "total_crimes": 4,
            "avg_crimes_per_cell": 1.33,
            "max_crimes_per_cell": 2,
        }
        assert store.statistics(grid, [])["total_crimes"] == 0


def test_a_month_that_is_taken_out_leaves_the_others(grid: Connection) -> None:
    with grid.begin():
        store.drop_month(grid, MIDDLE, 2)
    assert months(grid, "safety_cells") == months(grid, "grid_months") == [OLDEST, NEWEST]


def test_months_of_which_nothing_is_held_any_more_are_taken_out_and_named(grid: Connection) -> None:
    with grid.begin():
        assert store.drop_unheld(grid, 2) == []
        grid.execute(text("DELETE FROM held_months WHERE month = :month"), {"month": MIDDLE})
        assert store.drop_unheld(grid, 2) == [MIDDLE]
    assert months(grid, "safety_cells") == months(grid, "grid_months") == [OLDEST, NEWEST]


def test_a_generation_that_built_no_month_leaves_the_months_to_those_that_did(grid: Connection) -> None:
    with grid.begin():
        store.publish(grid, 7)
        assert store.next_generation(grid) == 8
        assert period.version(grid).generation == 7
    generations = rows(grid, "SELECT month, generation FROM grid_months ORDER BY month")
    assert generations == [(OLDEST, 1), (MIDDLE, 1), (NEWEST, 1)]


def test_a_month_is_built_if_the_default_scale_weighs_what_it_holds(grid: Connection) -> None:
    """Whatever other scales weigh and other months hold."""
    with grid.begin():
        grid.execute(
            text(
                "DELETE FROM crime_weights USING weight_schemes "
                "WHERE scheme = name AND is_default AND category = 'drugs'"
            )
        )
        assert grid.scalar(text("SELECT count(*) FROM crime_weights WHERE category = 'drugs'"))
        newest, middle, oldest = crimes.month_states(grid, OLDEST, NEWEST)
        store.check(grid, [oldest], 10)
        for state in (middle, newest):
            with pytest.raises(store.NoWeight, match="no weight for drugs: add it"):
                store.check(grid, [state, oldest], 10)


def test_a_month_is_built_anew_beside_the_others(grid: Connection) -> None:
    hold(grid, "2023-12", [ALONE])
    before = rows(grid, f"SELECT safety_cells::text FROM safety_cells WHERE month <> '{MIDDLE}'")
    with grid.begin():
        (state,) = crimes.month_states(grid, MIDDLE, MIDDLE)
        store.build_month(grid, state, 10, 2)
    assert rows(grid, f"SELECT safety_cells::text FROM safety_cells WHERE month <> '{MIDDLE}'") == before
    assert rows(grid, f"SELECT stats, crime_count_weighted FROM safety_cells WHERE month = '{MIDDLE}'") == [
        ({"burglary": 1}, 2)
    ]
    assert rows(grid, "SELECT generation FROM grid_months ORDER BY month") == [(1,), (2,), (1,)]
