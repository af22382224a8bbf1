"""Crimes, coverage and the grid: by area and month, whoever brings a month in."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from jobs.context import Context
from jobs.coverage import changes as coverage_changes
from jobs.coverage.gaps import Gap
from jobs.grid.rebuild import rebuild_safety_grid
from jobs.ingestion.release import watch_for_release
from jobs.ingestion.run import ingest_latest_crime_data, ingest_month_on_demand
from jobs.months import parse_month
from jobs.validation import validate_h3_grid_health
from tests.integration.crimes import MONTH, change, scattered, served, value
from tests.integration.findings.looking import Looker, looking
from tests.integration.transitions import put
from tests.standins.police import PoliceStandin

AREA = "southampton-core"
MONTHS = [MONTH, "2023-12", "2023-11"]
PARTS = {"no_crimes", "source_not_asked", "month_missing", "crimes_late", "month_partly_held", "grid_old"} | {
    "grid_unsound"
}


@pytest.fixture
def police(here: Context) -> Iterator[PoliceStandin]:
    with served(here, [one for month in MONTHS for one in scattered(month, 12)]) as police:
        yield police


@pytest.fixture
def looker(here: Context, police: PoliceStandin) -> Iterator[Looker]:
    with looking(here.settings, here.connection) as looker:  # type: ignore[arg-type]
        yield looker


def note(here: Context, job: str, result: dict[str, Any]) -> str:
    """A run of the job has finished with that result. Returns its id."""
    run_id = put(here.connection, "finished", number=value(here.connection, "SELECT count(*) FROM runs"))
    change(
        here.connection,
        "UPDATE runs SET job = :job, result = CAST(:result AS json), ended_at = clock_timestamp() WHERE id = :id",
        job=job,
        result=json.dumps(result),
        id=run_id,
    )
    return run_id


def wrong(looker: Looker) -> set[str]:
    return {kind for kind, _ in looker.all()} & PARTS


def test_crimes_that_are_whole_and_gridded_are_well(here: Context, looker: Looker) -> None:
    assert wrong(looker) == {"no_crimes"}
    ingest_latest_crime_data()
    assert wrong(looker) == {"source_not_asked", "grid_old"}
    assert set(looker.of("grid_old")) == set(MONTHS)
    rebuild_safety_grid()
    note(here, "validate_h3_grid_health", validate_h3_grid_health())
    assert wrong(looker) == set()
    change(here.connection, "UPDATE runs SET ended_at = ended_at - interval '4 days'")
    assert "for 4 days" in looker.of("source_not_asked")["source"].cause


def test_a_grid_that_is_being_built_is_not_old(here: Context, looker: Looker) -> None:
    ingest_latest_crime_data()
    assert looker.of("grid_old")
    run_id = put(here.connection, "started")
    change(here.connection, "UPDATE runs SET job = 'rebuild_safety_grid' WHERE id = :id", id=run_id)
    assert not looker.of("grid_old")


def test_a_month_is_missing_until_it_is_held_whoever_brings_it_in(here: Context, looker: Looker) -> None:
    ingest_month_on_demand(2023, 12)
    rebuild_safety_grid()
    note(here, "validate_h3_grid_health", validate_h3_grid_health())
    assert set(looker.of("month_missing")) == {f"{AREA} {MONTH}", f"{AREA} 2023-11"}
    ingest_month_on_demand(2023, 11)
    assert set(looker.of("month_missing")) == {f"{AREA} {MONTH}"}
    assert looker.passed("month_missing")[f"{AREA} 2023-11"].startswith("the month was ingested")


def test_a_release_that_has_been_out_for_days_is_late(here: Context, looker: Looker) -> None:
    ingest_month_on_demand(2023, 12)
    run_id = note(here, "watch_for_release", watch_for_release())
    assert not looker.of("crimes_late")
    change(here.connection, "UPDATE runs SET ended_at = ended_at - interval '5 days' WHERE id = :id", id=run_id)
    (late,) = looker.of("crimes_late").values()
    assert (late.subject, late.severity) == (MONTH, "critical")
    ingest_month_on_demand(2024, 1)
    assert not looker.of("crimes_late")


def test_what_the_health_check_found_stays_until_it_finds_nothing(here: Context, looker: Looker) -> None:
    ingest_latest_crime_data()
    rebuild_safety_grid()
    change(here.connection, "UPDATE safety_cells SET crime_count_total = crime_count_total + 1")
    run_id = note(here, "validate_h3_grid_health", validate_h3_grid_health())
    found = looker.of("grid_unsound")["grid"]
    assert "have a total that differs from the sum of their categories" in found.cause
    assert found.link == f"run:{run_id}"
    rebuild_safety_grid(force=True)
    note(here, "validate_h3_grid_health", validate_h3_grid_health())
    assert not looker.of("grid_unsound")


def test_a_month_of_which_a_part_is_not_held_is_named(here: Context, looker: Looker) -> None:
    ingest_latest_crime_data()
    change(here.connection, "UPDATE area_months SET is_whole = false WHERE month = '2023-12-01'")
    assert set(looker.of("month_partly_held")) == {f"{AREA} 2023-12"}
    change(here.connection, "UPDATE area_months SET is_whole = true")
    assert not looker.of("month_partly_held")


def test_a_force_that_supplied_nothing_is_a_notice(here: Context, looker: Looker) -> None:
    ingest_latest_crime_data()
    assert not looker.of("coverage_gap")
    day = parse_month("2023-12")
    noted = Gap("hampshire", day, day, "missing", "no file was published", "a test")
    with here.connection.begin():
        gap = coverage_changes.add_gap(here.connection, noted)
    (found,) = looker.of("coverage_gap").values()
    assert (found.subject, found.severity) == (f"{AREA} 2023-12 hampshire", "notice")
    assert gap.id is not None
    with here.connection.begin():
        coverage_changes.remove_gap(here.connection, gap.id)
    assert not looker.of("coverage_gap")


def test_a_month_that_was_much_revised_is_a_notice_for_a_week(here: Context, looker: Looker) -> None:
    ingest_latest_crime_data()
    ingest_month_on_demand(2024, 1)
    assert not looker.of("month_revised")
    change(
        here.connection,
        """UPDATE ingestion_runs SET difference = '{"added": 3, "removed": 2}' WHERE month = '2024-01-01'""",
    )
    assert "changed 5 of 12 crimes of 2024-01" in looker.of("month_revised")[f"{AREA} {MONTH}"].cause
    change(here.connection, "UPDATE ingestion_runs SET ended_at = ended_at - interval '8 days'")
    assert not looker.of("month_revised")


def test_a_first_area_that_is_not_the_setting_s_is_named(here: Context) -> None:
    moved = {"southampton_bbox": (50.85, -1.5, 50.97, -1.3)}
    with looking(here.settings, here.connection, **moved) as looker:  # type: ignore[arg-type]
        assert "`safegrid area resize" in looker.of("area_moved")["SOUTHAMPTON_BBOX"].cause
    with looking(here.settings, here.connection) as looker:  # type: ignore[arg-type]
        assert not looker.of("area_moved")
