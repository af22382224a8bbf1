"""A worker goes on, whatever has become of its own hash and of the lists that it takes jobs from."""

from collections.abc import Iterator

import pytest
from redis import Redis

from worker import junk, liveness, transport
from worker.rq import SafegridWorker
from worker.settings import Settings


@pytest.fixture
def redis(settings: Settings) -> Iterator[Redis]:
    with transport.connect(settings) as redis:
        yield redis


@pytest.fixture
def worker(redis: Redis) -> SafegridWorker:
    worker = SafegridWorker(["cache"], connection=redis)
    worker.register_birth()
    return worker


def names(redis: Redis) -> list[str]:
    return [one.name for one in liveness.workers(redis)]


def test_a_worker_whose_hash_was_lost_and_half_written_again_registers_itself(
    redis: Redis, worker: SafegridWorker
) -> None:
    redis.flushall()
    worker.set_state("idle")
    worker.heartbeat()
    assert names(redis) == [worker.name]


@pytest.mark.parametrize("key", ["rq:queue:cache", "rq:queue:cache:intermediate", "of the worker"])
def test_a_key_of_another_type_ends_no_worker(redis: Redis, worker: SafegridWorker, key: str) -> None:
    redis.set(worker.key if key == "of the worker" else key, b"\xff")
    assert worker.dequeue_job_and_maintain_ttl(None) is None
    assert names(redis) == [worker.name]


@pytest.mark.parametrize("entry", [b"a:b:c", b"no execution", b"job", b"\xff\xfe"])
def test_what_is_no_job_at_work_is_dropped_and_ends_no_worker(
    redis: Redis, worker: SafegridWorker, entry: bytes
) -> None:
    redis.zadd("rq:wip:cache", {entry: 1, b"job:execution": 2**40})
    redis.lpush("rq:queue:cache:intermediate", b"\xff")
    worker.run_maintenance_tasks()
    junk.drop(redis, ["cache"])
    assert redis.zrange("rq:wip:cache", 0, -1) == [b"job:execution"]
    assert redis.llen("rq:queue:cache:intermediate") == 0


def test_a_worker_leaves_without_redis(settings: Settings) -> None:
    worker = SafegridWorker(["cache"], connection=transport.connect(settings))
    away = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    worker.connection = transport.connect(away)
    worker.register_death()
