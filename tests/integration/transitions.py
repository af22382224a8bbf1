"""Runs in every state, and every change of a run with the states that it leaves."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from jobs import catalogue
from jobs.models.runs import OPEN_STATES, STATES
from tests import jobs_for_tests  # noqa: F401 - enters its jobs into the catalogue
from worker import attempts, claim, ledger, sweep
from worker.attempts import Claimed
from worker.errors import ClaimLost, WrongState
from worker.ledger import Requester

ME = Requester("python", "a test")
AN_HOUR = dt.timedelta(hours=1)
ENDED = tuple(state for state in STATES if state not in OPEN_STATES)
NOT_BEGUN = ("waiting", "queued")
# How the last attempt of a run in that state ended; none while it is at work.
OUTCOMES = {"waiting": "failed", "queued": "lost", "finished": "finished", "failed": "failed", "cancelled": "cancelled"}


def put(connection: Connection, state: str, but: str = "attempt = 1", number: int = 0) -> str:
    """A run in that state after its first attempt, due for an hour, and ended for an hour where it has ended.

    number: its parameter; two of one number would be one run.
    """
    run_id = ledger.submit(connection, catalogue.find("do_nothing"), {"number": number}, ME).run_id
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
    "discard": Transition(lambda c, run: ledger.discard(c, run, "me"), ("failed",), WrongState),
    "retry": Transition(ledger.retry, ("failed", "cancelled", "skipped"), WrongState),
    "purge": Transition(lambda c, _: ledger.purge(c, "cache", "me"), NOT_BEGUN, 0),
    "forget": Transition(lambda c, _: ledger.forget(c, AN_HOUR / 2), ENDED, 0),
}
