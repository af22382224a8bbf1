"""What a run makes necessary follows from what is held, however often the run was stopped and however it ended."""

import dataclasses
import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, text

from jobs import catalogue
from jobs.catalogue import FollowUp
from jobs.context import Context
from jobs.errors import JobError, Stopped
from jobs.grid.rebuild import rebuild_safety_grid
from jobs.ingestion.run import ingest_latest_crime_data, ingest_month_on_demand
from jobs.models.runs import Run
from jobs.recell import recell_crimes
from jobs.validation import validate_h3_grid_health
from tests import jobs_for_tests  # noqa: F401 - enters its jobs into the catalogue
from tests.gridded import hold
from tests.gridded import scattered as points
from tests.integration.crimes import rows, scattered, served, value
from tests.integration.transitions import put
from tests.processes import until
from worker import attempts, claim, follow_ups, ledger
from worker.ledger import Requester
from worker.settings import Settings

MONTHS = ("2024-01", "2023-12", "2023-11")
ME = Requester("python", "a test")
OUTDATED = """
    SELECT count(*) FROM (SELECT DISTINCT month FROM crime_incidents) AS held
    WHERE month NOT IN (SELECT month FROM grid_months)
"""
COUNTS = "SELECT month, count(*) FROM crime_incidents GROUP BY 1 ORDER BY 1"
GRID = "SELECT month, sum(crime_count_total)::bigint FROM safety_cells GROUP BY 1 ORDER BY 1"


def crimes() -> list[dict[str, Any]]:
    return [one for month in MONTHS for one in scattered(month)]


def stop_after(here: Context, count: int) -> None:
    """The worker goes down when the job has reported so often."""
    reports = iter(range(1_000))
    here.is_stopping = lambda: next(reports) >= count


def do_what_follows(job: str, result: Any) -> None:
    """The follow-ups of a result, and theirs, one after the other."""
    for one in catalogue.find(job).follow_ups(result):
        following = catalogue.find(one.job)
        parameters = following.parse(one.parameters).values()
        do_what_follows(one.job, following.function(**parameters))


def resumed(here: Context, work: Callable[[], Any], stop: int) -> Any:
    """The result of a run that is stopped at one of its safe places, and begun again from its checkpoint."""
    here.run_id = "a-run"
    stop_after(here, stop)
    with pytest.raises(Stopped):
        work()
    here.is_stopping = lambda: False
    return work()


@pytest.mark.parametrize("stop", range(6))
def test_an_ingestion_that_was_stopped_anywhere_leads_to_the_grid_of_all_that_is_held(here: Context, stop: int) -> None:
    with served(here, crimes()):
        result = resumed(here, ingest_latest_crime_data, stop)
        assert result["total_records"] == 60 * len(MONTHS)
        assert sorted(month["month"] for month in result["results"]) == ["2023-11-01", "2023-12-01", "2024-01-01"]
        here.state = {}
        do_what_follows("ingest_latest_crime_data", result)
    assert rows(here.connection, GRID) == rows(here.connection, COUNTS)
    assert len(rows(here.connection, GRID)) == len(MONTHS)


def test_an_ingestion_of_which_some_months_failed_leads_to_the_grid_of_the_others(here: Context) -> None:
    here.run_id = "a-run"
    with served(here, [*scattered("2024-01"), *scattered("2023-12")]) as police:
        police.fault("html", times=100, path="crimes-street/", month="2024-01")
        with pytest.raises(JobError, match="1 of 2 months failed"):
            ingest_latest_crime_data()
    here.state = {}
    do_what_follows("ingest_latest_crime_data", None)
    assert rows(here.connection, GRID) == rows(here.connection, COUNTS) == [(dt.date(2023, 12, 1), 60)]


@pytest.mark.parametrize("is_second_attempt", [False, True])
def test_recelled_crimes_lead_to_the_grid_of_all_months(here: Context, is_second_attempt: bool) -> None:
    for month in MONTHS:
        hold(here.connection, month, points(month), resolution=10)
    rebuild_safety_grid()
    here.settings = here.settings.model_copy(update={"h3_resolution": 9})
    kept: list[dict[str, Any]] = []
    here.save_checkpoint = lambda state: kept.append(dict(state))
    here.run_id = "a-run"
    result = recell_crimes()
    if is_second_attempt:
        here.state = kept[-1]
        assert recell_crimes() == result
    assert (len(result["months_recelled"]), result["records_recelled"]) == (3, 3 * len(points(MONTHS[0])))
    here.state = {}
    do_what_follows("recell_crimes", result)
    assert value(here.connection, "SELECT count(*) FROM grid_months WHERE h3_resolution = 9") == 3


def test_a_rebuild_that_was_stopped_after_its_commit_is_checked_all_the_same(here: Context) -> None:
    hold(here.connection, MONTHS[0], points(MONTHS[0]))
    here.run_id = "a-run"
    kept: list[dict[str, Any]] = []
    here.save_checkpoint = lambda state: kept.append(dict(state))
    rebuild_safety_grid()
    here.state = kept[-1]
    again = rebuild_safety_grid()
    assert again["months_rebuilt"] == ["2024-01-01"]
    assert [one.job for one in catalogue.find("rebuild_safety_grid").follow_ups(again)] == [
        validate_h3_grid_health.__name__
    ]


def test_a_month_on_demand_that_is_retried_asks_for_no_area_twice(here: Context) -> None:
    here.run_id = "a-run"
    with served(here, crimes()) as police:
        first = ingest_month_on_demand(2024, 1)
        asked = len(police.calls("crimes-street/"))
        assert ingest_month_on_demand(2024, 1) == first
        assert len(police.calls("crimes-street/")) == asked


def _fail(connection: Connection, run: attempts.Claimed) -> None:
    attempts.fail(connection, run, "it broke", "", [], None)


def _cancel(connection: Connection, run: attempts.Claimed) -> None:
    ledger.cancel(connection, run.run_id, "me")
    attempts.hand_back(connection, run, [])


def _lose(connection: Connection, run: attempts.Claimed) -> None:
    with connection.begin():
        connection.execute(text("UPDATE runs SET losses = :most"), {"most": attempts.MAX_LOSSES - 1})
        attempts.settle_lost(connection, ledger_row(connection, run.run_id))


def ledger_row(connection: Connection, run_id: str) -> Any:
    return connection.execute(text("SELECT * FROM runs WHERE id = :id"), {"id": run_id}).one()


END = {
    "failed": _fail,
    "cancelled": _cancel,
    "lost": _lose,
}


@pytest.mark.parametrize("end", END)
def test_a_run_that_came_to_nothing_asks_for_what_it_made_necessary(
    settings: Settings, connection: Connection, end: str
) -> None:
    hold(connection, "2024-01", points("2024-01"))
    run_id = ledger.submit(connection, catalogue.find("ingest_latest_crime_data"), {}, ME).run_id
    until(lambda: claim.acquire(connection, run_id), "the run is free")
    claimed = attempts.claim(connection, run_id, "a worker")
    assert claimed is not None
    assert follow_ups.ask_for_ended(settings, connection) == 0
    END[end](connection, claimed)
    assert follow_ups.ask_for_ended(settings, connection) == 1
    assert follow_ups.ask_for_ended(settings, connection) == 0
    (grid,) = ledger.latest(connection, 5, Run.job == "rebuild_safety_grid")
    assert (grid.parent_id, grid.parameters["until"], grid.origin) == (run_id, "2024-01", "pipeline")


def test_a_declaration_that_cannot_tell_holds_up_no_other_run(settings: Settings, connection: Connection) -> None:
    hold(connection, "2024-01", points("2024-01"))
    for job in ("lead", "ingest_latest_crime_data"):
        run_id = ledger.submit(connection, catalogue.find(job), {}, ME).run_id
        claim.acquire(connection, run_id)
        claimed = attempts.claim(connection, run_id, "a worker")
        assert claimed is not None
        attempts.fail(connection, claimed, "it broke", "", [], None)
    assert follow_ups.ask_for_ended(settings, connection) == 1
    assert follow_ups.ask_for_ended(settings, connection) == 0


def test_nothing_follows_where_pipelines_are_switched_off(settings: Settings, connection: Connection) -> None:
    hold(connection, "2024-01", points("2024-01"))
    run_id = ledger.submit(connection, catalogue.find("ingest_latest_crime_data"), {}, ME).run_id
    claim.acquire(connection, run_id)
    claimed = attempts.claim(connection, run_id, "a worker")
    assert claimed is not None
    attempts.fail(connection, claimed, "it broke", "", [], None)
    without = settings.model_copy(update={"pipelines": False})
    assert follow_ups.ask_for_ended(without, connection) == 0
    assert follow_ups.ask_for_ended(settings, connection) == 0


@pytest.fixture
def _do_nothing_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of `do_nothing` makes one of `lead` necessary, also when it comes to nothing."""
    known = dict(catalogue.load())
    leading = dataclasses.replace(known["do_nothing"], follow_ups=lambda _: [FollowUp("lead", {"number": 9})])
    monkeypatch.setattr(catalogue, "_jobs", known | {"do_nothing": leading})


@pytest.mark.usefixtures("_do_nothing_leads")
def test_of_many_that_owe_the_first_that_ended_are_asked_for_first(
    settings: Settings, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow_ups, "MOST_AT_ONCE", 2)
    runs = [
        put(connection, "failed", f"attempt = 1, ended_at = now() - interval '{age} hours'", age) for age in (3, 1, 2)
    ]
    assert follow_ups.ask_for_ended(settings, connection) == 2
    assert [ledger.get(connection, run_id).followed_up for run_id in runs] == [True, False, True]


@pytest.mark.usefixtures("_do_nothing_leads")
def test_of_two_sweeps_that_saw_a_run_owe_one_asks(settings: Settings, connection: Connection) -> None:
    run = ledger.get(connection, put(connection, "failed"))
    assert follow_ups._ask(settings, connection, run) == 1
    ledger.purge(connection, "cache", "me")
    assert follow_ups._ask(settings, connection, run) == 0
    assert len(ledger.latest(connection, 5, Run.job == "lead")) == 1
