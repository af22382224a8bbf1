"""Engines that are away, slow, full or forgetful, made so in truth."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import Connection

from tests.conftest import needs
from tests.faults.disk import small_disk
from tests.integration.crimes import value
from tests.integration.findings.looking import Looker, looking
from worker.settings import Settings


@pytest.fixture
def redis(settings: Settings) -> Iterator[Redis]:
    """Whatever a test sets of it is as before afterwards."""
    names = ("maxmemory", "maxmemory-policy", "appendonly")
    with Redis.from_url(settings.redis_url, decode_responses=True) as redis:
        before = {name: redis.config_get(name)[name] for name in names}
        yield redis
        redis.flushall()
        for name, old in before.items():
            redis.config_set(name, old)


def test_each_redis_that_is_away_is_named(settings: Settings, connection: Connection) -> None:
    gone = "redis://127.0.0.1:9/0"
    with looking(settings, connection, redis_url=gone, own_queue_redis_url=settings.redis_url) as looker:
        assert list(looker.of("redis_away")) == ["cache"]
    with looking(settings, connection, own_queue_redis_url=gone) as looker:
        (found,) = looker.of("redis_away").values()
        assert (found.subject, found.severity) == ("queues", "critical")
        assert "QUEUE_REDIS_URL" in found.remedy
    with looking(settings, connection) as looker:
        assert not looker.of("redis_away")


def test_a_redis_that_is_slow_is_named(looker: Looker, redis: Redis) -> None:
    assert not looker.of("redis_slow")
    redis.execute_command("CLIENT", "PAUSE", "1200", "ALL")
    assert not looker.of("redis_slow")
    redis.execute_command("CLIENT", "PAUSE", "1200", "ALL")
    assert looker.of("redis_slow")
    redis.execute_command("CLIENT", "UNPAUSE")
    assert not looker.of("redis_slow")


def test_a_redis_that_is_nearly_full_is_named(looker: Looker, redis: Redis) -> None:
    used = int(redis.info("memory")["used_memory"])
    redis.config_set("maxmemory", int(used * 1.15))
    assert "% of its maxmemory" in looker.of("redis_memory")["queues"].cause
    redis.config_set("maxmemory", used * 4)
    assert not looker.of("redis_memory")


def test_keys_that_were_thrown_away_are_named_for_a_while(
    looker: Looker, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not looker.of("redis_evicts")
    redis.config_set("maxmemory-policy", "allkeys-lru")
    redis.config_set("maxmemory", int(redis.info("memory")["used_memory"]) + 300_000)
    for number in range(60):
        redis.set(f"safegrid:test:{number}", "x" * 20_000)
    assert looker.of("redis_evicts")
    assert looker.of("redis_evicts")
    monkeypatch.setattr("worker.findings.engines.EVICTED_S", 0)
    assert not looker.of("redis_evicts")


def test_a_queue_redis_that_forgets_or_throws_away_is_named(looker: Looker, redis: Redis) -> None:
    redis.config_set("appendonly", "no")
    redis.config_set("maxmemory-policy", "allkeys-lru")
    assert looker.of("redis_forgets")
    assert "allkeys-lru" in looker.of("redis_policy")["queues"].cause
    redis.config_set("appendonly", "yes")
    redis.config_set("maxmemory-policy", "noeviction")
    assert not looker.of("redis_forgets")
    assert not looker.of("redis_policy")


@contextmanager
def stopped(pid: int, seconds: float) -> Iterator[None]:
    """The process does nothing for so long."""
    os.kill(pid, signal.SIGSTOP)
    timer = threading.Timer(seconds, os.kill, (pid, signal.SIGCONT))
    timer.start()
    try:
        yield
    finally:
        timer.join()


def test_a_postgresql_that_is_slow_is_named(connection: Connection, looker: Looker) -> None:
    from worker.findings import engines
    from worker.findings.rule import Here

    backend = int(value(connection, "SELECT pg_backend_pid()"))
    settings, watch = looker.watch._settings, looker.watch
    here = Here(settings, connection, watch._queues, watch._cache)
    for said in ([], ["postgresql_slow"]):
        with stopped(backend, 0.8):
            assert [one.kind for one in engines.look(here)] == said
    assert [one.kind for one in engines.look(here)] == []


def test_a_disk_that_is_nearly_full_is_named(settings: Settings, connection: Connection, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        needs("the right to mount a disk", disk is not None)
        assert disk is not None
        with looking(settings, connection, home=disk) as looker:
            assert "the engines" not in looker.of("disk")
            (disk / "ballast").write_bytes(bytes(560 * 2**20))
            assert looker.of("disk")["the engines"].severity == "warning"
            (disk / "more").write_bytes(bytes(30 * 2**20))
            assert looker.of("disk")["the engines"].severity == "critical"
            (disk / "ballast").unlink()
            assert "the engines" not in looker.of("disk")
