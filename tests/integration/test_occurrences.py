"""What becomes of one occurrence of a cadence beside the runs of its job."""

import dataclasses
import datetime as dt

import pytest
from sqlalchemy import Connection, text

from jobs import catalogue
from jobs.catalogue import Job
from jobs.models.runs import OPEN_STATES, Run
from tests.integration.transitions import AN_HOUR, ENDED, ME, put, rows
from worker import ledger, occurrences

HOURLY = dataclasses.replace(catalogue.find("do_nothing"), cron="0 * * * *")
NOON = dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC)


def occur(connection: Connection) -> list[tuple[str, str | None]]:
    """State and reason of what became of the occurrence of noon."""
    occurrences.reconcile(connection, {"do_nothing": HOURLY}, NOON - AN_HOUR / 2)
    occurrences.take(connection, HOURLY, NOON)
    with connection.begin():
        query = text("SELECT state, error FROM runs WHERE occurrence IS NOT NULL")
        return [tuple(row) for row in connection.execute(query)]


@pytest.mark.parametrize("state", OPEN_STATES)
def test_an_occurrence_is_skipped_while_a_run_of_its_job_is_open(connection: Connection, state: str) -> None:
    run_id = put(connection, state)
    before = rows(connection, run_id)
    assert occur(connection) == [("skipped", f"Run {run_id} of the same job is still {state}")]
    assert rows(connection, run_id) == before


@pytest.mark.parametrize("state", ENDED)
def test_an_occurrence_is_entered_beside_a_run_of_its_job_that_has_ended(connection: Connection, state: str) -> None:
    put(connection, state)
    assert occur(connection) == [("waiting", None)]


def test_an_occurrence_is_skipped_behind_two_open_runs_of_its_job(connection: Connection) -> None:
    for number in (1, 2):
        ledger.submit(connection, HOURLY, {"number": number}, ME)
    ((state, reason),) = occur(connection)
    assert state == "skipped"
    assert "of the same job is still waiting" in str(reason)


def test_an_occurrence_is_taken_once(connection: Connection) -> None:
    assert occur(connection) == occur(connection) == [("waiting", None)]


def test_the_history_of_a_cadence_is_that_of_its_job_newest_first(connection: Connection) -> None:
    occur(connection)
    occurrences.take(connection, HOURLY, NOON + AN_HOUR)
    other = dataclasses.replace(catalogue.find("fail"), cron="0 * * * *")
    occurrences.reconcile(connection, {"do_nothing": HOURLY, "fail": other}, NOON - AN_HOUR / 2)
    occurrences.take(connection, other, NOON)
    ledger.submit(connection, HOURLY, {"number": 9}, ME)
    told = [(one.occurrence, one.state) for one in occurrences.history(connection, "do_nothing", 5)]
    assert told == [(NOON + AN_HOUR, "skipped"), (NOON, "waiting")]
    assert len(occurrences.history(connection, "do_nothing", 1)) == 1


def due(connection: Connection, *names: str) -> dict[str, Job]:
    """Jobs whose hourly cadences are due at noon."""
    known = {name: dataclasses.replace(catalogue.find(name), cron="0 * * * *") for name in names}
    occurrences.reconcile(connection, known, NOON - AN_HOUR / 2)
    return known


def test_every_occurrence_that_is_due_is_taken_in_its_very_second_and_none_before(connection: Connection) -> None:
    known = due(connection, "do_nothing", "lead")
    early = NOON - dt.timedelta(seconds=1)
    assert occurrences.take_due(connection, known, early) == []
    assert all(occurrences.take(connection, job, early) == [] for job in known.values())
    taken = occurrences.take_due(connection, known, NOON)
    assert sorted(ledger.get(connection, run_id).job for run_id in taken) == ["do_nothing", "lead"]
    assert set(occurrences.schedule(connection).values()) == {NOON + AN_HOUR}


def test_a_cadence_of_a_job_that_is_unknown_here_is_left_to_who_knows_it(connection: Connection) -> None:
    known = due(connection, "do_nothing", "lead")
    del known["lead"]
    assert len(occurrences.take_due(connection, known, NOON)) == 1
    assert occurrences.schedule(connection)["lead"] == NOON


def test_one_cadence_is_changed_and_another_of_the_same_times_is_not(connection: Connection) -> None:
    known = due(connection, "do_nothing", "lead")
    daily = dataclasses.replace(known["lead"], cron="30 0 * * *")
    occurrences.reconcile(connection, known | {"lead": daily}, NOON - AN_HOUR / 2)
    assert occurrences.schedule(connection) == {"do_nothing": NOON, "lead": NOON + 12.5 * AN_HOUR}
    with connection.begin():
        crons = {row.job: row.cron for row in connection.execute(text("SELECT job, cron FROM cadences"))}
    assert crons == {"do_nothing": "0 * * * *", "lead": "30 0 * * *"}


def test_a_cadence_that_somebody_changed_in_the_meantime_is_left(connection: Connection) -> None:
    due(connection, "do_nothing")
    occurrences._change(connection, "do_nothing", "what it was", "0 0 * * *", NOON)
    assert occurrences.schedule(connection) == {"do_nothing": NOON}


@pytest.mark.parametrize(("late", "state"), [(dt.timedelta(), "waiting"), (dt.timedelta(seconds=1), "skipped")])
def test_an_occurrence_is_made_up_for_until_the_end_of_its_window(
    connection: Connection, late: dt.timedelta, state: str
) -> None:
    monthly = dataclasses.replace(HOURLY, cron="0 12 1 * *")
    occurrences.reconcile(connection, {"do_nothing": monthly}, NOON - AN_HOUR)
    occurrences.take(connection, monthly, NOON + monthly.catch_up + late)
    (run,) = ledger.latest(connection, 5)
    assert run.state == state


def test_an_occurrence_is_entered_with_what_a_request_would_have(connection: Connection) -> None:
    known = due(connection, "do_nothing")
    after = NOON + 1.5 * AN_HOUR
    (run_id,) = occurrences.take_due(connection, known, after)
    run, skipped = ledger.latest(connection, 5, Run.state == "waiting") + ledger.latest(
        connection, 5, Run.state == "skipped"
    )
    assert (run.id, run.job, run.queue, run.parameters) == (run_id, "do_nothing", "cache", {"number": 0})
    assert (run.origin, run.requested_by, run.error, run.ended_at) == ("schedule", "schedule", None, None)
    assert (run.occurrence, run.due_at, run.created_at) == (NOON + AN_HOUR, NOON + AN_HOUR, after)
    assert (skipped.occurrence, skipped.ended_at) == (NOON, after)
    assert skipped.error == ("No process was running to start it. The occurrence of 2024-01-01 13:00 UTC replaces it")


def test_an_occurrence_that_is_in_the_ledger_already_is_no_second_run(connection: Connection) -> None:
    """As when the table of cadences was restored from a backup."""
    assert occur(connection) == [("waiting", None)]
    with connection.begin():
        connection.execute(text("UPDATE cadences SET next_due = :noon"), {"noon": NOON})
    occurrences.take(connection, HOURLY, NOON)
    assert len(ledger.latest(connection, 5)) == 1
    assert occurrences.schedule(connection) == {"do_nothing": NOON + AN_HOUR}
