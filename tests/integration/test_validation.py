"""The health of the grid: healthy when all is well, and otherwise in words that say what to run."""

import datetime as dt
from typing import Any

import h3
import pytest

from jobs import areas, checks
from jobs.context import Context
from jobs.grid.rebuild import rebuild_safety_grid
from jobs.held import land
from jobs.ingestion.run import ingest_latest_crime_data, ingest_month_on_demand
from jobs.validation import validate_h3_grid_health
from tests.integration.crimes import MONTH, change, crime, point_at, rows, scattered, served, value
from tests.standins.police import PoliceStandin

MONTHS = [MONTH, "2023-12", "2023-11"]


@pytest.fixture
def police(here: Context) -> Any:
    """A source whose months are held and gridded."""
    with served(here, [one for month in MONTHS for one in scattered(month, 12)]) as police:
        ingest_latest_crime_data()
        rebuild_safety_grid()
        yield police


def findings(status: str) -> list[str]:
    report = validate_h3_grid_health()
    assert report["health_status"] == status, report["issues"]
    return list(report["issues"])


def test_a_grid_of_all_that_is_published_is_healthy(here: Context, police: PoliceStandin) -> None:
    report = validate_h3_grid_health()
    assert report.keys() == {
        "task",
        "timestamp",
        "health_status",
        "grid_info",
        "h3_validation",
        "coverage",
        "data_quality",
        "issues",
    }
    assert (report["task"], report["health_status"], report["issues"]) == ("validate_h3_grid_health", "healthy", [])
    assert dt.datetime.fromisoformat(report["timestamp"]).utcoffset() == dt.timedelta(0)
    assert report["grid_info"] == {"resolution": 10, "cell_size_m": 73, "grid_type": "h3_hexagonal"}
    cells, unique, most = rows(
        here.connection, "SELECT count(*), count(DISTINCT h3_index), max(crime_count_total) FROM safety_cells"
    )[0]
    assert report["h3_validation"] == {
        "total_cells": cells,
        "unique_h3_cells": unique,
        "invalid_cell_ids": 0,
        "invalid_cell_examples": [],
    }
    assert report["data_quality"] == {
        "total_records": cells,
        "zero_crime_cells": 0,
        "avg_crimes_per_cell": round(3 * 12 / cells, 2),
        "max_crimes_per_cell": most,
    }
    coverage = report["coverage"]
    assert (coverage["months_analyzed"], coverage["missing_months"]) == (3, [])
    assert [row["month"] for row in coverage["monthly_breakdown"]] == [f"{month}-01" for month in MONTHS]
    assert all(
        row.keys() == {"month", "cells", "crimes"} and row["crimes"] == 12 for row in coverage["monthly_breakdown"]
    )


def test_the_lag_of_the_source_and_what_is_older_than_a_year_are_no_missing_months(
    here: Context, police: PoliceStandin
) -> None:
    # Nothing newer than January 2024 is on offer, however long ago that is.
    police.published = ["2022-12", "2023-01", *police.published]
    assert findings("healthy") == []
    police.published = ["2023-02", *police.published]
    assert findings("degraded") == ["Published but not ingested: 2023-02. Run ingest_latest_crime_data"]


def test_a_month_that_is_published_and_not_held_is_missing(police: PoliceStandin) -> None:
    police.publish("2024-02")
    report = validate_h3_grid_health()
    assert (report["health_status"], report["coverage"]["missing_months"]) == ("degraded", ["2024-02-01"])
    assert report["issues"] == ["Published but not ingested: 2024-02. Run ingest_latest_crime_data"]


def test_a_month_that_one_of_two_areas_lacks_is_missing(here: Context, police: PoliceStandin) -> None:
    with here.connection.begin():
        land.add(here.connection, areas.from_box("north", "North", (51.0, -1.55, 51.1, -1.3), ()))
    assert validate_h3_grid_health()["coverage"]["missing_months"] == [f"{month}-01" for month in MONTHS]


def test_an_empty_grid_is_degraded_and_says_what_to_run(here: Context) -> None:
    with served(here, [crime()]):
        report = validate_h3_grid_health()
    assert report["health_status"] == "degraded"
    assert "The grid is empty: run ingest_latest_crime_data, then rebuild_safety_grid" in report["issues"]
    assert report["data_quality"] == {
        "total_records": 0,
        "zero_crime_cells": 0,
        "avg_crimes_per_cell": 0.0,
        "max_crimes_per_cell": 0,
    }


def test_crimes_that_came_in_after_the_grid_are_found(police: PoliceStandin) -> None:
    police.revise(MONTH, add=[crime(latitude=50.93, category="robbery")])
    ingest_month_on_demand(2024, 1)
    (issue,) = findings("degraded")
    assert issue == (
        "2024-01: 1 cells differ from the ingested crimes (12 in the grid, 13 ingested); the month has not been "
        "rebuilt since its ingestion: run `safegrid run rebuild_safety_grid --force --months 1 --until 2024-01`"
    )
    rebuild_safety_grid(months=1, until="2024-01", force=True)
    assert findings("healthy") == []


def test_a_crime_that_moved_to_another_cell_is_found_though_the_counts_agree(police: PoliceStandin) -> None:
    (first, *_) = police.crimes("2023-11")
    police.revise("2023-11", change={first["id"]: {"latitude": 50.95, "longitude": -1.35}})
    ingest_month_on_demand(2023, 11)
    (issue,) = findings("degraded")
    assert issue.startswith("2023-11: 2 cells differ from the ingested crimes (12 in the grid, 12 ingested)")


def test_a_grid_that_other_hands_changed_is_found(here: Context, police: PoliceStandin) -> None:
    change(here.connection, "DELETE FROM safety_cells WHERE month = '2023-12-01'")
    (issue,) = findings("degraded")
    assert issue.startswith("2023-12: ")
    assert (
        "been changed by another program: run `safegrid run rebuild_safety_grid --force --months 1 --until 2023-12`"
        in issue
    )


def test_the_grid_of_an_area_that_is_gone_is_found(here: Context, police: PoliceStandin) -> None:
    change(here.connection, "DELETE FROM area_months WHERE month = '2023-11-01'")
    change(here.connection, "DELETE FROM crime_incidents WHERE month = '2023-11-01'")
    missing, difference = findings("degraded")
    assert missing.startswith("Published but not ingested: 2023-11")
    assert "(12 in the grid, 0 ingested)" in difference


def test_a_total_that_is_not_the_sum_of_its_categories_is_found(here: Context, police: PoliceStandin) -> None:
    change(
        here.connection, "UPDATE safety_cells SET crime_count_total = crime_count_total + 1 WHERE month = '2023-12-01'"
    )
    count = value(here.connection, "SELECT count(*) FROM safety_cells WHERE month = '2023-12-01'")
    assert findings("degraded") == [
        f"{count} cells have a total that differs from the sum of their categories: "
        "run `safegrid run rebuild_safety_grid --force`"
    ]
    rebuild_safety_grid(force=True)
    assert findings("healthy") == []


def test_only_so_many_wrong_ids_are_named(
    here: Context, police: PoliceStandin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "MOST_NAMED", 2)
    change(here.connection, "UPDATE safety_cells SET cell_id = h3_index || '_999999' || month::text")
    report = validate_h3_grid_health()
    cells = report["h3_validation"]
    assert (cells["invalid_cell_ids"], len(cells["invalid_cell_examples"])) == (cells["total_cells"], 2)
    assert report["issues"][0].startswith(f"{cells['total_cells']} cell ids are not")


@pytest.mark.parametrize(
    ("statement", "cell_id"),
    [
        ("SET h3_index = 'hexagon', cell_id = 'hexagon_202401'", "hexagon_202401"),
        ("SET h3_index = '89195dad65bffff', cell_id = '89195dad65bffff_202401'", "89195dad65bffff_202401"),
        ("SET cell_id = h3_index || '_202402'", None),
    ],
)
def test_a_cell_id_that_is_none_is_found(
    here: Context, police: PoliceStandin, statement: str, cell_id: str | None
) -> None:
    one = value(here.connection, "SELECT min(cell_id) FROM safety_cells WHERE month = '2024-01-01'")
    change(here.connection, f"UPDATE safety_cells {statement} WHERE cell_id = :one", one=one)
    wrong = cell_id or one.replace("_202401", "_202402")
    report = validate_h3_grid_health()
    assert (report["health_status"], report["h3_validation"]["invalid_cell_ids"]) == ("degraded", 1)
    assert report["h3_validation"]["invalid_cell_examples"] == [wrong]
    assert report["issues"][0] == (
        f"1 cell ids are not cells of resolution 10, the first {wrong}: run `safegrid run rebuild_safety_grid --force`"
    )
    rebuild_safety_grid(force=True)
    assert findings("healthy") == []


def test_weights_that_changed_since_are_a_concern(here: Context, police: PoliceStandin) -> None:
    change(here.connection, "UPDATE crime_weights SET weight = weight * 2 WHERE category = 'drugs'")
    count = value(here.connection, "SELECT count(*) FROM safety_cells WHERE stats ? 'drugs'")
    assert findings("warning") == [
        f"{count} cells have a weighted count from other weights: run `safegrid run rebuild_safety_grid --force`"
    ]


def test_a_cell_without_a_crime_is_a_concern(here: Context, police: PoliceStandin) -> None:
    cell = h3.latlng_to_cell(50.95, -1.31, 10)
    insert = "INSERT INTO safety_cells VALUES (:id, :cell, 10, '2024-01-01', 0, 0, '{}')"
    change(here.connection, insert, id=f"{cell}_202401", cell=cell)
    report = validate_h3_grid_health()
    assert (report["health_status"], report["data_quality"]["zero_crime_cells"]) == ("warning", 1)
    assert report["issues"] == ["1 cells have no crime: run `safegrid run rebuild_safety_grid --force`"]


def test_what_was_noted_of_a_month_is_a_concern(police: PoliceStandin) -> None:
    police.fault("bad-record:id", path="crimes-street/")
    ingest_month_on_demand(2024, 1)
    rebuild_safety_grid()
    assert findings("warning") == [
        "southampton-core 2024-01: set aside: id cannot be read (1). Ingest the month again after a revision"
    ]


def test_a_source_that_cannot_be_asked_is_a_concern_and_the_rest_is_checked(
    here: Context, police: PoliceStandin
) -> None:
    change(here.connection, "UPDATE crime_weights SET weight = weight * 2 WHERE category = 'drugs'")
    police.fault("outage")
    down, weights = findings("warning")
    assert down.startswith("The published months could not be checked: ")
    assert "responded with 503" in down
    assert "other weights" in weights


def test_a_source_that_answers_in_another_form_is_a_concern(here: Context, police: PoliceStandin) -> None:
    point_at(here, police, police_api_base_url=f"{police.url}/no-such-call?")
    (issue,) = findings("warning")
    assert "responded with 404" in issue


def test_a_fault_weighs_more_than_a_concern(here: Context, police: PoliceStandin) -> None:
    change(here.connection, "UPDATE crime_weights SET weight = weight * 2 WHERE category = 'drugs'")
    police.publish("2024-02")
    missing, weights = findings("degraded")
    assert missing.startswith("Published but not ingested: 2024-02")
    assert "other weights" in weights
