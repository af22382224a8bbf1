"""A request is a row before it is anything else, and every change of state is one UPDATE that one caller wins."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, func, select, text, update

from jobs import catalogue
from jobs.errors import ParameterError
from jobs.models.runs import Run
from tests import jobs_for_tests  # noqa: F401 - enters its jobs into the catalogue
from tests.processes import until
from worker import attempts, claim, ledger, pauses
from worker.attempts import Claimed
from worker.errors import ClaimLost, UnknownRun, WrongState
from worker.ledger import Requester

REQUESTER = Requester("python", "a test")


def submit(connection: Connection, name: str = "rebuild_safety_grid", **parameters: Any) -> str:
    return ledger.submit(connection, catalogue.find(name), parameters, REQUESTER).run_id


def begin(connection: Connection, run_id: str) -> Claimed:
    # The server frees the lock of a closed connection a moment later.
    until(lambda: claim.acquire(connection, run_id), "the run is free")
    claimed = attempts.claim(connection, run_id, "a worker")
    assert claimed is not None
    return claimed


def test_a_request_waits_with_its_defaults_filled_in(connection: Connection) -> None:
    run = ledger.get(connection, submit(connection, months=3))
    assert (run.state, run.queue, run.origin, run.requested_by) == ("waiting", "ingestion", "python", "a test")
    assert run.parameters == {"months": 3, "until": None, "force": False}


def test_a_wrong_parameter_is_named_and_nothing_is_entered(connection: Connection) -> None:
    with pytest.raises(ParameterError, match=r"months: must be a whole number from 1 to 60 \(given: 99\)"):
        submit(connection, months=99)
    assert ledger.latest(connection, 10) == []


def test_a_value_that_the_database_does_not_know_is_named_and_nothing_is_entered(connection: Connection) -> None:
    with pytest.raises(ParameterError, match=r"area: must be one of .* \(given: nowhere\)"):
        submit(connection, "ingest_latest_crime_data", area="nowhere")
    assert ledger.latest(connection, 10) == []


def test_a_request_equal_to_two_waiting_ones_is_the_older(connection: Connection) -> None:
    older = submit(connection)
    ledger.cancel(connection, older, "me")
    newer = submit(connection)
    ledger.retry(connection, older)
    assert submit(connection) == older != newer


def test_the_latest_runs_are_told_newest_first_those_of_one_moment_by_their_ids(connection: Connection) -> None:
    newest, first, second, oldest = (submit(connection, months=months) for months in (1, 2, 3, 4))
    first, second = sorted((first, second))
    # Written in another order than either.
    for run_id, age in ((second, 2), (oldest, 3), (newest, 1), (first, 2)):
        created = text(f"date_trunc('day', now()) - interval '{age} hours'")
        with connection.begin():
            connection.execute(update(Run).where(Run.id == run_id).values(created_at=created))
    assert [run.id for run in ledger.latest(connection, 3)] == [newest, first, second]


def test_a_request_equal_to_a_waiting_one_is_that_one(connection: Connection) -> None:
    assert submit(connection, months=3) == submit(connection, months=3)
    assert submit(connection, months=4) != submit(connection, months=3)


def test_a_request_equal_to_a_running_one_waits_behind_it(connection: Connection, engine: Engine) -> None:
    first = submit(connection)
    begin(connection, first)
    second = submit(connection)
    assert second != first
    with engine.connect() as other:
        assert claim.acquire(other, second)
        assert attempts.claim(other, second, "another worker") is None
        assert ledger.get(other, second).state == "waiting"


def test_a_job_that_joins_a_running_one_is_not_asked_for_twice(connection: Connection) -> None:
    first = submit(connection, "validate_h3_grid_health")
    begin(connection, first)
    assert submit(connection, "validate_h3_grid_health") == first


def test_a_run_is_claimed_by_one_connection_only(connection: Connection, engine: Engine) -> None:
    run_id = submit(connection)
    begin(connection, run_id)
    with engine.connect() as other:
        assert not claim.acquire(other, run_id)


def test_a_claim_ends_with_its_connection(connection: Connection, engine: Engine) -> None:
    run_id = submit(connection)
    with engine.connect() as other:
        begin(other, run_id)
    again = begin(connection, run_id)
    assert again.attempt == 2
    assert [attempt.outcome for attempt in attempts.of(connection, run_id)] == ["lost", None]
    assert ledger.get(connection, run_id).losses == 1


def test_the_attempts_of_a_run_are_told_first_to_last(connection: Connection) -> None:
    run_id = submit(connection)
    with connection.begin():
        for number in (2, 3, 1):
            connection.execute(
                text("INSERT INTO attempts (run_id, number, worker) VALUES (:id, :number, 'a worker')"),
                {"id": run_id, "number": number},
            )
    assert [attempt.number for attempt in attempts.of(connection, run_id)] == [1, 2, 3]


def test_a_claim_is_held_whatever_its_job_left_open(connection: Connection) -> None:
    begin(connection, submit(connection))
    connection.execute(text("CREATE TABLE left_open ()"))
    assert claim.is_held(connection)
    assert connection.scalar(text("SELECT to_regclass('left_open')")) is None


def test_an_attempt_that_was_overtaken_writes_nothing(connection: Connection, engine: Engine) -> None:
    run_id = submit(connection)
    with engine.connect() as other:
        old = begin(other, run_id)
    begin(connection, run_id)
    for write in (
        lambda: attempts.finish(connection, old, {"task": "old"}, []),
        lambda: attempts.fail(connection, old, "old", "", [], 1),
        lambda: attempts.hand_back(connection, old, []),
        lambda: attempts.checkpoint(connection, old, {"old": True}),
    ):
        with pytest.raises(ClaimLost):
            write()
    assert ledger.get(connection, run_id).state == "started"


def test_a_finished_run_keeps_its_result_in_order_and_its_last_lines(connection: Connection) -> None:
    claimed = begin(connection, submit(connection))
    attempts.finish(connection, claimed, {"task": "t", "a": 1}, [{"event": "done"}])
    run = ledger.get(connection, claimed.run_id)
    assert (run.state, list(run.result), run.log) == ("finished", ["task", "a"], [{"event": "done"}])
    assert run.ended_at is not None


def test_a_finished_run_asks_for_the_next_in_the_same_transaction(connection: Connection) -> None:
    claimed = begin(connection, submit(connection))
    with pytest.raises(ParameterError):
        attempts.finish(connection, claimed, {}, [], [(catalogue.find("do_nothing"), {"number": "no number"})])
    assert ledger.get(connection, claimed.run_id).state == "started"
    [child] = attempts.finish(connection, claimed, {}, [], [(catalogue.find("do_nothing"), {"number": 7})])
    run = ledger.get(connection, child)
    assert (run.parent_id, run.origin, run.parameters) == (claimed.run_id, "pipeline", {"number": 7})


def fail_once(connection: Connection, run_id: str, delay: float | None = 10) -> str:
    return attempts.fail(connection, begin_now(connection, run_id), "it broke", "trace", [], delay)


def begin_now(connection: Connection, run_id: str) -> Claimed:
    with connection.begin():
        connection.execute(update(Run).where(Run.id == run_id).values(due_at=ledger.NOW))
    claimed = attempts.claim(connection, run_id, "a worker")
    assert claimed is not None
    return claimed


def test_a_failure_that_may_pass_is_tried_three_times_later_and_later(connection: Connection) -> None:
    run_id = submit(connection)
    claim.acquire(connection, run_id)
    assert fail_once(connection, run_id) == "waiting"
    first = ledger.get(connection, run_id)
    assert dt.timedelta(seconds=4) < first.due_at - dt.datetime.now(dt.UTC) < dt.timedelta(seconds=16)
    assert fail_once(connection, run_id) == "waiting"
    second = ledger.get(connection, run_id)
    assert dt.timedelta(seconds=18) < second.due_at - dt.datetime.now(dt.UTC) < dt.timedelta(seconds=61)
    assert fail_once(connection, run_id) == "failed"
    outcomes = [(attempt.outcome, attempt.error) for attempt in attempts.of(connection, run_id)]
    assert outcomes == [("failed", "it broke")] * 3


def test_a_run_is_not_begun_before_its_delay_is_over(connection: Connection) -> None:
    run_id = submit(connection)
    claim.acquire(connection, run_id)
    fail_once(connection, run_id)
    assert attempts.claim(connection, run_id, "an early worker") is None


def test_a_failure_that_cannot_pass_fails_at_once(connection: Connection) -> None:
    run_id = submit(connection)
    claim.acquire(connection, run_id)
    assert fail_once(connection, run_id, None) == "failed"


def test_stops_cost_nothing_and_are_recorded(connection: Connection) -> None:
    run_id = submit(connection)
    claim.acquire(connection, run_id)
    for _ in range(20):
        attempts.hand_back(connection, begin_now(connection, run_id), [])
    run = ledger.get(connection, run_id)
    assert (run.state, run.stops, run.failures, run.losses) == ("waiting", 20, 0, 0)


def lose(connection: Connection, run_id: str) -> float:
    """Begin an attempt that dies. Returns the seconds that the run waits for the next one."""
    begin_now(connection, run_id)
    with connection.begin():
        run = connection.execute(select(Run.__table__).where(Run.id == run_id)).one()
        attempts.settle_lost(connection, run)
        wait = select(func.extract("epoch", Run.due_at - ledger.NOW)).where(Run.id == run_id)
        return max(0.0, float(connection.scalar(wait) or 0))


def test_a_run_whose_work_horses_always_die_fails_after_ten(connection: Connection) -> None:
    run_id = submit(connection)
    claim.acquire(connection, run_id)
    waits_s = [round(lose(connection, run_id)) for _ in range(attempts.MAX_LOSSES)]
    # What kills them all may pass: they do not die within a moment.
    assert waits_s[:-1] == [0, 0, 2, 4, 8, 16, 32, 60, 60]
    run = ledger.get(connection, run_id)
    assert run.state == "failed"
    assert "out of memory" in run.error


def test_a_run_that_no_worker_can_claim_fails_and_says_so(connection: Connection) -> None:
    run_id = submit(connection)
    ledger.pushed(connection, run_id, 0)
    given_up = [ledger.count_unclaimed(connection, run_id) for _ in range(ledger.MAX_UNCLAIMED_PUSHES)]
    assert given_up == [False] * 4 + [True]
    assert "die before they can claim it" in ledger.get(connection, run_id).error


def test_a_push_is_counted_for_one_of_two_who_push(connection: Connection) -> None:
    run_id = submit(connection)
    assert ledger.pushed(connection, run_id, 0) is not None
    assert ledger.pushed(connection, run_id, 0) is None


def test_a_waiting_run_is_cancelled_at_once(connection: Connection) -> None:
    run_id = submit(connection)
    assert ledger.cancel(connection, run_id, "me") == "cancelled"
    assert claim.acquire(connection, run_id)
    assert attempts.claim(connection, run_id, "a worker") is None
    with pytest.raises(WrongState, match="it has ended"):
        ledger.cancel(connection, run_id, "me")


def test_a_cancelled_run_at_work_is_settled_as_cancelled(connection: Connection, engine: Engine) -> None:
    run_id = submit(connection)
    with engine.connect() as other:
        begin(other, run_id)
        assert ledger.cancel(connection, run_id, "me") == "started"
    until(lambda: claim.acquire(connection, run_id), "the run is free")
    assert attempts.claim(connection, run_id, "a worker") is None
    assert ledger.get(connection, run_id).state == "cancelled"


def test_a_failed_run_is_retried_with_fresh_budgets_and_its_checkpoint(connection: Connection) -> None:
    run_id = submit(connection)
    claimed = begin(connection, run_id)
    attempts.checkpoint(connection, claimed, {"step": 3})
    attempts.fail(connection, claimed, "it broke", "", [], None)
    ledger.retry(connection, run_id)
    again = begin(connection, run_id)
    assert (again.attempt, again.state) == (2, {"step": 3})
    assert ledger.get(connection, run_id).failures == 0


def test_a_finished_run_is_not_retried(connection: Connection) -> None:
    claimed = begin(connection, submit(connection))
    attempts.finish(connection, claimed, {}, [])
    with pytest.raises(WrongState, match="finished and cannot be retried"):
        ledger.retry(connection, claimed.run_id)


def test_rq_requeue_begins_a_failed_run_again_but_a_late_double_does_not(connection: Connection) -> None:
    run_id = submit(connection)
    claim.acquire(connection, run_id)
    fail_once(connection, run_id, None)
    assert attempts.claim(connection, run_id, "a late double") is None
    assert attempts.claim(connection, run_id, "a worker", requeued=True) is not None


def test_a_paused_queue_is_not_begun_and_its_runs_wait(connection: Connection) -> None:
    run_id = submit(connection)
    assert pauses.pause(connection, "queue", "ingestion", "me")
    assert not pauses.pause(connection, "queue", "ingestion", "somebody else")
    assert claim.acquire(connection, run_id)
    assert attempts.claim(connection, run_id, "a worker") is None
    assert ledger.get(connection, run_id).state == "waiting"
    assert pauses.resume(connection, "queue", "ingestion")
    assert attempts.claim(connection, run_id, "a worker") is not None


def test_a_purge_cancels_what_has_not_begun(connection: Connection) -> None:
    begun = submit(connection, months=1)
    begin(connection, begun)
    waiting = submit(connection, months=2)
    elsewhere = submit(connection, "validate_h3_grid_health")
    assert ledger.purge(connection, "ingestion", "me") == 1
    states = [ledger.get(connection, run_id).state for run_id in (begun, waiting, elsewhere)]
    assert states == ["started", "cancelled", "waiting"]


def test_runs_of_long_ago_are_forgotten_with_their_attempts(connection: Connection) -> None:
    old, new = submit(connection, months=1), submit(connection, months=2)
    for run_id in (old, new):
        attempts.finish(connection, begin(connection, run_id), {}, [])
    with connection.begin():
        connection.execute(
            update(Run).where(Run.id == old).values(ended_at=text("clock_timestamp() - interval '366 days'"))
        )
    assert ledger.forget(connection, dt.timedelta(days=365), most=0) == 0
    assert ledger.forget(connection, dt.timedelta(days=365)) == 1
    assert [run.id for run in ledger.latest(connection, 10)] == [new]
    with pytest.raises(UnknownRun, match=old):
        ledger.get(connection, old)
