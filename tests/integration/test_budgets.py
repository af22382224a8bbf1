"""What each end of an attempt costs a run, and what it leaves in the rows."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from tests.integration.transitions import begin, put, rows, settle_lost, the
from worker import attempts, claim, ledger


@pytest.mark.parametrize("state", ["failed", "cancelled", "skipped"])
def test_a_retry_gives_back_every_budget_and_forgets_how_the_run_ended(connection: Connection, state: str) -> None:
    run_id = put(
        connection,
        state,
        "attempt = 7, failures = 3, losses = 10, unclaimed_pushes = 5, stops = 2, unknown_since = now(), "
        "followed_up = true, cancel_requested_by = 'me', acknowledged_by = 'me', due_at = now() + interval '1 day'",
    )
    ledger.retry(connection, run_id)
    run = ledger.get(connection, run_id)
    assert (run.state, run.failures, run.losses, run.unclaimed_pushes) == ("waiting", 0, 0, 0)
    forgotten = (run.ended_at, run.unknown_since, run.cancel_requested_by, run.acknowledged_by)
    assert forgotten == (None, None, None, None)
    assert run.followed_up is False
    assert run.due_at <= dt.datetime.now(dt.UTC)
    # What tells its history, and what the next attempt goes on from, stays.
    assert (run.attempt, run.pushes, run.stops, run.checkpoint) == (7, 1, 2, {"step": 1})


def test_a_claim_starts_the_count_of_unclaimed_pushes_anew_and_keeps_when_it_was_first_begun(
    connection: Connection,
) -> None:
    run_id = put(connection, "queued", "attempt = 1, unknown_since = now(), unclaimed_pushes = 4")
    before = ledger.get(connection, run_id)
    claimed = begin(connection, run_id)
    assert claimed is not None
    assert (claimed.attempt, claimed.state) == (2, {"step": 1})
    run = ledger.get(connection, run_id)
    assert (run.unclaimed_pushes, run.unknown_since) == (0, None)
    assert run.started_at == before.started_at


@pytest.mark.parametrize("lost_at", [9, 10])
def test_the_tenth_loss_is_the_last(connection: Connection, lost_at: int) -> None:
    run_id = put(connection, "started", f"attempt = 1, losses = {lost_at - 1}")
    settle_lost(connection, run_id)
    run = ledger.get(connection, run_id)
    assert (run.state, run.losses) == ("failed" if lost_at == 10 else "waiting", lost_at)


def test_losses_are_excused_once_and_only_those_of_a_work_horse_that_died(connection: Connection) -> None:
    run_id = put(connection, "started")
    settle_lost(connection, run_id)
    assert ledger.get(connection, run_id).losses == 2
    assert attempts.excuse(connection, the(run_id))
    assert ledger.get(connection, run_id).losses == 1
    before = rows(connection, run_id)
    assert not attempts.excuse(connection, the(run_id))
    assert not attempts.excuse(connection, the(run_id, attempt=2))
    assert rows(connection, run_id) == before


def test_no_attempt_is_excused_while_it_is_at_work(connection: Connection, engine: Engine) -> None:
    run_id = put(connection, "started")
    before = rows(connection, run_id)
    with engine.connect() as holder:
        assert claim.acquire(holder, run_id)
        assert not attempts.excuse(connection, the(run_id))
    assert rows(connection, run_id) == before


@pytest.mark.parametrize(("end", "factor"), [(0, 0.5), (1, 1.5)])
def test_a_delay_is_half_to_one_and_a_half_times_as_long_and_never_longer_than_of_an_hour(
    monkeypatch: pytest.MonkeyPatch, end: int, factor: float
) -> None:
    monkeypatch.setattr(attempts.random, "uniform", lambda *bounds: bounds[end])
    assert attempts._jittered(10) == 10 * factor
    assert attempts._jittered(1e6) == attempts.LONGEST_RETRY_DELAY_S * factor


def outlive(connection: Connection, run_id: str) -> None:
    """PostgreSQL was started again since the attempt began."""
    with connection.begin():
        connection.execute(text("UPDATE attempts SET started_at = pg_postmaster_start_time() - interval '1 second'"))
    settle_lost(connection, run_id)


@dataclass(frozen=True)
class End:
    """`run`: its state, failures, losses, stops, error. `attempt`: its outcome, error, traceback."""

    change: Callable[[Connection, str], Any]
    run: tuple[Any, ...]
    attempt: tuple[Any, ...]
    but: str = "attempt = 1"


BEFORE = "the last error"
CANCELLED = "attempt = 1, cancel_requested_by = 'me'"
BY_ME = ("cancelled", "Cancelled by me", None)
ENDS = {
    "finish": End(
        lambda c, run: attempts.finish(c, the(run), {}, []), ("finished", 1, 1, 1, None), ("finished", None, None)
    ),
    "fail": End(
        lambda c, run: attempts.fail(c, the(run), "it broke", "trace", [], 1),
        ("waiting", 2, 1, 1, "it broke"),
        ("failed", "it broke", "trace"),
    ),
    "fail for the third time": End(
        lambda c, run: attempts.fail(c, the(run), "it broke", "trace", [], 1),
        ("failed", 3, 1, 1, "it broke"),
        ("failed", "it broke", "trace"),
        "attempt = 1, failures = 2",
    ),
    "fail when it is cancelled": End(
        lambda c, run: attempts.fail(c, the(run), "it broke", "trace", [], 1),
        ("cancelled", 2, 1, 1, "it broke"),
        ("failed", "it broke", "trace"),
        CANCELLED,
    ),
    "hand back": End(
        lambda c, run: attempts.hand_back(c, the(run), []), ("waiting", 1, 1, 2, BEFORE), ("stopped", None, None)
    ),
    "hand back when it is cancelled": End(
        lambda c, run: attempts.hand_back(c, the(run), []), ("cancelled", 1, 1, 2, BEFORE), BY_ME, CANCELLED
    ),
    "hear of a cancel": End(
        lambda c, run: attempts.cancelled(c, the(run), []), ("cancelled", 1, 1, 1, BEFORE), BY_ME, CANCELLED
    ),
    "be killed for its memory": End(
        lambda c, run: attempts.fail_dead(c, run, "too much memory"),
        ("failed", 1, 1, 1, "too much memory"),
        ("failed", "too much memory", None),
    ),
    "die": End(settle_lost, ("waiting", 1, 2, 1, BEFORE), ("lost", attempts._DIED, None)),
    "die for the tenth time": End(
        settle_lost,
        ("failed", 1, 10, 1, f"{attempts._DIED} (10 times)"),
        ("lost", attempts._DIED, None),
        "attempt = 1, losses = 9",
    ),
    "die when it is cancelled": End(settle_lost, ("cancelled", 1, 1, 1, BEFORE), BY_ME, CANCELLED),
    "outlive PostgreSQL": End(outlive, ("waiting", 1, 1, 1, BEFORE), ("lost", attempts._CUT, None)),
    "live, its connection cut": End(
        lambda c, run: attempts.excuse(c, the(run)), ("waiting", 1, 1, 1, BEFORE), ("lost", attempts._CUT, None)
    ),
}


@pytest.mark.parametrize("name", ENDS)
def test_each_end_costs_its_own_budget_and_tells_its_cause(connection: Connection, name: str) -> None:
    end = ENDS[name]
    run_id = put(connection, "started", f"{end.but}, error = '{BEFORE}'")
    end.change(connection, run_id)
    run = ledger.get(connection, run_id)
    assert (run.state, run.failures, run.losses, run.stops, run.error) == end.run
    (attempt,) = attempts.of(connection, run_id)
    assert (attempt.outcome, attempt.error, attempt.traceback) == end.attempt
    assert attempt.ended_at is not None
    assert run.followed_up is (run.state == "finished")


@pytest.mark.parametrize(("failures", "delay_s"), [(0, 10), (1, 40)])
def test_each_delay_is_four_times_as_long_as_the_one_before(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, failures: int, delay_s: float
) -> None:
    monkeypatch.setattr(attempts.random, "uniform", lambda *_: 1)
    run_id = put(connection, "started", f"attempt = 1, failures = {failures}")
    attempts.fail(connection, the(run_id), "it broke", "", [], 10)
    assert due_in_s(connection, run_id) == pytest.approx(delay_s, abs=2)


def test_what_was_handed_back_with_a_delay_is_due_after_it(connection: Connection) -> None:
    run_id = put(connection, "started")
    assert attempts.hand_back(connection, the(run_id), [], 30) == "waiting"
    assert due_in_s(connection, run_id) == pytest.approx(30, abs=2)


def test_what_was_lost_is_due_at_once(connection: Connection) -> None:
    run_id = put(connection, "started")
    settle_lost(connection, run_id)
    assert due_in_s(connection, run_id) == pytest.approx(0, abs=2)


def due_in_s(connection: Connection, run_id: str) -> float:
    due: dt.datetime = ledger.get(connection, run_id).due_at
    return (due - dt.datetime.now(dt.UTC)).total_seconds()


def test_the_cause_that_was_noted_when_a_claim_was_taken_away_is_kept_and_is_never_excused(
    connection: Connection,
) -> None:
    run_id = put(connection, "started")
    with connection.begin():
        attempts.note_silent(connection, the_row(connection, run_id), 50)
    before = rows(connection, run_id)
    assert not attempts.excuse(connection, the(run_id))
    assert rows(connection, run_id) == before
    settle_lost(connection, run_id)
    (attempt,) = attempts.of(connection, run_id)
    assert (attempt.outcome, attempt.error.partition(":")[0]) == ("lost", "The work-horse sent no heartbeat for 50 s")
    assert not attempts.excuse(connection, the(run_id))
    assert ledger.get(connection, run_id).losses == 2


def the_row(connection: Connection, run_id: str) -> Any:
    return connection.execute(text("SELECT * FROM runs WHERE id = :id"), {"id": run_id}).one()


def test_an_excuse_of_a_run_that_is_forgotten_is_none(connection: Connection) -> None:
    assert not attempts.excuse(connection, the("no such run"))


def test_an_excuse_of_an_earlier_attempt_leaves_the_one_at_work(connection: Connection) -> None:
    run_id = put(connection, "started", "attempt = 2")
    before = rows(connection, run_id)
    assert not attempts.excuse(connection, the(run_id, attempt=1))
    assert rows(connection, run_id) == before


def test_only_what_this_attempt_outlived_is_no_loss(connection: Connection) -> None:
    """PostgreSQL was started again before it, and after an earlier attempt and one of another run."""
    put(connection, "failed", number=1)
    run_id = put(connection, "started", "attempt = 2")
    with connection.begin():
        for statement in (
            "INSERT INTO attempts (run_id, number, worker) SELECT run_id, 2, worker FROM attempts WHERE run_id <> :id",
            "UPDATE attempts SET started_at = pg_postmaster_start_time() - interval '1 second'",
            "INSERT INTO attempts (run_id, number, worker) VALUES (:id, 2, 'a worker')",
        ):
            connection.execute(text(statement), {"id": run_id})
        attempts.settle_lost(connection, the_row(connection, run_id))
    assert ledger.get(connection, run_id).losses == 2


def test_a_push_is_noted_with_its_time(connection: Connection) -> None:
    run_id = put(connection, "waiting", "attempt = 1, pushed_at = now() - interval '1 hour'")
    pushed = ledger.pushed(connection, run_id, 1)
    assert pushed is not None
    assert (pushed.job, pushed.parameters, pushed.pushes) == ("do_nothing", {"number": 0}, 2)
    run = ledger.get(connection, run_id)
    assert (run.state, run.pushes) == ("queued", 2)
    assert dt.datetime.now(dt.UTC) - run.pushed_at < dt.timedelta(minutes=1)


@pytest.mark.parametrize("unclaimed", [0, 3, 4])
def test_the_fifth_push_that_is_never_claimed_is_the_last(connection: Connection, unclaimed: int) -> None:
    run_id = put(connection, "queued", f"attempt = 1, unclaimed_pushes = {unclaimed}, error = '{BEFORE}'")
    is_last = unclaimed == 4
    assert ledger.count_unclaimed(connection, run_id) is is_last
    run = ledger.get(connection, run_id)
    assert (run.state, run.unclaimed_pushes) == ("failed" if is_last else "queued", unclaimed + 1)
    assert run.error.startswith("Pushed 5 times but never started" if is_last else BEFORE)
    assert (run.ended_at is not None) is is_last


def test_a_run_that_is_unknown_here_waits_from_the_first_time_on_and_keeps_what_it_was_told(
    connection: Connection,
) -> None:
    run_id = put(connection, "queued", f"attempt = 1, error = '{BEFORE}'")
    wait = dt.timedelta(minutes=15)
    assert not ledger.leave_unknown(connection, run_id, "renamed", wait)
    first = ledger.get(connection, run_id)
    assert (first.state, first.unclaimed_pushes, first.error, first.ended_at) == ("waiting", 0, BEFORE, None)
    assert dt.datetime.now(dt.UTC) - first.unknown_since < dt.timedelta(minutes=1)
    assert not ledger.leave_unknown(connection, run_id, "renamed", wait)
    assert ledger.get(connection, run_id).unknown_since == first.unknown_since
    assert ledger.leave_unknown(connection, run_id, "renamed", dt.timedelta())
    last = ledger.get(connection, run_id)
    assert (last.state, last.error.partition(":")[0]) == ("failed", "No process has known the job renamed for 0")
    assert last.ended_at is not None


@pytest.mark.parametrize("state", ["waiting", "queued", "started"])
def test_a_cancel_tells_who_and_ends_what_is_not_at_work(connection: Connection, state: str) -> None:
    run_id = put(connection, state)
    assert ledger.cancel(connection, run_id, "me") == ("started" if state == "started" else "cancelled")
    run = ledger.get(connection, run_id)
    assert (run.cancel_requested_by, run.ended_at is None) == ("me", state == "started")


def test_a_purge_tells_who_and_when(connection: Connection) -> None:
    run_id = put(connection, "queued")
    assert ledger.purge(connection, "cache", "me") == 1
    run = ledger.get(connection, run_id)
    assert (run.state, run.cancel_requested_by, run.ended_at is None) == ("cancelled", "me", False)


def test_a_rehearsal_leaves_nothing_but_the_statements_of_a_claim_and_its_end(connection: Connection) -> None:
    run_id = put(connection, "queued")
    assert claim.acquire(connection, run_id)
    compiled: dict[Any, Any] = {}
    prepared = connection.execution_options(compiled_cache=compiled)
    attempts.rehearse(prepared)
    assert [run.id for run in ledger.latest(connection, 2)] == [run_id]
    before = len(compiled)
    claimed = attempts.claim(prepared, run_id, "a worker")
    assert claimed is not None
    attempts.finish(prepared, claimed, None, ())
    assert len(compiled) == before
