"""Months that are older than those that are kept are deleted whole, and nothing brings them back by itself."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, text

from jobs.context import Context
from jobs.errors import JobError, ParameterError, SettingsError, Stopped
from jobs.grid import generations, period
from jobs.grid.publishing import publish_grid_generation
from jobs.grid.rebuild import rebuild_safety_grid
from jobs.ingestion.backfill import backfill_crime_data
from jobs.ingestion.run import MONTHS_BACK, ingest_latest_crime_data, ingest_month_on_demand
from jobs.migrations import locks
from jobs.months import add_months, month_text, parse_month
from jobs.retention.crimes import delete_old_crimes
from jobs.retention.kept import ExpiredMonth
from jobs.settings import LEAST_MONTHS, Settings, load
from jobs.validation import validate_h3_grid_health
from tests.gridded import hold
from tests.gridded import scattered as places
from tests.integration.crimes import change, rows, scattered, served, unplaced, value
from tests.integration.findings.looking import looking
from worker.cli import cli

NEWEST = parse_month("2024-01")
MONTHS = [month_text(add_months(NEWEST, -back)) for back in range(15)]
"""The newest first."""
OLD = MONTHS[12:][::-1]
KEPT = MONTHS[:12][::-1]
BY_MONTH = (
    "crime_incidents",
    "unplaced_crimes",
    "set_aside_records",
    "ingestion_runs",
    "month_grounds",
    "area_months",
    "area_coverage",
    "held_months",
    "safety_cells",
    "coarse_cells",
    "grid_months",
    "kept_months",
    "kept_counts",
)


@pytest.fixture
def fifteen(here: Context) -> Context:
    """Fifteen months with their grid, of which the oldest was revised; twelve are kept."""
    here.report_progress = lambda *_: None
    crimes = [one for month in MONTHS for one in [*scattered(month), unplaced(month)]]
    with served(here, crimes):
        backfill_crime_data()
    rebuild_safety_grid(months=15)
    hold(here.connection, OLD[0], places(OLD[0]))
    change(
        here.connection,
        "INSERT INTO set_aside_records (month, area, reason, record) VALUES (:month, 'southampton-core', 'odd', '{}')",
        month=parse_month(OLD[0]),
    )
    rebuild_safety_grid(months=15)
    here.settings = here.settings.model_copy(update={"crime_retention_months": 12})
    return here


def months_of(here: Context, table: str) -> list[str]:
    return [
        month
        for (month,) in rows(here.connection, f"SELECT DISTINCT to_char(month, 'YYYY-MM') FROM {table} ORDER BY 1")
    ]


def everything(here: Context) -> list[Sequence[Any]]:
    return [
        rows(here.connection, f"SELECT {table}::text FROM {table} ORDER BY 1")
        for table in (*BY_MONTH, "deleted_months")
    ]


def test_a_dry_run_tells_what_would_go_and_deletes_nothing(fifteen: Context) -> None:
    before = everything(fifteen)
    told = delete_old_crimes(dry_run=True)
    assert everything(fifteen) == before
    assert [one["month"][:7] for one in told["months"]] == OLD
    assert told["months"][0] == {
        "month": "2022-11-01",
        "crimes": 200,
        "unplaced": 0,
        "set_aside": 1,
        "ingestions": 2,
        "cells": value(fifteen.connection, "SELECT cells FROM grid_months WHERE month = '2022-11-01'"),
    }
    done = delete_old_crimes()
    assert done == {**told, "dry_run": False}
    assert (done["keep_months"], done["oldest_kept"]) == (12, "2023-02-01")
    assert done["crimes_deleted"] == 200 + 60 + 60 + 2


def test_all_of_a_month_goes_and_all_of_the_others_stays(fifteen: Context) -> None:
    stays = [
        rows(fifteen.connection, f"SELECT {one}::text FROM {one} WHERE month >= '2023-02-01' ORDER BY 1")
        for one in BY_MONTH
    ]
    delete_old_crimes()
    left = [rows(fifteen.connection, f"SELECT {one}::text FROM {one} ORDER BY 1") for one in BY_MONTH]
    assert left == stays
    for name in OLD:
        table = f"crime_incidents_{name.replace('-', '')}"
        assert value(fifteen.connection, "SELECT to_regclass(:table)", table=table) is None
    noted = "SELECT to_char(month, 'YYYY-MM'), crimes, unplaced FROM deleted_months ORDER BY 1"
    assert rows(fifteen.connection, noted) == [(OLD[0], 200, 0), (OLD[1], 60, 1), (OLD[2], 60, 1)]
    assert delete_old_crimes()["months"] == []


def test_readers_see_the_grid_without_the_months_and_no_earlier_generation_has_them(fifteen: Context) -> None:
    with fifteen.connection.begin():
        before = period.version(fifteen.connection).generation
    delete_old_crimes()
    with fifteen.connection.begin():
        assert period.version(fifteen.connection).generation == before + 3
        assert [f"{one.month:%Y-%m}" for one in period.held_months(fifteen.connection)] == KEPT
    done = publish_grid_generation(before)
    assert (done["months_restored"], done["months_removed"]) == ([], [])
    with fifteen.connection.begin():
        assert generations.kept(fifteen.connection)[0].months == 12


def test_all_is_kept_where_no_setting_says_otherwise(fifteen: Context) -> None:
    fifteen.settings = fifteen.settings.model_copy(update={"crime_retention_months": None})
    before = everything(fifteen)
    done = delete_old_crimes()
    assert (done["keep_months"], done["oldest_kept"], done["months"]) == (None, None, [])
    assert everything(fifteen) == before
    assert len(delete_old_crimes(keep_months=14, dry_run=True)["months"]) == 1


def test_what_the_grid_needs_is_never_deleted(fifteen: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    assert max(MONTHS_BACK, period.DEFAULT_MONTHS) == LEAST_MONTHS
    with pytest.raises(ParameterError, match=r"keep_months.*12"):
        delete_old_crimes(keep_months=11)
    monkeypatch.setenv("SAFEGRID_CRIME_RETENTION_MONTHS", "11")
    with pytest.raises(SettingsError, match="SAFEGRID_CRIME_RETENTION_MONTHS: must be at least 12, the months that"):
        load(Settings)
    monkeypatch.setenv("SAFEGRID_CRIME_RETENTION_MONTHS", "24")
    assert load(Settings).crime_retention_months == 24


def test_nothing_brings_them_back_by_itself(fifteen: Context) -> None:
    delete_old_crimes()
    crimes = [one for month in MONTHS for one in [*scattered(month), unplaced(month)]]
    with served(fifteen, crimes):
        fifteen.settings = fifteen.settings.model_copy(update={"crime_retention_months": 12})
        ingest_latest_crime_data()
        assert backfill_crime_data(dry_run=True)["months"] == []
        with pytest.raises(ExpiredMonth, match="2022-12 is older than 2023-02, the oldest month that SAFEGRID_CRIME"):
            ingest_month_on_demand(2022, 12)
        assert months_of(fifteen, "held_months") == KEPT
        surroundings = {
            "DATABASE_URL": fifteen.settings.database_url,
            "REDIS_URL": fifteen.settings.redis_url,
            "POLICE_API_BASE_URL": fifteen.settings.police_api_base_url,
            "SAFEGRID_CRIME_RETENTION_MONTHS": "12",
        }
        asked = CliRunner().invoke(cli, ["backfill"], env=surroundings)
        assert (asked.exit_code, asked.stdout) == (0, "")
        # Whoever keeps more again can have them back.
        fifteen.settings = fifteen.settings.model_copy(update={"crime_retention_months": 13})
        ingest_month_on_demand(2023, 1)
    assert months_of(fifteen, "deleted_months") == OLD[:2]


def test_they_are_no_finding_and_no_fault(fifteen: Context) -> None:
    crimes = [one for month in MONTHS for one in [*scattered(month), unplaced(month)]]
    with served(fifteen, crimes):
        before = validate_h3_grid_health()
        delete_old_crimes()
        after = validate_h3_grid_health()
    assert after["coverage"]["missing_months"] == before["coverage"]["missing_months"] == []
    # The oldest has far more crimes than usual.
    assert (before["health_status"], after["health_status"]) == ("warning", "healthy")
    with looking(fifteen.settings, fifteen.connection) as looker:  # type: ignore[arg-type]
        assert not looker.of("month_missing")
        assert not looker.of("grid_old")


def test_a_run_that_was_stopped_tells_of_all_that_it_deleted(fifteen: Context) -> None:
    told = delete_old_crimes(dry_run=True)
    stopping = iter([False, True])
    fifteen.is_stopping = lambda: next(stopping)
    with pytest.raises(Stopped):
        delete_old_crimes()
    assert months_of(fifteen, "deleted_months") == OLD[:1]
    fifteen.is_stopping = lambda: False
    assert delete_old_crimes() == {**told, "dry_run": False}


def test_a_kill_between_leaves_the_month_whole(fifteen: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    before = everything(fifteen)

    def die(_state: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(fifteen, "save_checkpoint", die)
        with pytest.raises(KeyboardInterrupt):
            delete_old_crimes()
    assert everything(fifteen) == before


def test_a_month_that_others_read_is_waited_for_shortly(
    fifteen: Context, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "TRIES", 2)
    monkeypatch.setattr(locks, "PAUSE_S", 0.0)
    before = everything(fifteen)
    with engine.connect() as reader, reader.begin():
        reader.execute(text("SELECT count(*) FROM crime_incidents"))
        with pytest.raises(
            JobError, match="2022-11 was not deleted, because other transactions kept reading its crimes"
        ):
            delete_old_crimes()
    assert everything(fifteen) == before
    assert len(delete_old_crimes()["months"]) == 3


def test_the_oldest_month_counts_from_the_newest_that_is_ingested(fifteen: Context) -> None:
    delete_old_crimes()
    hold(fifteen.connection, "2024-02", places("2024-02"))
    assert [one["month"] for one in delete_old_crimes()["months"]] == ["2023-02-01"]
    assert value(fifteen.connection, "SELECT min(month) FROM held_months") == dt.date(2023, 3, 1)
