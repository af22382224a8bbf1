"""Who is alive is known within seconds, in both directions."""

import datetime as dt
import os
import signal
import time
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import Engine

from tests.processes import children, kill, safegrid, until
from worker import liveness, transport
from worker.scheduler import SafegridScheduler
from worker.settings import Settings

pytestmark = pytest.mark.long


def idle(queues: Redis) -> list[liveness.WorkerState]:
    return [worker for worker in liveness.workers(queues) if worker.state == "idle"]


def test_a_worker_that_is_killed_stops_counting_and_one_whose_key_is_lost_comes_back(
    settings: Settings, tmp_path: Path
) -> None:
    with transport.connect(settings) as queues, safegrid(settings, "worker", "cache", log=tmp_path / "log") as process:
        (worker,) = until(lambda: idle(queues), "the worker is there")
        assert worker.queues == ("cache",)
        queues.flushall()
        assert liveness.workers(queues) == []
        (again,) = until(lambda: idle(queues), "it is there again")
        assert (again.name, again.queues, again.pid) == (worker.name, ("cache",), worker.pid)
        os.kill(process.pid, signal.SIGSTOP)
        for child in children(process.pid):
            kill(child)
        began = time.monotonic()
        until(lambda: not liveness.workers(queues), "it no longer counts")
        assert time.monotonic() - began < liveness.ALIVE_S + 3
        os.kill(process.pid, signal.SIGKILL)


def test_a_scheduler_that_is_killed_stops_counting_and_one_whose_key_is_lost_comes_back(
    settings: Settings, tmp_path: Path
) -> None:
    with transport.connect(settings) as queues, safegrid(settings, "scheduler", log=tmp_path / "log") as process:
        until(lambda: liveness.schedulers(queues) == 1, "the scheduler is there")
        queues.flushall()
        assert liveness.schedulers(queues) == 0
        until(lambda: liveness.schedulers(queues) == 1, "it is there again")
        os.kill(process.pid, signal.SIGKILL)
        began = time.monotonic()
        until(lambda: liveness.schedulers(queues) == 0, "it no longer counts")
        assert time.monotonic() - began < liveness.ALIVE_S + 3


def test_a_worker_that_was_not_heard_of_for_a_while_does_not_count(settings: Settings) -> None:
    with transport.connect(settings) as queues:
        _register(queues, dt.timedelta(seconds=liveness.ALIVE_S - 5))
        assert len(liveness.workers(queues)) == 1
        _register(queues, dt.timedelta(seconds=liveness.ALIVE_S + 5))
        assert liveness.workers(queues) == []
        assert queues.exists("rq:worker:one")


def _register(queues: Redis, silent_for: dt.timedelta) -> None:
    heard = (dt.datetime.now(dt.UTC) - silent_for).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    queues.hset("rq:worker:one", mapping={"birth": heard, "last_heartbeat": heard, "queues": "cache", "pid": 1})
    queues.sadd("rq:workers", "rq:worker:one")


def test_a_scheduler_without_a_key_registers_itself_at_its_next_heartbeat(settings: Settings, engine: Engine) -> None:
    with transport.connect(settings) as queues:
        scheduler = SafegridScheduler(engine, connection=queues)
        scheduler.heartbeat()
        assert liveness.schedulers(queues) == 1
        queues.flushall()
        scheduler.heartbeat()
        assert liveness.schedulers(queues) == 1
