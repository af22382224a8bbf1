"""Cancelled is final, at every point of a run's life, but for an explicit retry."""

from collections.abc import Callable
from typing import Any

import pytest
import redis
from sqlalchemy import Connection, Engine, text

from jobs import catalogue
from tests import jobs_for_tests  # noqa: F401 - enters its jobs into the catalogue
from tests.processes import until
from worker import attempts, claim, ledger, sweep, transport
from worker.attempts import Claimed
from worker.ledger import Requester
from worker.settings import Settings

ME = Requester("python", "a test")


def begun(connection: Connection) -> Claimed:
    run_id = ledger.submit(connection, catalogue.find("do_nothing"), {}, ME).run_id
    assert claim.acquire(connection, run_id)
    claimed = attempts.claim(connection, run_id, "a worker")
    assert claimed is not None
    return claimed


ENDS: dict[str, Callable[[Connection, Claimed], Any]] = {
    "failed": lambda connection, run: attempts.fail(connection, run, "it broke", "trace", [], 1),
    "failed for good": lambda connection, run: attempts.fail(connection, run, "it broke", "trace", [], None),
    "handed back": lambda connection, run: attempts.hand_back(connection, run, []),
    "heard of it": lambda connection, run: attempts.cancelled(connection, run, []),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_run_that_was_cancelled_at_work_is_cancelled_however_its_attempt_ends(
    settings: Settings, connection: Connection, end: str
) -> None:
    claimed = begun(connection)
    assert ledger.cancel(connection, claimed.run_id, "me") == "started"
    assert ENDS[end](connection, claimed) == "cancelled"
    run = ledger.get(connection, claimed.run_id)
    assert (run.state, run.cancel_requested_by) == ("cancelled", "me")
    assert run.ended_at is not None
    for _ in range(2):
        sweep.sweep(connection, transport.connect(settings))
        assert attempts.claim(connection, claimed.run_id, "another worker") is None
        assert attempts.claim(connection, claimed.run_id, "by rq requeue", requeued=True) is None
    assert ledger.get(connection, claimed.run_id).state == "cancelled"


@pytest.mark.parametrize("end", ["failed", "failed for good", "handed back"])
def test_without_a_cancel_the_same_ends_are_none(connection: Connection, end: str) -> None:
    claimed = begun(connection)
    ENDS[end](connection, claimed)
    assert ledger.get(connection, claimed.run_id).state == ("failed" if end == "failed for good" else "waiting")


def test_a_run_between_two_attempts_is_cancelled_at_once(connection: Connection) -> None:
    claimed = begun(connection)
    attempts.fail(connection, claimed, "it broke", "", [], 0)
    assert ledger.cancel(connection, claimed.run_id, "me") == "cancelled"
    assert attempts.claim(connection, claimed.run_id, "a worker") is None


def test_work_that_was_done_before_the_cancel_took_is_finished(connection: Connection) -> None:
    claimed = begun(connection)
    ledger.cancel(connection, claimed.run_id, "me")
    attempts.finish(connection, claimed, {"done": True}, [])
    assert ledger.get(connection, claimed.run_id).state == "finished"


def test_a_retry_forgets_the_cancel(connection: Connection) -> None:
    claimed = begun(connection)
    ledger.cancel(connection, claimed.run_id, "me")
    attempts.hand_back(connection, claimed, [])
    ledger.retry(connection, claimed.run_id)
    again = attempts.claim(connection, claimed.run_id, "a worker")
    assert again is not None
    assert attempts.hand_back(connection, again, []) == "waiting"


def test_a_work_horse_that_is_killed_for_its_memory_stays_cancelled(connection: Connection, engine: Engine) -> None:
    with engine.connect() as other:
        claimed = begun(other)
        ledger.cancel(connection, claimed.run_id, "me")
        attempts.fail_dead(connection, claimed.run_id, "too much memory")
        assert ledger.get(connection, claimed.run_id).state == "started"
    until(lambda: sweep.settle(connection), "the attempt is settled")
    run = ledger.get(connection, claimed.run_id)
    assert (run.state, run.error) == ("cancelled", None)


def test_the_stop_is_sent_again_until_it_took(
    settings: Settings, connection: Connection, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(transport, "stop", lambda _redis, rq_id: sent.append(rq_id))
    queues: redis.Redis = transport.connect(settings)
    with engine.connect() as other:
        claimed = begun(other)
        sweep.sweep(connection, queues)
        assert sent == []
        with connection.begin():
            connection.execute(text("UPDATE runs SET pushes = 3"))
        ledger.cancel(connection, claimed.run_id, "me")
        sweep.sweep(connection, queues)
        sweep.sweep(connection, queues)
        assert sent == [transport.rq_id(claimed.run_id, 3)] * 2
        attempts.hand_back(other, claimed, [])
        sweep.sweep(connection, queues)
        assert len(sent) == 2
