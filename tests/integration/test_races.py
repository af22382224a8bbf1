"""Two at once, really: the first is held open in its transaction until the second has come as far as it can."""

import dataclasses
import datetime as dt
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from jobs import catalogue
from jobs.catalogue import Job
from tests import jobs_for_tests  # noqa: F401 - enters its jobs into the catalogue
from tests.processes import until
from worker import attempts, claim, ledger, occurrences, sweep
from worker.ledger import Requester

ME = Requester("python", "a test")
JOB = catalogue.find("do_nothing")
JOINS = catalogue.find("validate_h3_grid_health")
CHECKED = JOB.validate({})


@pytest.fixture
def first(engine: Engine) -> Iterator[Connection]:
    """The connection of the one who comes first."""
    with engine.connect() as connection:
        yield connection


@contextmanager
def meanwhile(engine: Engine, second: Callable[[Connection], Any], waiting: int = 1) -> Iterator["Future[Any]"]:
    """`second` in a thread and a connection of its own; it waits for a lock, or is through, when the block goes on.

    waiting: how many wait then.
    """

    def work() -> Any:
        with engine.connect() as connection:
            return second(connection)

    with ThreadPoolExecutor(1) as threads:
        future = threads.submit(work)
        until(lambda: future.done() or waits(engine, waiting), "the second waits or is through")
        yield future


def waits(engine: Engine, count: int = 1) -> bool:
    """Whether so many wait for a lock of somebody else."""
    with engine.connect() as connection:
        query = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()"
        return bool(connection.scalar(text(query)) == count)


def queued(connection: Connection, job: Job = JOB, **parameters: Any) -> str:
    run_id = ledger.submit(connection, job, parameters, ME).run_id
    ledger.pushed(connection, run_id, 0)
    return run_id


def twins(connection: Connection) -> tuple[str, str]:
    """Two equal runs that wait: the first was cancelled, and retried when there was a second."""
    one = queued(connection)
    ledger.cancel(connection, one, "me")
    other = queued(connection)
    ledger.retry(connection, one)
    return one, other


def begin(connection: Connection, run_id: str) -> attempts.Claimed | None:
    assert claim.acquire(connection, run_id)
    return attempts.claim(connection, run_id, "another worker")


def test_two_equal_requests_at_once_are_one_run(engine: Engine, first: Connection) -> None:
    with first.begin():
        entered = ledger.enter(first, JOB, CHECKED, ME, None)
        with meanwhile(engine, lambda second: ledger.submit(second, JOB, {}, ME)) as submission:
            first.get_transaction().commit()
            assert submission.result() == ledger.Submission(entered.run_id, is_new=False)
    assert len(ledger.latest(first, 10)) == 1


def test_two_different_requests_at_once_do_not_wait_for_each_other(engine: Engine, first: Connection) -> None:
    with first.begin():
        ledger.enter(first, JOB, CHECKED, ME, None)
        with meanwhile(engine, lambda second: ledger.submit(second, JOB, {"number": 2}, ME)) as submission:
            assert submission.result(10).is_new


# PostgreSQL returns the parameters of the second in another order than that in which they are declared.
@pytest.mark.parametrize("job", [JOB, catalogue.find("rebuild_safety_grid")], ids=lambda job: job.name)
def test_a_request_while_an_equal_run_is_being_begun_waits_behind_it(
    engine: Engine, first: Connection, job: Job
) -> None:
    run_id = queued(first, job)
    assert claim.acquire(first, run_id)
    with first.begin():
        assert attempts._claim(first, run_id, "a worker") is not None
        with meanwhile(engine, lambda second: ledger.submit(second, job, {}, ME)) as submission:
            first.get_transaction().commit()
            assert submission.result().is_new
    assert ledger.get(first, submission.result().run_id).state == "waiting"


def test_two_equal_runs_begun_at_once_are_done_one_after_the_other(engine: Engine, first: Connection) -> None:
    one, other = twins(first)
    assert claim.acquire(first, one)
    with first.begin():
        assert attempts._claim(first, one, "a worker") is not None
        with meanwhile(engine, lambda second: begin(second, other)) as second_claim:
            first.get_transaction().commit()
            assert second_claim.result() is None
    assert [ledger.get(first, run_id).state for run_id in (one, other)] == ["started", "waiting"]


@pytest.mark.parametrize("older_begins", [True, False])
def test_a_run_waits_behind_any_equal_run_at_work(engine: Engine, first: Connection, older_begins: bool) -> None:
    """Also behind one that was asked for later, and behind no run of other parameters or of another job."""
    ahead, behind = twins(first) if older_begins else reversed(twins(first))
    different = queued(first, number=2), queued(first, catalogue.find("lead"), number=0)
    assert begin(first, ahead) is not None
    with engine.connect() as second:
        assert begin(second, behind) is None
        assert ledger.get(second, behind).state == "waiting"
        for run_id in different:
            assert begin(second, run_id) is not None


def test_a_cancel_that_comes_while_a_lost_attempt_is_being_settled_is_final(
    engine: Engine, first: Connection, connection: Connection
) -> None:
    """The next work-horse has read the run and settles its lost attempt; the cancel comes in between."""
    run_id = queued(connection)
    with engine.connect() as dead:
        assert begin(dead, run_id) is not None
    until(lambda: claim.acquire(first, run_id), "the run is free")
    # The one who claims comes as far as the twins' lock.
    with connection.begin():
        ledger.lock_twins(connection, JOB.name, CHECKED)
        with ThreadPoolExecutor(2) as threads:
            claimed = threads.submit(attempts.claim, first, run_id, "another worker")
            until(lambda: claimed.done() or waits(engine), "the claim waits")
            with engine.connect() as other:
                cancelled = threads.submit(ledger.cancel, other, run_id, "me")
                until(lambda: cancelled.done() or waits(engine, 2), "the cancel is through or waits")
                was_first = cancelled.done()
                connection.get_transaction().commit()
                begun = claimed.result()
                assert cancelled.result() == "started"
    # It waited for the claim, whose attempt will hear of it; or it was first, and nothing is begun after it.
    run = ledger.get(connection, run_id)
    assert (run.state, run.cancel_requested_by) == ("started" if begun else "cancelled", "me")
    assert begun is None or not was_first


SETTLE: dict[str, Callable[[Connection, attempts.Claimed], Any]] = {
    "sweep": lambda connection, _: sweep.settle(connection),
    "its work-horse": attempts.excuse,
}


@pytest.mark.parametrize("who", SETTLE)
def test_a_cancel_that_comes_while_somebody_else_settles_is_final(
    engine: Engine, first: Connection, connection: Connection, who: str
) -> None:
    """They have read the run, and come as far as the row of its attempt."""
    run_id = queued(connection)
    with engine.connect() as dead:
        claimed = begin(dead, run_id)
        assert claimed is not None
    until(lambda: is_free(connection, run_id), "the run is free")
    with first.begin():
        first.execute(text("SELECT FROM attempts FOR UPDATE"))
        with (
            meanwhile(engine, lambda second: SETTLE[who](second, claimed)) as settled,
            meanwhile(engine, lambda third: ledger.cancel(third, run_id, "me"), waiting=2) as cancelled,
        ):
            first.get_transaction().commit()
            assert settled.result()
            cancelled.result()
    assert ledger.get(connection, run_id).state == "cancelled"


def is_free(connection: Connection, run_id: str) -> bool:
    with connection.begin():
        return claim.is_free(connection, run_id)


def test_of_two_sweeps_one_settles_a_lost_attempt(engine: Engine, first: Connection) -> None:
    run_id = queued(first)
    with engine.connect() as dead:
        assert begin(dead, run_id) is not None
    with first.begin():
        # As far as another sweep comes before it commits.
        first.execute(text("SELECT FROM runs WHERE id = :id FOR UPDATE"), {"id": run_id})
        with meanwhile(engine, sweep.settle) as settled:
            assert settled.result(10) == 0
    until(lambda: sweep.settle(first), "the attempt is settled")
    assert ledger.get(first, run_id).losses == 1


def test_a_supervisor_waits_three_seconds_for_the_row_of_a_run_whose_work_horse_it_kills(
    engine: Engine, first: Connection
) -> None:
    """The work-horse may hold it, and be stuck."""
    run_id = queued(first)
    assert begin(first, run_id) is not None
    with first.begin():
        first.execute(text("SELECT FROM runs WHERE id = :id FOR UPDATE"), {"id": run_id})
        with meanwhile(engine, lambda second: attempts.fail_dead(second, run_id, "too much memory")) as failed:
            began = time.monotonic()
            with pytest.raises(OperationalError, match="lock timeout"):
                failed.result(20)
            assert time.monotonic() - began < 10
            first.get_transaction().commit()
    assert ledger.get(first, run_id).state == "started"


def test_an_attempt_that_ends_while_it_is_being_excused_is_excused_of_nothing(
    engine: Engine, first: Connection
) -> None:
    """Its row is read when the other is through: it waits for the end."""
    run_id = queued(first)
    claimed = begin(first, run_id)
    assert claimed is not None
    with first.begin():
        attempts._finish(first, claimed, {}, [])
        with meanwhile(engine, lambda second: attempts.excuse(second, claimed)) as excused:
            first.get_transaction().commit()
            assert excused.result() is False
    assert ledger.get(first, run_id).state == "finished"


def test_of_two_who_store_a_cadence_the_first_does(engine: Engine, first: Connection) -> None:
    noon = dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC)
    with first.begin():
        first.execute(text("INSERT INTO cadences VALUES (:job, '0 * * * *', :noon)"), {"job": JOB.name, "noon": noon})
        with meanwhile(engine, lambda second: occurrences._add(second, JOB.name, "0 0 * * *", noon)) as second:
            first.get_transaction().commit()
            second.result()
    assert occurrences.schedule(first) == {JOB.name: noon}


def test_of_two_who_take_an_occurrence_one_enters_it(engine: Engine, first: Connection) -> None:
    noon = dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC)
    hourly = dataclasses.replace(JOB, cron="0 * * * *")
    occurrences.reconcile(first, {JOB.name: hourly}, noon - dt.timedelta(minutes=30))
    with first.begin():
        first.execute(text("SELECT FROM cadences FOR UPDATE"))
        with (
            meanwhile(engine, lambda second: occurrences.take(second, hourly, noon)) as second,
            meanwhile(engine, lambda third: occurrences.take(third, hourly, noon), waiting=2) as third,
        ):
            first.get_transaction().commit()
            assert sorted(len(one.result()) for one in (second, third)) == [0, 1]
    assert len(ledger.latest(first, 10)) == 1
