"""The past is one run: one progress bar, others of its queue before it, what follows once at the end."""

import datetime as dt
import json
from typing import Any

import pytest
from sqlalchemy import Connection

from jobs import catalogue, context
from jobs.context import Context
from jobs.errors import GaveWay, JobError, WrongCall
from jobs.ingestion.backfill import backfill_crime_data
from jobs.ingestion.run import ingest_month_on_demand
from tests.integration.crimes import crime, rows, served, value
from tests.processes import run_command
from worker import attempts, claim, ledger, pauses, performing
from worker.errors import WrongState
from worker.ledger import Requester
from worker.settings import Settings

MONTHS = ["2023-10", "2023-11", "2023-12", "2024-01"]
CRIMES = [crime(month) for month in MONTHS for _ in range(3)]
HELD = "SELECT to_char(month, 'YYYY-MM') FROM area_months ORDER BY 1"
ME = Requester("cli", "me")


def months(result: dict[str, Any]) -> list[str]:
    return [one["month"][:7] for one in result["results"]]


def test_every_month_that_is_not_held_comes_in_newest_first(here: Context) -> None:
    told: list[tuple[int, int, str]] = []
    with served(here, CRIMES):
        ingest_month_on_demand(2023, 12)
        here.report_progress = lambda done, total, note: told.append((done, total, note))
        result = backfill_crime_data()
    assert months(result) == ["2024-01", "2023-11", "2023-10"]
    assert (result["months"], result["total_records"]) == (["2024-01", "2023-11", "2023-10"], 9)
    assert [(done, total) for done, total, _ in told] == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert [row[0] for row in rows(here.connection, HELD)] == MONTHS


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"oldest": "2023-11", "newest": "2023-12"}, ["2023-12", "2023-11"]),
        ({"newest": "2023-10"}, ["2023-10"]),
        ({"again": True, "oldest": "2023-12"}, ["2024-01", "2023-12"]),
        ({"oldest": "2030-01"}, []),
    ],
)
def test_its_ends_can_be_named(here: Context, parameters: dict[str, Any], expected: list[str]) -> None:
    with served(here, CRIMES):
        ingest_month_on_demand(2024, 1)
        assert months(backfill_crime_data(**parameters)) == expected


def test_ends_in_the_wrong_order_are_refused(here: Context) -> None:
    with served(here, CRIMES), pytest.raises(WrongCall, match="2024-01 is after 2023-01: swap them"):
        backfill_crime_data(oldest="2024-01", newest="2023-01")


def test_a_dry_run_says_what_it_would_be_and_changes_nothing(here: Context) -> None:
    with served(here, CRIMES) as police:
        plan = backfill_crime_data(dry_run=True)
        assert plan == {
            "task": "backfill_crime_data",
            "dry_run": True,
            "months": MONTHS[::-1],
            "requests": None,
            "seconds": None,
        }
        ingest_month_on_demand(2024, 1)
        (took,) = rows(here.connection, "SELECT requests FROM ingestion_runs")
        police.forget_requests()
        plan = backfill_crime_data(dry_run=True)
        assert (plan["months"], plan["requests"]) == (MONTHS[2::-1], 3 * took[0])
        assert plan["seconds"] >= 3 * took[0] // 15
        assert police.calls("crimes-street/") == []
    assert rows(here.connection, HELD) == [("2024-01",)]


def test_it_gives_way_between_months_and_goes_on_where_it_was(here: Context) -> None:
    here.run_id = "a-run"
    with served(here, CRIMES) as police:
        here.is_in_the_way = lambda: True
        for attempt in range(1, 4):
            with pytest.raises(GaveWay):
                backfill_crime_data()
            assert len(rows(here.connection, HELD)) == attempt
        result = backfill_crime_data()
        assert len(police.calls("crimes-street/")) == 4
    assert months(result) == MONTHS[::-1]


def test_a_month_that_fails_leaves_the_others_and_is_tried_by_the_next_attempt(here: Context) -> None:
    here.run_id = "a-run"
    with served(here, CRIMES) as police:
        police.fault("status:404", path="crimes-street/", month="2023-12")
        with pytest.raises(JobError, match="1 of 4 months failed; the others are ingested"):
            backfill_crime_data()
        assert [row[0] for row in rows(here.connection, HELD)] == ["2023-10", "2023-11", "2024-01"]
        police.forget_requests()
        assert sorted(months(backfill_crime_data())) == MONTHS
        assert {call.month for call in police.calls("crimes-street/")} == {"2023-12"}


def test_what_follows_is_asked_for_once_at_the_end(here: Context) -> None:
    with served(here, CRIMES):
        result = backfill_crime_data()
    (grid,) = catalogue.find("backfill").follow_ups(result)
    assert (grid.job, grid.parameters) == ("rebuild_safety_grid", {"months": 4, "until": "2024-01"})


def begun(connection: Connection) -> str:
    return ledger.submit(connection, catalogue.find("backfill"), {}, ME).run_id


def test_a_worker_lets_what_waits_in_the_queue_go_first(here: Context, connection: Connection) -> None:
    assert isinstance(here.settings, Settings)
    with served(here, CRIMES):
        run_id = begun(connection)
        other = ledger.submit(connection, catalogue.find("ingest-month"), {"year": 2023, "month": 11}, ME).run_id
        performing.perform(here.settings, run_id, "a worker")
        state = "SELECT state, stops, failures FROM runs WHERE id = :id"
        assert rows(connection, state, id=run_id) == [("waiting", 0, 0)]
        assert value(connection, "SELECT outcome FROM attempts WHERE run_id = :id", id=run_id) == "gave way"
        performing.perform(here.settings, other, "a worker")
        for _ in range(3):
            # The grid that the other asked for waits, too.
            performing.perform(here.settings, run_id, "a worker")
        assert rows(connection, state, id=run_id) == [("finished", 0, 0)]
    assert [row[0] for row in rows(connection, HELD)] == MONTHS


def test_a_run_that_is_paused_is_not_begun_and_one_at_work_leaves(here: Context, connection: Connection) -> None:
    assert isinstance(here.settings, Settings)
    with served(here, CRIMES) as police:
        run_id = begun(connection)
        assert pauses.pause_run(connection, run_id, "me")
        performing.perform(here.settings, run_id, "a worker")
        assert value(connection, "SELECT attempt FROM runs WHERE id = :id", id=run_id) == 0
        pauses.resume(connection, "run", run_id)
        claim.acquire(connection, run_id)
        claimed = attempts.claim(connection, run_id, "a worker")
        assert claimed is not None
        assert not attempts.is_in_the_way(connection, claimed)
        pauses.pause_run(connection, run_id, "me")
        assert attempts.is_in_the_way(connection, claimed)
        assert police.calls("crimes-street/") == []


def test_a_run_that_has_ended_cannot_be_paused(connection: Connection) -> None:
    run_id = begun(connection)
    ledger.cancel(connection, run_id, "me")
    with pytest.raises(WrongState, match="is cancelled and cannot be paused: it has ended"):
        pauses.pause_run(connection, run_id, "me")


def test_the_command_asks_for_one_run_and_says_first_what_it_would_be(settings: Settings) -> None:
    with context.open_context(settings) as here, served(here, CRIMES) as police:
        there = {"POLICE_API_BASE_URL": police.url}
        plan = json.loads(run_command(settings, "backfill", "--from", "2023-12", "--dry-run", **there).stdout)
        assert plan == {"months": ["2024-01", "2023-12"], "requests": None, "seconds": None}
        assert value(here.connection, "SELECT count(*) FROM runs") == 0
        run_id = run_command(settings, "backfill", "--from", "2023-12", **there).stdout.strip()
        ((found, parameters),) = rows(here.connection, "SELECT id, parameters FROM runs")
        assert (found, parameters["oldest"], parameters["area"]) == (run_id, "2023-12", None)
        assert "is paused" in run_command(settings, "pause", run_id).stderr
        assert "is resumed" in run_command(settings, "resume", run_id).stderr
    assert dt.date.fromisoformat(f"{plan['months'][0]}-01") == dt.date(2024, 1, 1)
