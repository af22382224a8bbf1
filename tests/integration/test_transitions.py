"""Every change of a run x every state that it must refuse: refused, it says so and leaves the rows as they were."""

import dataclasses
import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from jobs import catalogue
from jobs.models.runs import OPEN_STATES, STATES
from tests import jobs_for_tests  # noqa: F401 - enters its jobs into the catalogue
from worker import attempts, claim, follow_ups, ledger, occurrences, sweep, transport
from worker.attempts import Claimed
from worker.errors import ClaimLost, WrongState
from worker.ledger import Requester
from worker.settings import Settings

ME = Requester("python", "a test")
AN_HOUR = dt.timedelta(hours=1)
ENDED = tuple(state for state in STATES if state not in OPEN_STATES)
NOT_BEGUN = ("waiting", "queued")
# How the last attempt of a run in that state ended; none while it is at work.
OUTCOMES = {"waiting": "failed", "queued": "lost", "finished": "finished", "failed": "failed", "cancelled": "cancelled"}


def put(connection: Connection, state: str, but: str = "attempt = 1") -> str:
    """A run in that state after its first attempt, due for an hour, and ended for an hour where it has ended."""
    run_id = ledger.submit(connection, catalogue.find("do_nothing"), {}, ME).run_id
    with connection.begin():
        connection.execute(
            text(
                """
                UPDATE runs SET state = :state, due_at = now() - interval '1 hour', pushed_at = now(), pushes = 1,
                    failures = 1, losses = 1, unclaimed_pushes = :unclaimed, stops = 1, checkpoint = '{"step": 1}',
                    started_at = now(), ended_at = CASE WHEN :ended THEN now() - interval '1 hour' END
                WHERE id = :id
                """
            ),
            {"state": state, "unclaimed": ledger.MAX_UNCLAIMED_PUSHES - 1, "ended": state in ENDED, "id": run_id},
        )
        connection.execute(text(f"UPDATE runs SET {but} WHERE id = :id"), {"id": run_id})
        connection.execute(
            text(
                "INSERT INTO attempts (run_id, number, worker, ended_at, outcome) "
                "VALUES (:id, 1, 'a worker', CASE WHEN :state <> 'started' THEN now() END, :outcome)"
            ),
            {"id": run_id, "state": state, "outcome": OUTCOMES.get(state)},
        )
    return run_id


def rows(connection: Connection, run_id: str) -> Any:
    """The run and its attempts, byte for byte."""
    query = text(
        "SELECT runs::text, array(SELECT attempts::text FROM attempts WHERE run_id = id ORDER BY number) "
        "FROM runs WHERE id = :id"
    )
    with connection.begin():
        return connection.execute(query, {"id": run_id}).one_or_none()


def the(run_id: str, attempt: int = 1) -> Claimed:
    """What the work-horse of that attempt holds in its hands."""
    return Claimed(run_id, "do_nothing", "cache", {"number": 0}, attempt, {})


def settle_lost(connection: Connection, run_id: str) -> None:
    """With what was read of the run while it was at work: in the meantime it may have gone on."""
    query = text("SELECT id, 1 AS attempt, cancel_requested_by FROM runs WHERE id = :id")
    with connection.begin():
        attempts.settle_lost(connection, connection.execute(query, {"id": run_id}).one())


def begin(connection: Connection, run_id: str, *, requeued: bool = False) -> Claimed | None:
    assert claim.acquire(connection, run_id)
    return attempts.claim(connection, run_id, "another worker", requeued=requeued)


@dataclass(frozen=True)
class Transition:
    """`refusal`: what it returns, or raises, from a state that it does not leave."""

    change: Callable[[Connection, str], Any]
    leaves: tuple[str, ...]
    refusal: Any


TRANSITIONS = {
    "pushed": Transition(lambda c, run: ledger.pushed(c, run, 1), NOT_BEGUN, None),
    "count_unclaimed": Transition(ledger.count_unclaimed, ("queued",), False),
    "leave_unknown": Transition(lambda c, run: ledger.leave_unknown(c, run, "do_nothing", -AN_HOUR), NOT_BEGUN, False),
    "claim": Transition(begin, OPEN_STATES, None),
    "claim after rq requeue": Transition(lambda c, run: begin(c, run, requeued=True), (*OPEN_STATES, "failed"), None),
    "checkpoint": Transition(lambda c, run: attempts.checkpoint(c, the(run), {"step": 2}), ("started",), ClaimLost),
    "finish": Transition(lambda c, run: attempts.finish(c, the(run), {"a": 1}, ["line"]), ("started",), ClaimLost),
    "finish and ask": Transition(
        lambda c, run: attempts.finish(c, the(run), {}, [], [(catalogue.find("do_nothing"), {"number": 7})]),
        ("started",),
        ClaimLost,
    ),
    "fail": Transition(lambda c, run: attempts.fail(c, the(run), "it broke", "trace", [], 1), ("started",), ClaimLost),
    "fail for good": Transition(
        lambda c, run: attempts.fail(c, the(run), "it broke", "trace", [], None), ("started",), ClaimLost
    ),
    "hand_back": Transition(lambda c, run: attempts.hand_back(c, the(run), ["line"]), ("started",), ClaimLost),
    "cancelled": Transition(lambda c, run: attempts.cancelled(c, the(run), ["line"]), ("started",), ClaimLost),
    "fail_dead": Transition(lambda c, run: attempts.fail_dead(c, run, "too much memory"), ("started",), None),
    "settle_lost": Transition(settle_lost, ("started",), None),
    "settle": Transition(lambda c, _: sweep.settle(c), ("started",), 0),
    "excuse": Transition(lambda c, run: attempts.excuse(c, the(run)), ("started",), False),
    "cancel": Transition(lambda c, run: ledger.cancel(c, run, "me"), OPEN_STATES, WrongState),
    "retry": Transition(ledger.retry, ("failed", "cancelled", "skipped"), WrongState),
    "purge": Transition(lambda c, _: ledger.purge(c, "cache", "me"), NOT_BEGUN, 0),
    "forget": Transition(lambda c, _: ledger.forget(c, AN_HOUR / 2), ENDED, 0),
}


@pytest.mark.parametrize(
    ("name", "state"),
    [(name, state) for name, one in TRANSITIONS.items() for state in STATES if state not in one.leaves],
)
def test_a_transition_refuses_the_states_that_it_does_not_leave(connection: Connection, name: str, state: str) -> None:
    transition = TRANSITIONS[name]
    run_id = put(connection, state)
    before = rows(connection, run_id)
    if isinstance(transition.refusal, type):
        with pytest.raises(transition.refusal):
            transition.change(connection, run_id)
    else:
        assert transition.change(connection, run_id) == transition.refusal
    assert rows(connection, run_id) == before
    assert len(ledger.latest(connection, 2)) == 1


@pytest.mark.parametrize(
    ("name", "state"), [(name, state) for name, one in TRANSITIONS.items() for state in one.leaves]
)
def test_a_transition_takes_the_states_that_it_leaves(connection: Connection, name: str, state: str) -> None:
    run_id = put(connection, state)
    before = rows(connection, run_id)
    TRANSITIONS[name].change(connection, run_id)
    assert rows(connection, run_id) != before


OF_AN_ATTEMPT = (
    "checkpoint",
    "finish",
    "finish and ask",
    "fail",
    "fail for good",
    "hand_back",
    "cancelled",
    "settle_lost",
)


@pytest.mark.parametrize("name", OF_AN_ATTEMPT)
def test_what_an_attempt_may_do_it_may_not_once_another_has_taken_over(connection: Connection, name: str) -> None:
    run_id = put(connection, "started")
    assert begin(connection, run_id) is not None
    before = rows(connection, run_id)
    if TRANSITIONS[name].refusal is None:
        TRANSITIONS[name].change(connection, run_id)
    else:
        with pytest.raises(TRANSITIONS[name].refusal):
            TRANSITIONS[name].change(connection, run_id)
    assert rows(connection, run_id) == before


@pytest.mark.parametrize("state", [state for state in STATES if state != "started"])
def test_a_run_that_is_due_later_is_neither_pushed_nor_begun(connection: Connection, state: str) -> None:
    run_id = put(connection, state, "attempt = 1, due_at = now() + interval '1 minute'")
    before = rows(connection, run_id)
    assert ledger.pushed(connection, run_id, 1) is None
    assert begin(connection, run_id) is None
    assert rows(connection, run_id) == before


@pytest.mark.parametrize("state", STATES)
def test_the_sweep_leaves_a_run_that_it_can_do_nothing_for(
    settings: Settings, connection: Connection, engine: Engine, state: str
) -> None:
    run_id = put(connection, state)
    before = rows(connection, run_id)
    with engine.connect() as holder:
        if state == "started":
            assert claim.acquire(holder, run_id)
        swept = sweep.sweep(connection, transport.connect(settings))
    assert (swept.settled, swept.pushed) == (0, int(state == "waiting"))
    assert (rows(connection, run_id) == before) is (state != "waiting")


@pytest.mark.parametrize("state", [state for state in STATES if state not in ("failed", "cancelled")])
def test_only_a_run_that_came_to_nothing_owes_follow_ups(
    settings: Settings, connection: Connection, state: str
) -> None:
    run_id = put(connection, state)
    before = rows(connection, run_id)
    assert follow_ups.ask_for_ended(settings, connection) == 0
    assert rows(connection, run_id) == before


@pytest.mark.parametrize("state", ["failed", "cancelled"])
@pytest.mark.parametrize("but", ["attempt = 0", "attempt = 1, followed_up = true"])
def test_a_run_that_never_began_or_has_asked_owes_none(
    settings: Settings, connection: Connection, state: str, but: str
) -> None:
    run_id = put(connection, state, but)
    before = rows(connection, run_id)
    follow_ups.ask_for_ended(settings, connection)
    assert rows(connection, run_id) == before


def test_a_killed_work_horse_of_a_run_that_is_being_cancelled_does_not_fail_it(connection: Connection) -> None:
    run_id = put(connection, "started", "attempt = 1, cancel_requested_by = 'me'")
    before = rows(connection, run_id)
    attempts.fail_dead(connection, run_id, "too much memory")
    assert rows(connection, run_id) == before


@pytest.mark.parametrize("state", ["failed", "cancelled", "skipped"])
def test_a_retry_gives_back_every_budget_and_forgets_how_the_run_ended(connection: Connection, state: str) -> None:
    run_id = put(
        connection,
        state,
        "attempt = 7, failures = 3, losses = 10, unclaimed_pushes = 5, stops = 2, unknown_since = now(), "
        "followed_up = true, cancel_requested_by = 'me', alerted_at = now(), due_at = now() + interval '1 day'",
    )
    ledger.retry(connection, run_id)
    run = ledger.get(connection, run_id)
    assert (run.state, run.failures, run.losses, run.unclaimed_pushes) == ("waiting", 0, 0, 0)
    forgotten = (run.ended_at, run.unknown_since, run.cancel_requested_by, run.alerted_at)
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


def test_a_finish_that_comes_after_the_end_of_its_run_changes_nothing_and_asks_for_nothing(
    connection: Connection, engine: Engine
) -> None:
    run_id = put(connection, "started")
    attempts.fail_dead(connection, run_id, "too much memory")
    before = rows(connection, run_id)
    with engine.connect() as late, pytest.raises(ClaimLost):
        attempts.finish(late, the(run_id), {}, [], [(catalogue.find("do_nothing"), {"number": 7})])
    assert rows(connection, run_id) == before
    assert [run.id for run in ledger.latest(connection, 10)] == [run_id]


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


@pytest.mark.parametrize(("end", "factor"), [(0, 0.5), (1, 1.5)])
def test_a_delay_is_half_to_one_and_a_half_times_as_long_and_never_longer_than_of_an_hour(
    monkeypatch: pytest.MonkeyPatch, end: int, factor: float
) -> None:
    monkeypatch.setattr(attempts.random, "uniform", lambda *bounds: bounds[end])
    assert attempts._jittered(10) == 10 * factor
    assert attempts._jittered(1e6) == attempts.LONGEST_RETRY_DELAY_S * factor


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
