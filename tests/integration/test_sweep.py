"""The sweep settles what died and pushes what is due; an error around one run reaches no other."""

import datetime as dt
from typing import Any

import pytest
import redis
from sqlalchemy import Connection, Engine, text

from jobs import catalogue
from jobs.models.runs import Run
from tests import jobs_for_tests  # noqa: F401 - enters its jobs into the catalogue
from tests.processes import until
from worker import attempts, claim, ledger, pauses, performing, transport
from worker import sweep as sweeping
from worker.attempts import Claimed
from worker.client import Client
from worker.ledger import Requester
from worker.settings import Settings
from worker.sweep import SILENT_S, sweep

ME = Requester("python", "a test")
AT_ONCE = dt.timedelta()
QUEUE = "rq:queue:cache"


@pytest.fixture
def queues(settings: Settings) -> redis.Redis:
    return transport.connect(settings)


def submit(connection: Connection, job: str = "do_nothing", **parameters: Any) -> str:
    return ledger.submit(connection, catalogue.find(job), parameters, ME).run_id


def begin(connection: Connection, run_id: str) -> Claimed:
    until(lambda: claim.acquire(connection, run_id), "the run is free")
    claimed = attempts.claim(connection, run_id, "a worker")
    assert claimed is not None
    return claimed


def change(connection: Connection, run_id: str, values: str) -> None:
    with connection.begin():
        connection.execute(text(f"UPDATE runs SET {values} WHERE id = :id"), {"id": run_id})


def state(connection: Connection, run_id: str) -> str:
    return str(ledger.get(connection, run_id).state)


def test_what_is_due_is_pushed_once(connection: Connection, queues: redis.Redis) -> None:
    run_id = submit(connection)
    assert sweep(connection, queues).pushed == 1
    assert sweep(connection, queues).pushed == 0
    assert transport.waiting_ids(queues, "cache") == {transport.rq_id(run_id, 1)}


def test_what_is_due_later_waits(connection: Connection, queues: redis.Redis) -> None:
    run_id = submit(connection)
    change(connection, run_id, "due_at = now() + interval '1 hour'")
    assert sweep(connection, queues).pushed == 0
    assert state(connection, run_id) == "waiting"


@pytest.mark.parametrize("ended", ["finished", "failed", "cancelled", "skipped"])
def test_what_has_ended_is_never_pushed_again(connection: Connection, queues: redis.Redis, ended: str) -> None:
    run_id = submit(connection)
    change(connection, run_id, f"state = '{ended}', ended_at = now()")
    assert ledger.pushed(connection, run_id, 0) is None
    assert sweep(connection, queues).pushed == 0
    assert state(connection, run_id) == ended


def test_what_is_at_work_is_not_pushed(connection: Connection, engine: Engine, queues: redis.Redis) -> None:
    with engine.connect() as other:
        claimed = begin(other, submit(connection))
        assert ledger.pushed(connection, claimed.run_id, 0) is None
        assert sweep(connection, queues) == sweep(connection, queues)
        assert state(connection, claimed.run_id) == "started"


def test_a_wiped_redis_is_filled_again_and_counts_for_no_dead_work_horse(
    connection: Connection, queues: redis.Redis
) -> None:
    run_id = submit(connection)
    for push in range(1, 2 * ledger.MAX_UNCLAIMED_PUSHES):
        assert sweep(connection, queues).pushed == 1
        assert transport.waiting_ids(queues, "cache") == {transport.rq_id(run_id, push)}
        queues.flushall()
        change(connection, run_id, "pushed_at = now() - interval '1 minute'")
    assert ledger.get(connection, run_id).unclaimed_pushes == 0


def test_a_push_that_workers_take_and_never_claim_is_given_up(connection: Connection, queues: redis.Redis) -> None:
    run_id = submit(connection)
    for _ in range(ledger.MAX_UNCLAIMED_PUSHES + 1):
        sweep(connection, queues)
        queues.delete(QUEUE)
        change(connection, run_id, "pushed_at = now() - interval '1 minute'")
    assert state(connection, run_id) == "failed"


def test_a_twin_waits_while_the_other_is_at_work_and_no_equal_run_of_another_job_does(
    connection: Connection, engine: Engine, queues: redis.Redis
) -> None:
    with engine.connect() as other:
        first = begin(other, submit(connection, number=1))
        second, different = submit(connection, number=1), submit(connection, number=2)
        assert sweep(connection, queues).pushed == 1
        assert (state(connection, second), state(connection, different)) == ("waiting", "queued")
        attempts.finish(other, first, {}, [])
    assert sweep(connection, queues).pushed == 1
    assert state(connection, second) == "queued"


def test_an_attempt_whose_claim_is_gone_is_settled_and_pushed_again(
    connection: Connection, engine: Engine, queues: redis.Redis
) -> None:
    with engine.connect() as other:
        claimed = begin(other, submit(connection))
        assert sweep(connection, queues).settled == 0
    until(lambda: sweep(connection, queues).settled, "the attempt is settled")
    assert ledger.get(connection, claimed.run_id).losses == 1
    assert state(connection, claimed.run_id) == "queued"


def test_an_unknown_job_holds_up_no_other_run(connection: Connection, queues: redis.Redis) -> None:
    unknown, known = submit(connection), submit(connection, number=2)
    change(connection, unknown, "job = 'renamed', due_at = due_at - interval '1 minute'")
    assert sweep(connection, queues).pushed == 1
    assert (state(connection, unknown), state(connection, known)) == ("waiting", "queued")
    assert ledger.get(connection, unknown).unknown_since is not None


def test_an_unknown_job_that_is_due_later_is_not_missed_yet(connection: Connection, queues: redis.Redis) -> None:
    run_id = submit(connection)
    change(connection, run_id, "job = 'renamed', due_at = now() + interval '1 hour'")
    sweep(connection, queues)
    assert ledger.get(connection, run_id).unknown_since is None


def test_an_unknown_job_fails_for_itself_when_nobody_knew_it_for_long(
    connection: Connection, queues: redis.Redis
) -> None:
    run_id = submit(connection)
    change(connection, run_id, "job = 'renamed'")
    sweep(connection, queues, dt.timedelta(minutes=15))
    assert state(connection, run_id) == "waiting"
    change(connection, run_id, "unknown_since = now() - interval '16 minutes'")
    sweep(connection, queues, dt.timedelta(minutes=15))
    run = ledger.get(connection, run_id)
    assert run.state == "failed"
    assert "No process has known the job renamed for 0:15:00: it was renamed or removed" in run.error


def test_a_worker_leaves_an_unknown_job_to_one_that_knows_it(
    settings: Settings, connection: Connection, queues: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = submit(connection)
    sweep(connection, queues)
    with monkeypatch.context() as older:
        older.setattr(catalogue, "load", dict)
        assert performing.perform(settings, run_id, "an older worker") is None
    run = ledger.get(connection, run_id)
    assert (run.state, run.attempt, run.losses, run.failures) == ("waiting", 0, 0, 0)
    assert performing.perform(settings, run_id, "a newer worker")["task"] == "do_nothing"
    assert ledger.get(connection, run_id).unknown_since is None


def test_a_retry_of_an_unknown_job_is_taken_and_waits(settings: Settings, connection: Connection) -> None:
    run_id = submit(connection)
    change(connection, run_id, "job = 'renamed', state = 'failed', ended_at = now()")
    with Client(settings) as client:
        client.retry(run_id)
    assert state(connection, run_id) == "waiting"


def test_a_run_that_postgresql_refuses_to_change_holds_up_no_other(
    connection: Connection, engine: Engine, queues: redis.Redis
) -> None:
    bad, good, lost = submit(connection), submit(connection, number=2), submit(connection, number=3)
    with engine.connect() as other:
        begin(other, lost)
    change(connection, bad, "due_at = due_at - interval '1 minute'")
    with connection.begin():
        connection.execute(
            text(
                f"""
                CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;
                CREATE TRIGGER refuse BEFORE UPDATE ON runs FOR EACH ROW WHEN (OLD.id = '{bad}')
                EXECUTE FUNCTION refuse();
                """
            )
        )
    until(lambda: sweep(connection, queues).settled or state(connection, lost) != "started", "the lost one is settled")
    assert [state(connection, run_id) for run_id in (bad, good)] == ["waiting", "queued"]


def test_a_list_that_is_none_holds_up_no_other_queue(connection: Connection, queues: redis.Redis) -> None:
    queues.set(QUEUE, "no list")
    here, there = submit(connection), submit(connection, "fail")
    assert sweep(connection, queues).pushed == 1
    assert [state(connection, run_id) for run_id in (here, there)] == ["waiting", "queued"]


def test_a_redis_that_is_away_is_said(connection: Connection, settings: Settings) -> None:
    submit(connection)
    away = transport.connect(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"}))
    with pytest.raises(redis.ConnectionError):
        sweep(connection, away)


def test_the_claim_of_a_work_horse_that_is_silent_is_taken_away(
    connection: Connection, engine: Engine, queues: redis.Redis
) -> None:
    with engine.connect() as frozen:
        claimed = begin(frozen, submit(connection))
        with connection.begin():
            connection.execute(
                text("UPDATE attempts SET started_at = now() - :age * interval '1 second'"), {"age": SILENT_S - 10}
            )
        assert sweep(connection, queues).settled == 0
        assert claim.is_held(frozen)
        with connection.begin():
            connection.execute(
                text("UPDATE attempts SET started_at = now() - :age * interval '1 second'"), {"age": SILENT_S + 10}
            )
        until(lambda: sweep(connection, queues).settled, "its claim is taken away and the attempt settled")
        assert not claim.is_held(frozen)
    assert ledger.latest(connection, 1, Run.state == "queued")[0].id == claimed.run_id


def test_a_pulse_keeps_the_claim_of_a_long_run(connection: Connection, engine: Engine, queues: redis.Redis) -> None:
    with engine.connect() as other:
        begin(other, submit(connection))
        with connection.begin():
            connection.execute(text("UPDATE attempts SET started_at = now() - interval '1 hour', beat_at = now()"))
        assert sweep(connection, queues).settled == 0
        assert claim.is_held(other)


def test_every_attempt_that_was_lost_is_settled_in_one_sweep(connection: Connection, queues: redis.Redis) -> None:
    for number in (1, 2):
        change(connection, submit(connection, number=number), "state = 'started', attempt = 1")
    swept = sweep(connection, queues)
    assert (swept.settled, swept.pushed) == (2, 2)


def test_an_attempt_that_ends_while_the_sweep_comes_to_it_is_left(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = submit(connection)
    monkeypatch.setattr(sweeping, "_started", lambda *_: [run_id])
    assert sweeping.settle(connection) == 0
    run = ledger.get(connection, run_id)
    assert (run.state, run.losses) == ("waiting", 0)


def test_what_is_on_its_list_holds_up_nothing_behind_it(connection: Connection, queues: redis.Redis) -> None:
    there, gone = submit(connection, number=1), submit(connection, number=2)
    assert sweep(connection, queues).pushed == 2
    queues.lrem(QUEUE, 0, transport.rq_id(gone, 1))
    for age, run_id in ((2, there), (1, gone)):
        change(connection, run_id, f"due_at = now() - interval '{age} hours', pushed_at = now() - interval '1 minute'")
    assert sweep(connection, queues).pushed == 1
    assert transport.waiting_ids(queues, "cache") == {transport.rq_id(there, 1), transport.rq_id(gone, 2)}


def test_a_delivery_of_what_is_not_due_is_none(connection: Connection, queues: redis.Redis) -> None:
    run_id = submit(connection)
    change(connection, run_id, "due_at = now() + interval '1 hour'")
    assert sweeping.deliver(connection, queues, catalogue.find("do_nothing"), run_id) is False
    assert transport.waiting_ids(queues, "cache") == set()


def test_an_equal_run_of_another_job_at_work_holds_up_none(
    connection: Connection, engine: Engine, queues: redis.Redis
) -> None:
    with engine.connect() as other:
        begin(other, submit(connection, "lead", number=1))
        run_id = submit(connection, number=1)
        assert sweep(connection, queues).pushed == 1
        assert state(connection, run_id) == "queued"


def test_a_paused_cadence_of_the_name_of_a_queue_holds_up_no_run(connection: Connection, queues: redis.Redis) -> None:
    run_id = submit(connection)
    pauses.pause(connection, "cadence", "cache", "me")
    assert sweep(connection, queues).pushed == 1
    begin(connection, run_id)


def test_a_paused_queue_holds_up_its_own_runs_only(connection: Connection, queues: redis.Redis) -> None:
    paused, other = submit(connection), submit(connection, "fail")
    pauses.pause(connection, "queue", "cache", "me")
    assert sweep(connection, queues).pushed == 1
    assert [state(connection, run_id) for run_id in (paused, other)] == ["waiting", "queued"]
    begin(connection, other)
