"""Queues without workers, waits, sweeps, schedulers and clocks."""

import datetime as dt
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import rq_scheduler.scheduler
from redis import Redis
from rq import Worker
from rq.serializers import JSONSerializer
from sqlalchemy import Connection, Engine

from jobs import catalogue, database
from tests.integration.crimes import change, rows
from tests.integration.findings.looking import Looker
from tests.integration.transitions import put
from tests.processes import REQUESTER, safegrid, until
from worker import ledger, liveness, pulses, transport
from worker.rq import SafegridWorker
from worker.scheduler import SafegridScheduler
from worker.settings import Settings


@contextmanager
def working(queues: Redis, *names: str) -> Iterator[None]:
    """A worker of each of these queues is there."""
    with ExitStack() as gone:
        for name in names:
            worker = Worker([name], connection=queues, serializer=JSONSerializer)
            worker.register_birth()
            gone.callback(worker.register_death)
        yield


@pytest.fixture
def queues(settings: Settings) -> Iterator[Redis]:
    with transport.connect(settings) as redis:
        yield redis


def test_queues_without_workers_are_named(connection: Connection, looker: Looker, queues: Redis) -> None:
    ledger.submit(connection, catalogue.find("cleanup-history"), {}, REQUESTER)
    assert looker.of("no_workers")["all"].cause == "No worker is running; 1 run waiting."
    with working(queues, "ingestion"):
        found = looker.of("no_workers")
        assert {name: one.severity for name, one in found.items()} == {"maintenance": "critical", "cache": "warning"}
    with working(queues, *catalogue.queues()):
        assert not looker.of("no_workers")


def test_workers_whose_keys_were_lost_are_not_missed_while_they_register_again(
    connection: Connection, looker: Looker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After FLUSHALL, or a Redis that came back empty."""
    pulses.beat(connection, "sweep")
    assert not looker.of("no_workers")
    now, later = database.now, dt.timedelta(seconds=liveness.ALIVE_S + 1)
    monkeypatch.setattr(database, "now", lambda connection: now(connection) + later)
    assert list(looker.of("no_workers")) == ["all"]
    monkeypatch.undo()
    change(connection, "UPDATE pulses SET beat_at = beat_at - interval '1 min'")
    change(connection, "UPDATE finding_looks SET facts = '{}'")
    assert list(looker.of("no_workers")) == ["all"]


def test_a_wait_that_is_far_from_usual_is_named(connection: Connection, looker: Looker, queues: Redis) -> None:
    put(connection, "queued", "started_at = NULL")
    with working(queues, *catalogue.queues()):
        assert "has waited for 60 min although workers are idle" in looker.of("long_wait")["cache"].cause
        put(connection, "started", "attempt = 2", number=1)
        assert looker.of("long_wait")["cache"].severity == "warning"
        # Where it always takes so long.
        put(connection, "finished", "attempt = 1, started_at = due_at + interval '50 minutes'", number=2)
        assert not looker.of("long_wait")
        change(connection, "DELETE FROM runs WHERE state = 'finished'")
        assert looker.of("long_wait")
        change(connection, "UPDATE runs SET due_at = now() WHERE state = 'queued'")
        assert not looker.of("long_wait")


def test_a_sweep_that_stands_still_is_named(connection: Connection, looker: Looker, queues: Redis) -> None:
    pulses.beat(connection, "sweep")
    with working(queues, *catalogue.queues()):
        assert not looker.of("sweep_stuck")
        change(connection, "UPDATE pulses SET beat_at = beat_at - interval '90 s'")
        assert re.search(r"\b9\d s ago", looker.of("sweep_stuck")["sweep"].cause)
        pulses.beat(connection, "sweep")
        assert not looker.of("sweep_stuck")


def test_a_scheduler_that_enters_nothing_is_named(
    connection: Connection, engine: Engine, looker: Looker, queues: Redis
) -> None:
    assert list(looker.of("no_scheduler")) == ["scheduler"]
    scheduler = SafegridScheduler(engine, connection=queues)
    scheduler.heartbeat()
    scheduler.enqueue_jobs()
    assert not looker.of("no_scheduler")
    assert not looker.of("scheduler_stuck")
    change(connection, "UPDATE pulses SET beat_at = beat_at - interval '90 s'")
    assert re.search(r"\b9\d s ago", looker.of("scheduler_stuck")["scheduler"].cause)
    scheduler.enqueue_jobs()
    assert not looker.of("scheduler_stuck")


def test_a_scheduler_that_goes_round_is_there_though_its_key_is_not(connection: Connection, looker: Looker) -> None:
    pulses.beat(connection, "scheduler")
    assert not looker.of("no_scheduler")


def test_a_clock_that_is_set_back_does_not_put_the_scheduler_to_sleep(
    engine: Engine, queues: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """rq-scheduler slept until the wall clock was where it had been."""
    slept: list[float] = []
    clock = [time.time()]

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        raise KeyboardInterrupt

    fake = SimpleNamespace(time=lambda: clock[0], sleep=sleep, monotonic=time.monotonic)
    monkeypatch.setattr(rq_scheduler.scheduler, "time", fake)
    monkeypatch.setattr("worker.scheduler.time", fake)
    scheduler = SafegridScheduler(engine, connection=queues)

    def tick() -> list[Any]:
        clock[0] -= 10 * 3600
        return []

    monkeypatch.setattr(scheduler, "enqueue_jobs", tick)
    monkeypatch.setattr(scheduler, "_install_signal_handlers", lambda: None)
    with pytest.raises(KeyboardInterrupt):
        scheduler.run()
    assert slept == [5]


@pytest.mark.long
def test_a_scheduler_that_was_stopped_for_a_while_is_there_again(
    settings: Settings, looker: Looker, queues: Redis, tmp_path: Path
) -> None:
    queues.set("rq:scheduler_lock", "of one that is gone")
    with safegrid(settings, "scheduler", log=tmp_path / "log") as process:
        until(lambda: liveness.schedulers(queues) and not looker.of("no_scheduler"), "the scheduler is there")
        os.kill(process.pid, signal.SIGSTOP)
        until(lambda: looker.of("no_scheduler"), "it is missed")
        os.kill(process.pid, signal.SIGCONT)
        until(lambda: liveness.schedulers(queues) == 1 and not looker.of("no_scheduler"), "it is there again")


@pytest.mark.parametrize(("seconds", "way"), [(40, "ahead of"), (-40, "behind")])
def test_a_host_whose_clock_is_wrong_is_named(
    connection: Connection, looker: Looker, monkeypatch: pytest.MonkeyPatch, seconds: int, way: str
) -> None:
    pulses.beat(connection, "sweep")
    assert not looker.of("clock_skew")
    now = time.time()
    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: now + seconds)
        pulses.beat(connection, "sweep")
    (found,) = looker.of("clock_skew").values()
    assert f"s {way} PostgreSQL's" in found.cause
    pulses.beat(connection, "sweep")
    assert not looker.of("clock_skew")


@pytest.mark.parametrize("seconds", [600, -600])
def test_a_worker_on_a_host_whose_clock_is_wrong_is_there_and_its_clock_is_named(
    looker: Looker, queues: Redis, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    worker = SafegridWorker(["cache"], connection=queues)
    now = time.time()
    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: now + seconds)
        patched.setattr("rq.worker.base.now", lambda: dt.datetime.fromtimestamp(now + seconds, dt.UTC))
        worker.register_birth()
        worker.heartbeat()
        (state,) = liveness.workers(queues)
        (found,) = looker.of("clock_skew")
    assert found == state.host
    assert state.heard_s < liveness.ALIVE_S
    worker.heartbeat()
    assert not looker.of("clock_skew")
    queues.hset(worker.key, "safegrid_heard", str(now - 2 * liveness.ALIVE_S))
    assert not liveness.workers(queues)


def test_a_redis_whose_clock_is_wrong_is_named(looker: Looker, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(liveness, "clock", lambda redis: time.time() + 90)
        assert "90 s ahead of" in looker.of("clock_skew")["Redis (queues)"].cause
    assert not looker.of("clock_skew")


@pytest.mark.parametrize(("there", "seconds"), [(100, 0), (104, 0), (108, 0), (60, 40), (150, -42)])
def test_a_slow_reply_makes_no_clock_wrong(there: float, seconds: float) -> None:
    times = iter([100.0, 108.0])
    assert liveness.apart(lambda: next(times), lambda: there) == seconds


class _Tomorrow(dt.datetime):
    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> "_Tomorrow":
        return cls.fromtimestamp(time.time() + 25 * 3600, tz)


def test_a_host_whose_clock_is_before_the_others_enters_nothing_early(
    connection: Connection, engine: Engine, queues: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = SafegridScheduler(engine, connection=queues)
    scheduler.enqueue_jobs()
    monkeypatch.setattr("worker.scheduler.dt", SimpleNamespace(datetime=_Tomorrow, UTC=dt.UTC), raising=False)
    scheduler.enqueue_jobs()
    assert rows(connection, "SELECT count(*) FROM runs WHERE occurrence IS NOT NULL") == [(0,)]
