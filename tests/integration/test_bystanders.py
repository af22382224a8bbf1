"""What is done to one run, one attempt or one cadence leaves every other as it was, be it at the same point."""

import pytest
from sqlalchemy import Connection, Engine, text

from jobs.models.runs import OPEN_STATES
from tests.integration.transitions import TRANSITIONS, begin, put, rows, settle_lost, the
from tests.processes import until
from worker import attempts, claim, follow_ups, ledger, pauses, sweep
from worker.settings import Settings

OF_EVERY_RUN = ("settle", "purge", "forget")
SECOND = "INSERT INTO attempts (run_id, number, worker) SELECT id, 2, 'a worker' FROM runs"
SILENT = f"UPDATE attempts SET started_at = now() - interval '{sweep.SILENT_S + 10} seconds'"


def change(connection: Connection, statement: str) -> None:
    with connection.begin():
        connection.execute(text(statement))


@pytest.mark.parametrize(
    ("name", "state"),
    [(name, state) for name, one in TRANSITIONS.items() for state in one.leaves if name not in OF_EVERY_RUN],
)
def test_a_change_of_one_run_leaves_another_in_the_same_state(connection: Connection, name: str, state: str) -> None:
    run_id, other = put(connection, state), put(connection, state, number=1)
    before = rows(connection, other)
    TRANSITIONS[name].change(connection, run_id)
    assert rows(connection, other) == before


@pytest.mark.parametrize("state", OPEN_STATES)
def test_a_run_that_has_to_wait_leaves_another_in_the_same_state(connection: Connection, state: str) -> None:
    run_id, other = put(connection, state), put(connection, state, number=1)
    pauses.pause(connection, "queue", "cache", "me")
    before = rows(connection, other)
    assert begin(connection, run_id) is None
    assert rows(connection, other) == before
    run = ledger.get(connection, run_id)
    assert (run.state, run.unclaimed_pushes) == ("waiting", 0 if state == "queued" else 4)


def test_a_purge_leaves_the_runs_of_another_queue(connection: Connection) -> None:
    run_id = put(connection, "waiting")
    before = rows(connection, run_id)
    assert ledger.purge(connection, "maintenance", "me") == 0
    assert rows(connection, run_id) == before


def test_an_excuse_leaves_other_attempts_and_other_runs(connection: Connection) -> None:
    run_id, other = put(connection, "started"), put(connection, "started", number=1)
    for one in (run_id, other):
        settle_lost(connection, one)
    change(
        connection,
        "INSERT INTO attempts (run_id, number, worker, ended_at, outcome, error) "
        "SELECT run_id, 2, worker, ended_at, outcome, error FROM attempts",
    )
    before = rows(connection, other)
    assert attempts.excuse(connection, the(run_id))
    assert rows(connection, other) == before
    assert [one.error for one in attempts.of(connection, run_id)] == [attempts._CUT, attempts._DIED]


def test_an_excuse_asks_for_its_own_attempt_alone(connection: Connection) -> None:
    """Another run was silent at the attempt of the same number, and this one at its attempt before."""
    put(connection, "started", "attempt = 2", number=1)
    change(connection, SECOND)
    run_id = put(connection, "started", "attempt = 2")
    change(connection, "UPDATE attempts SET error = 'silent'")
    change(connection, f"INSERT INTO attempts (run_id, number, worker) VALUES ('{run_id}', 2, 'a worker')")
    assert attempts.excuse(connection, the(run_id, attempt=2))


def test_a_claim_is_taken_from_the_silent_alone(connection: Connection, engine: Engine) -> None:
    """Another run is at work at the attempt of the same number, and there was one before."""
    silent, other = put(connection, "started", "attempt = 2"), put(connection, "started", "attempt = 2", number=1)
    change(connection, SECOND)
    change(connection, f"{SILENT} WHERE run_id = '{silent}' AND number = 2")
    before = rows(connection, other)
    with engine.connect() as frozen, engine.connect() as alive:
        assert claim.acquire(frozen, silent)
        assert claim.acquire(alive, other)
        assert sweep.settle(connection) == 0
        assert [claim.is_held(one) for one in (frozen, alive)] == [False, True]
    assert rows(connection, other) == before
    first, second = attempts.of(connection, silent)
    assert (first.error, second.error.partition(":")[0]) == (None, "The work-horse sent no heartbeat for 50 s")


def test_a_claim_is_kept_while_only_others_are_silent(connection: Connection, engine: Engine) -> None:
    """Another run is at its attempt of the same number, and this one was so at its attempt before."""
    alive, silent = put(connection, "started", "attempt = 2"), put(connection, "started", "attempt = 2", number=1)
    change(connection, SECOND)
    change(connection, f"{SILENT} WHERE NOT (run_id = '{alive}' AND number = 2)")
    with engine.connect() as holder, engine.connect() as frozen:
        assert claim.acquire(holder, alive)
        assert claim.acquire(frozen, silent)
        sweep.settle(connection)
        assert [claim.is_held(one) for one in (holder, frozen)] == [True, False]


def test_only_the_session_that_holds_a_claim_is_ended(
    connection: Connection, administration: Connection, engine: Engine
) -> None:
    """Not one that holds the same number in another database, or as two halves."""
    key = connection.scalar(text("SELECT hashtextextended('safegrid:run:a-run', 0)"))
    connection.rollback()
    halves = {"high": key >> 32, "low": (key & 0xFFFFFFFF) - (0x100000000 if key & 0x80000000 else 0)}
    administration.execute(text("SELECT pg_advisory_lock(:key)"), {"key": key})
    with engine.connect() as holder, engine.connect() as of_two:
        of_two.execute(text("SELECT pg_advisory_lock(:high, :low)"), halves)
        of_two.commit()
        with connection.begin():
            assert claim.take_away(connection, "a-run") == 0
        assert claim.acquire(holder, "a-run")
        with connection.begin():
            assert claim.take_away(connection, "another-run") == 0
            assert claim.take_away(connection, "a-run") == 1
        until(lambda: not claim.is_held(holder), "the claim is gone")
        assert claim.is_held(of_two)
    administration.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_what_one_run_owes_is_not_taken_as_asked_by_another(
    settings: Settings, connection: Connection, state: str
) -> None:
    run_id, other = put(connection, state), put(connection, state, number=1)
    before = rows(connection, other)
    follow_ups._ask(settings, connection, ledger.get(connection, run_id))
    assert rows(connection, other) == before
    assert ledger.get(connection, run_id).followed_up
