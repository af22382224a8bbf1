"""Runs that ended long ago are deleted with their attempts; a dry run tells which."""

import datetime as dt

import pytest
from sqlalchemy import Connection

from jobs.context import Context
from jobs.retention import ended
from jobs.retention.runs import delete_old_runs
from tests.integration.crimes import change, rows

RUN = """
    INSERT INTO runs (id, job, queue, parameters, state, origin, requested_by, ended_at)
    VALUES (:id, :job, 'maintenance', '{}', :state, 'cli', 'me',
            CASE WHEN :state = 'started' THEN NULL ELSE date_trunc('month', now()) - make_interval(days => :days) END)
"""
LEFT = "SELECT id FROM runs ORDER BY id"


@pytest.fixture
def ledger(here: Context) -> Connection:
    for name, job, state, days in (
        ("a", "recell_crimes", "finished", 400),
        ("b", "recell_crimes", "failed", 400),
        ("c", "deliver_event", "finished", 400),
        ("d", "deliver_event", "finished", 500),
        ("e", "deliver_event", "finished", 5),
        ("f", "deliver_event", "started", 500),
    ):
        change(here.connection, RUN, id=name, job=job, state=state, days=days)
    change(here.connection, "INSERT INTO attempts (run_id, number, worker) SELECT id, 1, 'a worker' FROM runs")
    return here.connection


def month_of(days: int) -> str:
    return f"{dt.datetime.now(dt.UTC).replace(day=1) - dt.timedelta(days=days):%Y-%m}"


def test_a_dry_run_tells_which_and_deletes_none(here: Context, ledger: Connection) -> None:
    told = delete_old_runs(dry_run=True)
    assert told["counts"] == [
        {"month": month_of(500), "job": "deliver_event", "runs": 1},
        {"month": month_of(400), "job": "deliver_event", "runs": 1},
        {"month": month_of(400), "job": "recell_crimes", "runs": 2},
    ]
    assert (told["keep_days"], told["runs_deleted"]) == (365, 4)
    assert len(rows(ledger, LEFT)) == 6
    done = delete_old_runs()
    assert {**done, "cutoff_date": ""} == {**told, "dry_run": False, "cutoff_date": ""}
    assert rows(ledger, LEFT) == [("e",), ("f",)]
    assert rows(ledger, "SELECT run_id FROM attempts ORDER BY 1") == [("e",), ("f",)]


def test_a_run_may_ask_for_other_days(here: Context, ledger: Connection) -> None:
    assert delete_old_runs(keep_days=450)["runs_deleted"] == 1
    assert rows(ledger, LEFT) == [("a",), ("b",), ("c",), ("e",), ("f",)]


def test_the_next_attempt_tells_of_what_the_one_before_deleted(
    here: Context, ledger: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ended.delete_before, "__defaults__", (1,))

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    here.report_progress = stop
    with pytest.raises(KeyboardInterrupt):
        delete_old_runs()
    assert len(rows(ledger, LEFT)) == 5
    here.report_progress = lambda *_: None
    assert delete_old_runs()["runs_deleted"] == 4
    assert len(rows(ledger, LEFT)) == 2
