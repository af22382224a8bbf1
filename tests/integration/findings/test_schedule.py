"""Cadences that are late, occurrences that were missed."""

import datetime as dt

import pytest
from sqlalchemy import Connection

from jobs import catalogue
from tests.integration.crimes import change
from tests.integration.findings.looking import Looker, end
from tests.processes import REQUESTER
from worker import ledger, occurrences, pauses

JOB = "cleanup_old_route_history"


@pytest.fixture(autouse=True)
def _declared(connection: Connection) -> None:
    occurrences.reconcile(connection, catalogue.load(), dt.datetime.now(dt.UTC))


def be_due(connection: Connection, ago: str) -> None:
    change(connection, f"UPDATE cadences SET next_due = now() - interval '{ago}' WHERE job = :job", job=JOB)


def take(connection: Connection) -> None:
    occurrences.take_due(connection, catalogue.load(), dt.datetime.now(dt.UTC))


def test_a_cadence_that_is_overdue_is_late_until_it_is_entered(connection: Connection, looker: Looker) -> None:
    assert not looker.of("schedule_late")
    be_due(connection, "3 minutes")
    assert list(looker.of("schedule_late")) == [JOB]
    take(connection)
    assert not looker.of("schedule_late")


def test_an_occurrence_that_was_missed_for_too_long_is_named_until_the_job_succeeds(
    connection: Connection, looker: Looker
) -> None:
    be_due(connection, "9 days")
    change(connection, "UPDATE cadences SET cron = '0 0 1 1 *' WHERE job = :job", job=JOB)
    take(connection)
    assert "Missed by more than 7 days" in looker.of("occurrence_missed")[JOB].cause
    run = ledger.submit(connection, catalogue.find(JOB), {}, REQUESTER).run_id
    assert not looker.of("occurrence_missed")
    end(connection, run, "cancelled")
    assert looker.of("occurrence_missed")
    end(connection, run, "finished")
    assert not looker.of("occurrence_missed")


def test_an_occurrence_that_is_made_up_for_is_not_missed(connection: Connection, looker: Looker) -> None:
    be_due(connection, "9 days")
    take(connection)
    assert not looker.of("occurrence_missed")


def test_an_occurrence_that_fell_into_the_time_of_another_run_is_not_missed(
    connection: Connection, looker: Looker
) -> None:
    run = ledger.submit(connection, catalogue.find(JOB), {}, REQUESTER).run_id
    be_due(connection, "3 minutes")
    change(connection, "UPDATE cadences SET cron = '0 0 1 1 *' WHERE job = :job", job=JOB)
    take(connection)
    assert not looker.of("occurrence_missed")
    end(connection, run, "finished")
    assert not looker.of("occurrence_missed")


def test_an_occurrence_of_a_paused_cadence_is_paused_and_not_missed(connection: Connection, looker: Looker) -> None:
    pauses.pause(connection, "cadence", JOB, "day-shift")
    be_due(connection, "3 minutes")
    take(connection)
    assert not looker.of("occurrence_missed")
    assert list(looker.of("paused")) == [f"cadence {JOB}"]
    pauses.resume(connection, "cadence", JOB)
    assert not looker.of("paused")
