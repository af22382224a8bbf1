"""The grid stands for the crimes that are held: counted here again, record by record."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import h3
import pytest

from jobs import areas, context
from jobs.context import Context
from jobs.grid.rebuild import NothingIngested, rebuild_safety_grid
from jobs.grid.store import NoWeight, OtherResolution
from jobs.held import land
from jobs.ingestion.run import ingest_latest_crime_data, ingest_month_on_demand
from jobs.recell import recell_crimes
from tests.integration.crimes import (
    BY_AREA,
    CATEGORIES,
    MONTH,
    Crime,
    change,
    crime,
    rows,
    scattered,
    served,
    unplaced,
    value,
)
from worker.settings import Settings

MONTHS = ["2023-11", "2023-12", "2024-01"]
# The hand-made scale, as the service that is replaced has it.
HARM = {
    "anti-social-behaviour": 0.5,
    "burglary": 2,
    "drugs": 1,
    "robbery": 4,
    "shoplifting": 0.5,
    "violent-crime": 3.5,
}
CELLS = """
    SELECT cell_id, h3_index, h3_resolution, month::text, crime_count_total, crime_count_weighted, stats
    FROM safety_cells ORDER BY cell_id
"""
BUILT = "SELECT to_char(month, 'YYYY-MM'), generation, cells, crimes FROM grid_months ORDER BY month"


def counted(crimes: list[Crime], resolution: int = 10) -> list[tuple[Any, ...]]:
    """Rows of the grid, from one h3 call per crime."""
    stats: dict[tuple[str, str], Counter[str]] = {}
    for one in crimes:
        cell = h3.latlng_to_cell(one["latitude"], one["longitude"], resolution)
        stats.setdefault((cell, one["month"]), Counter())[one["category"]] += 1
    return sorted(
        (
            f"{cell}_{month.replace('-', '')}",
            cell,
            resolution,
            f"{month}-01",
            sum(kinds.values()),
            pytest.approx(sum(HARM[kind] * n for kind, n in kinds.items())),
            dict(kinds),
        )
        for (cell, month), kinds in stats.items()
    )


@pytest.fixture
def three_months(here: Context) -> list[Crime]:
    """Crimes of three months that are held."""
    crimes = [one for month in MONTHS for one in scattered(month)]
    with served(here, [*crimes, *map(unplaced, MONTHS)]):
        ingest_latest_crime_data()
    return crimes


def test_every_cell_of_every_month_is_what_its_crimes_add_up_to(here: Context, three_months: list[Crime]) -> None:
    rebuild_safety_grid()
    assert {one["category"] for one in three_months} == set(CATEGORIES)
    assert rows(here.connection, CELLS) == counted(three_months)


def test_the_result_has_the_promised_keys_and_its_statistics_are_those_of_the_cells(
    here: Context, three_months: list[Crime]
) -> None:
    totals = [row[4] for row in counted(three_months)]
    assert rebuild_safety_grid() == {
        "task": "rebuild_safety_grid",
        "months_processed": 12,
        "months_held": ["2024-01-01", "2023-12-01", "2023-11-01"],
        "months_rebuilt": ["2024-01-01", "2023-12-01", "2023-11-01"],
        "cells_created": len(totals),
        "grid_type": "h3_hexagonal",
        "h3_resolution": 10,
        "cell_size_m": 73,
        "statistics": {
            "unique_cells": len({row[1] for row in counted(three_months)}),
            "total_cell_months": len(totals),
            "total_crimes": len(three_months),
            "avg_crimes_per_cell": round(len(three_months) / len(totals), 2),
            "max_crimes_per_cell": max(totals),
        },
    }


def test_months_count_back_from_the_newest_that_is_held(here: Context, three_months: list[Crime]) -> None:
    assert rebuild_safety_grid(months=2)["months_rebuilt"] == ["2024-01-01", "2023-12-01"]
    assert rebuild_safety_grid(months=1, until="2023-11")["months_rebuilt"] == ["2023-11-01"]
    assert rows(here.connection, CELLS) == counted(three_months)


def test_only_months_whose_crimes_changed_are_built_again(here: Context) -> None:
    with served(here, [one for month in MONTHS for one in scattered(month)]) as police:
        ingest_latest_crime_data()
        rebuild_safety_grid()
        before = rows(here.connection, BUILT)
        assert rebuild_safety_grid()["months_rebuilt"] == []
        # A new outcome is nothing that the grid shows.
        first = police.crimes("2023-12")[0]["id"]
        police.revise("2023-12", change={first: {"outcome_status": {"category": "Charged", "date": "2024-01"}}})
        ingest_month_on_demand(2023, 12)
        assert rebuild_safety_grid()["months_rebuilt"] == []
        assert rows(here.connection, BUILT) == before
        police.revise("2023-12", change={first: {"latitude": 50.93, "longitude": -1.42}})
        ingest_month_on_demand(2023, 12)
        assert rebuild_safety_grid()["months_rebuilt"] == ["2023-12-01"]
    assert [(month, generation) for month, generation, *_ in rows(here.connection, BUILT)] == [
        ("2023-11", 1),
        ("2023-12", 2),
        ("2024-01", 1),
    ]


def test_cells_vanish_with_their_crimes(here: Context) -> None:
    stays, goes = crime(id=1, category="drugs"), crime(id=2, category="drugs", latitude=50.93)
    with served(here, [stays, goes]) as police:
        ingest_month_on_demand(2024, 1)
        rebuild_safety_grid()
        assert rows(here.connection, CELLS) == counted([stays, goes])
        police.revise(MONTH, remove=[2])
        ingest_month_on_demand(2024, 1)
        rebuild_safety_grid()
    assert rows(here.connection, CELLS) == counted([stays])


def test_force_builds_what_did_not_change_and_mends_it(here: Context, three_months: list[Crime]) -> None:
    rebuild_safety_grid()
    change(here.connection, "UPDATE safety_cells SET crime_count_total = 99")
    change(here.connection, "INSERT INTO safety_cells SELECT 'x', 'x', 10, month, 1, 1, '{}' FROM grid_months LIMIT 1")
    assert rebuild_safety_grid()["months_rebuilt"] == []
    assert len(rebuild_safety_grid(force=True)["months_rebuilt"]) == 3
    assert rows(here.connection, CELLS) == counted(three_months)


def test_a_cell_on_the_border_of_two_areas_counts_the_crimes_of_both(here: Context) -> None:
    with here.connection.begin():
        land.add(here.connection, areas.from_box("north", "North", (51.0, -1.55, 51.1, -1.3), ()))
    cell = h3.latlng_to_cell(51.0, -1.4, 8)
    here.settings = here.settings.model_copy(update={"h3_resolution": 8})
    crimes = [crime(latitude=lat, category="drugs") for lat in (50.9999, 51.0, 51.0001)]
    assert {h3.latlng_to_cell(one["latitude"], one["longitude"], 8) for one in crimes} == {cell}
    with served(here, crimes):
        ingest_month_on_demand(2024, 1)
    assert rows(
        here.connection,
        BY_AREA,
    ) == [
        ("north", 2),
        ("southampton-core", 1),
    ]
    rebuild_safety_grid()
    assert rows(here.connection, CELLS) == counted(crimes, 8)


def test_the_crimes_of_an_area_that_is_gone_leave_the_grid(here: Context, three_months: list[Crime]) -> None:
    with here.connection.begin():
        land.add(here.connection, areas.from_box("north", "North", (51.0, -1.55, 51.1, -1.3), ()))
    with served(here, [crime("2023-10", latitude=51.0), crime("2023-11", latitude=51.0)]):
        ingest_latest_crime_data(area="north")
    rebuild_safety_grid()
    assert value(here.connection, "SELECT count(DISTINCT month) FROM safety_cells") == 4
    with here.connection.begin():
        land.remove(here.connection, "north")
    assert rebuild_safety_grid()["months_rebuilt"] == ["2023-11-01"]
    assert rows(here.connection, CELLS) == counted(three_months)


def test_a_grid_of_no_crimes_is_refused_with_what_to_run_first(here: Context) -> None:
    with pytest.raises(NothingIngested, match="Run ingest_latest_crime_data first"):
        rebuild_safety_grid()


def test_crimes_at_another_resolution_are_refused_even_where_nothing_changed(
    here: Context, three_months: list[Crime]
) -> None:
    rebuild_safety_grid()
    here.settings = here.settings.model_copy(update={"h3_resolution": 9})
    with pytest.raises(OtherResolution, match=r"2024-01 lie in cells of resolution 10 and .* is 9: run recell_crimes"):
        rebuild_safety_grid()
    with served(here, three_months):
        ingest_month_on_demand(2024, 1)
    # A month that comes in again does not get cells beside those of the others.
    with pytest.raises(OtherResolution, match="2024-01 lie in cells of resolution 10"):
        rebuild_safety_grid()
    recell_crimes()
    assert rebuild_safety_grid()["h3_resolution"] == 9
    assert rows(here.connection, CELLS) == counted(three_months, 9)


def test_a_category_without_a_weight_is_refused_before_its_crimes_are_lost(
    here: Context, three_months: list[Crime]
) -> None:
    rebuild_safety_grid()
    change(here.connection, "DELETE FROM crime_weights WHERE category IN ('drugs', 'robbery') AND scheme = 'saferoute'")
    with pytest.raises(NoWeight, match="no weight for drugs, robbery: add it to the table crime_weights"):
        rebuild_safety_grid(force=True)
    assert rows(here.connection, CELLS) == counted(three_months)


def test_the_grid_is_weighed_on_the_scale_that_is_the_default(here: Context, three_months: list[Crime]) -> None:
    change(here.connection, "UPDATE weight_schemes SET is_default = false")
    change(here.connection, "UPDATE weight_schemes SET is_default = true WHERE name = 'cambridge'")
    rebuild_safety_grid()
    days = dict(rows(here.connection, "SELECT category, weight FROM crime_weights WHERE scheme = 'cambridge'"))
    expected = sum(days[one["category"]] for one in three_months)
    assert value(here.connection, "SELECT sum(crime_count_weighted) FROM safety_cells") == pytest.approx(expected)


def test_two_rebuilds_at_once_build_each_month_once(here: Context, three_months: list[Crime]) -> None:
    ready = Barrier(2)

    def rebuild(settings: Settings) -> list[str]:
        with context.open_context(settings):
            ready.wait()
            return list(rebuild_safety_grid()["months_rebuilt"])

    with ThreadPoolExecutor(2) as threads:
        built = list(threads.map(rebuild, [here.settings] * 2))
    assert sorted(map(len, built)) == [0, 3]
    assert rows(here.connection, CELLS) == counted(three_months)


def test_a_rebuild_that_fails_leaves_the_grid_that_was_there(here: Context, three_months: list[Crime]) -> None:
    rebuild_safety_grid()
    before = rows(here.connection, CELLS)

    class GoingDown(BaseException):
        pass

    def stop_at_the_second(done: int, _total: int, _note: str) -> None:
        if done == 2:
            raise GoingDown

    here.report_progress = stop_at_the_second
    with pytest.raises(GoingDown):
        rebuild_safety_grid(force=True)
    assert rows(here.connection, CELLS) == before


def test_snapshots_of_the_grid_are_dropped_when_it_is_rebuilt(here: Context, three_months: list[Crime]) -> None:
    for number in range(3):
        here.cache.set(f"safety:snapshot:1:{number}", "x")
    here.cache.set("safety_score:7:2024-01-01", "x")
    rebuild_safety_grid()
    assert here.cache.keys("safety[_:]*") == [b"safety_score:7:2024-01-01"]
