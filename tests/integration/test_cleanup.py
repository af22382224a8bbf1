"""Route history is soft-deleted after its time, once, however often the work was stopped."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import Engine, text

from jobs import history
from jobs.cleanup import cleanup_old_route_history
from jobs.context import Context
from jobs.errors import Stopped
from tests.integration.crimes import change, rows, value

DAYS_OLD = (
    "INSERT INTO route_history (created_at) SELECT now() - make_interval(days => :days) FROM generate_series(1, :n)"
)
DELETED = "SELECT count(*) FROM route_history WHERE deleted_at IS NOT NULL"


def routes(here: Context, count: int, days: int) -> None:
    change(here.connection, DAYS_OLD, n=count, days=days)


def test_what_is_older_than_the_retention_time_is_soft_deleted(here: Context) -> None:
    routes(here, 3, days=91)
    routes(here, 4, days=89)
    before = dt.datetime.now(dt.UTC)
    result = cleanup_old_route_history()
    after = dt.datetime.now(dt.UTC)
    cutoff = dt.datetime.fromisoformat(result.pop("cutoff_date"))
    assert result == {
        "task": "cleanup_old_route_history",
        "dry_run": False,
        "retention_days": 90,
        "records_deleted": 3,
        "records_purged": None,
    }
    assert before <= cutoff + dt.timedelta(days=90) <= after
    ages = "SELECT now() - created_at > interval '90 days', deleted_at IS NOT NULL, count(*) FROM route_history"
    assert sorted(rows(here.connection, f"{ages} GROUP BY 1, 2")) == [(False, False, 4), (True, True, 3)]


def test_a_row_as_old_as_the_retention_time_to_the_microsecond_stays(here: Context) -> None:
    stamp = dt.datetime(2026, 3, 29, 1, 30, tzinfo=dt.UTC)
    here.state = {"deleted_at": stamp.isoformat()}
    insert = "INSERT INTO route_history (created_at) VALUES (:at)"
    for step in (-1, 0, 1):
        change(here.connection, insert, at=stamp - dt.timedelta(days=7) + dt.timedelta(microseconds=step))
    result = cleanup_old_route_history(retention_days=7)
    assert (result["records_deleted"], result["cutoff_date"]) == (1, "2026-03-22T01:30:00+00:00")
    assert rows(here.connection, "SELECT deleted_at FROM route_history ORDER BY created_at") == [
        (stamp,),
        (None,),
        (None,),
    ]


def test_a_second_run_finds_nothing_and_leaves_the_first_ones_stamp(here: Context) -> None:
    routes(here, 3, days=100)
    assert cleanup_old_route_history()["records_deleted"] == 3
    stamps = rows(here.connection, "SELECT DISTINCT deleted_at FROM route_history")
    here.state = {}
    assert cleanup_old_route_history()["records_deleted"] == 0
    assert rows(here.connection, "SELECT DISTINCT deleted_at FROM route_history") == stamps


def test_a_run_that_was_stopped_goes_on_and_counts_all_that_it_deleted(
    here: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "BATCH", 4)
    routes(here, 10, days=100)
    kept: list[dict[str, Any]] = []
    here.save_checkpoint = kept.append
    here.is_stopping = lambda: True
    with pytest.raises(Stopped):
        cleanup_old_route_history()
    assert value(here.connection, DELETED) == 4
    here.is_stopping = lambda: False
    here.state = kept[-1]
    assert cleanup_old_route_history()["records_deleted"] == 10
    assert value(here.connection, "SELECT count(DISTINCT deleted_at) FROM route_history") == 1


def test_progress_is_told_batch_by_batch(here: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "BATCH", 4)
    routes(here, 10, days=100)
    told: list[tuple[int, int]] = []
    here.report_progress = lambda done, total, _note: told.append((done, total))
    cleanup_old_route_history()
    assert told == [(4, 10), (8, 10), (10, 10)]


def test_rows_that_another_transaction_holds_are_left_to_a_later_run(
    here: Context, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "BATCH", 3)
    routes(here, 10, days=100)
    change(here.connection, "SET lock_timeout = '5s'")
    with engine.begin() as other:
        other.execute(text("SELECT FROM route_history ORDER BY id LIMIT 4 FOR UPDATE"))
        assert cleanup_old_route_history()["records_deleted"] == 6
    here.state = {}
    assert cleanup_old_route_history()["records_deleted"] == 4
