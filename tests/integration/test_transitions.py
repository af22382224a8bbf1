"""Every change of a run x every state that it must refuse: refused, it says so and leaves the rows as they were."""

import pytest
from sqlalchemy import Connection, Engine

from jobs import catalogue
from jobs.models.runs import STATES
from tests.integration.transitions import TRANSITIONS, begin, put, rows, the
from worker import attempts, claim, follow_ups, ledger, sweep, transport
from worker.errors import ClaimLost
from worker.settings import Settings


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
