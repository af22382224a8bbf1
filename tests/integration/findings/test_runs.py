"""A failed run is wrong until a run of the same job and parameters succeeds, it is cancelled, or somebody says so."""

import pytest
from sqlalchemy import Connection

from jobs import catalogue
from tests.integration.crimes import change
from tests.integration.findings.looking import Looker, end
from tests.integration.transitions import put
from tests.processes import REQUESTER
from worker import ledger
from worker.errors import UnknownFinding
from worker.findings import store, watch

FAILED = "failed_run"


def ask(connection: Connection, month: int) -> str:
    return ledger.submit(connection, catalogue.find("ingest-month"), {"year": 2024, "month": month}, REQUESTER).run_id


def call(month: int) -> str:
    return f"ingest_month_on_demand(year=2024, month={month}, accept_smaller=False)"


def failed(connection: Connection, month: int) -> str:
    run_id = ask(connection, month)
    end(connection, run_id, "failed", f"JobError: {month} was not there\nand more")
    return run_id


def months(looker: Looker) -> set[int]:
    """The months whose failure is told."""
    return {month for month in range(1, 13) for subject in looker.of(FAILED) if f"month={month}," in f"{subject[:-1]},"}


def test_months_that_failed_stay_failed_though_others_succeed_or_are_cancelled(
    connection: Connection, looker: Looker
) -> None:
    runs = {month: failed(connection, month) for month in (1, 2, 3, 4)}
    end(connection, ask(connection, 5), "finished")
    ledger.cancel(connection, ask(connection, 6), "somebody")
    assert months(looker) == {1, 2, 3, 4}
    (first,) = [one for one in looker.of(FAILED).values() if one.link == f"run:{runs[1]}"]
    assert first.severity == "critical"
    assert first.cause.endswith("failed: JobError: 1 was not there")


def test_a_success_of_the_same_parameters_ends_it(connection: Connection, looker: Looker) -> None:
    for month in (1, 2):
        failed(connection, month)
    assert months(looker) == {1, 2}
    good = ask(connection, 1)
    end(connection, good, "finished")
    assert months(looker) == {2}
    assert list(looker.passed(FAILED).values()) == [f"run {good} succeeded"]


def test_a_retry_ends_it_only_by_its_success(connection: Connection, looker: Looker) -> None:
    run_id = failed(connection, 1)
    since = next(iter(looker.of(FAILED).values())).since
    ledger.retry(connection, run_id)
    (still,) = looker.of(FAILED).values()
    assert still.since == since
    end(connection, run_id, "finished")
    assert not looker.of(FAILED)
    assert list(looker.passed(FAILED).values()) == [f"run {run_id} succeeded"]


def test_cancelling_that_run_ends_it_and_another_of_its_parameters_does_not(
    connection: Connection, looker: Looker
) -> None:
    run_id = failed(connection, 1)
    ledger.cancel(connection, ask(connection, 1), "somebody")
    assert months(looker) == {1}
    ledger.retry(connection, run_id)
    ledger.cancel(connection, run_id, "night-shift")
    assert not looker.of(FAILED)
    assert list(looker.passed(FAILED).values()) == ["the run was cancelled by night-shift"]


def test_acknowledging_it_ends_it_until_it_fails_again(connection: Connection, looker: Looker) -> None:
    for _ in range(2):
        failed(connection, 1)
    (finding,) = looker.of(FAILED).values()
    assert finding.id is not None
    watch.acknowledge(connection, finding.id, "day-shift")
    assert not looker.of(FAILED)
    assert list(looker.passed(FAILED).values()) == ["acknowledged by day-shift"]
    failed(connection, 1)
    assert months(looker) == {1}
    with pytest.raises(UnknownFinding):
        watch.acknowledge(connection, finding.id, "day-shift")


def test_muting_it_for_an_hour_leaves_it_open(connection: Connection, looker: Looker) -> None:
    failed(connection, 1)
    (finding,) = looker.of(FAILED).values()
    assert finding.id is not None
    watch.acknowledge(connection, finding.id, "day-shift", 60)
    (muted,) = looker.of(FAILED).values()
    assert (muted.is_acknowledged, muted.acknowledged_by) == (True, "day-shift")
    change(connection, "UPDATE findings SET acknowledged_until = clock_timestamp() - interval '1 s'")
    assert not next(iter(looker.of(FAILED).values())).is_acknowledged
    watch.acknowledge(connection, finding.id, "day-shift", 60)
    assert store.take_back(connection, finding.id)
    assert not next(iter(looker.of(FAILED).values())).is_acknowledged


def test_a_run_is_named_from_its_first_failed_attempt(connection: Connection, looker: Looker) -> None:
    run_id = put(connection, "waiting", "failures = 1, due_at = '2024-08-01 03:52:00Z', error = 'the source is away'")
    (finding,) = looker.of("retrying_run").values()
    assert (
        finding.cause == "do_nothing(number=0) failed; next attempt at 03:52:00 UTC, attempt 2 of 3: the source is away"
    )
    assert finding.link == f"run:{run_id}"
    end(connection, run_id, "finished")
    assert not looker.of("retrying_run")
    assert list(looker.passed("retrying_run").values()) == [f"run {run_id} succeeded"]


def test_a_run_that_loses_its_work_horses_again_and_again_is_named(connection: Connection, looker: Looker) -> None:
    put(connection, "started", "failures = 0, losses = 3")
    (finding,) = looker.of("retrying_run").values()
    assert finding.cause == "do_nothing(number=0) lost its work-horse 3 times; the next attempt is at work"


def test_runs_that_no_process_knows_are_named(connection: Connection, looker: Looker) -> None:
    run_id = put(connection, "waiting", "unknown_since = now()")
    assert "1 runs of do_nothing wait" in looker.of("unknown_job")["do_nothing"].cause
    ledger.cancel(connection, run_id, "somebody")
    assert not looker.of("unknown_job")


def test_a_call_of_any_length_is_one_finding(connection: Connection, looker: Looker) -> None:
    run_id = put(connection, "failed")
    long = "UPDATE runs SET parameters = jsonb_build_object('text', repeat('x', 20000)) WHERE id = :id"
    change(connection, long, id=run_id)
    assert len(looker.of(FAILED)) == 1
    assert all(len(subject) < 400 for subject in looker.of(FAILED))


def test_a_run_that_is_discarded_is_over_with_those_that_failed_before_it(
    connection: Connection, looker: Looker
) -> None:
    older, newer, other = failed(connection, 1), failed(connection, 1), failed(connection, 2)
    assert months(looker) == {1, 2}
    ledger.discard(connection, newer, "night-shift")
    assert months(looker) == {2}
    assert list(looker.passed(FAILED).values()) == ["the run was cancelled by night-shift"]
    assert [ledger.get(connection, one).state for one in (older, newer, other)] == ["failed", "cancelled", "failed"]
    assert ledger.get(connection, newer).error.startswith("JobError: 1")
    ledger.retry(connection, newer)
    end(connection, newer, "failed")
    assert months(looker) == {1, 2}
