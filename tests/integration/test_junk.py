"""What others leave in Redis under our names is dropped, named and counted; it ends no process and reaches no page."""

import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from rq.exceptions import NoSuchJobError
from rq.job import JobStatus
from sqlalchemy import Connection

from tests import jobs_for_tests
from tests.processes import safegrid, until
from worker import junk, ledger, liveness, progress, transport
from worker.client import Client
from worker.ledger import Requester
from worker.rq import LARGEST_JOB, SafegridJob
from worker.settings import Settings

ME = Requester("python", "a test")
NOT_UTF8 = b"\xff\xfe no id"
QUEUES = ("ingestion", "maintenance", "cache")
STRUCTURES = {
    "rq:queue:cache": "list",
    "rq:queue:cache:intermediate": "list",
    "rq:wip:cache": "zset",
    "rq:finished:cache": "zset",
    "rq:failed:cache": "zset",
    "rq:scheduler:scheduled_jobs": "zset",
    "rq:workers": "set",
    "rq:workers:cache": "set",
    "rq:queues": "set",
}

called: list[str] = []


@pytest.fixture
def queues(settings: Settings) -> Iterator[Redis]:
    with transport.connect(settings) as redis:
        yield redis


def put(redis: Redis, key: str, kind: str, entry: bytes) -> None:
    match kind:
        case "list":
            redis.rpush(key, entry)
        case "set":
            redis.sadd(key, entry)
        case "zset":
            redis.zadd(key, {entry: 1.0})


@pytest.mark.parametrize("key", STRUCTURES)
def test_an_entry_that_is_no_name_is_dropped_and_the_others_stay(queues: Redis, key: str) -> None:
    good = b"rq:worker:one" if key.startswith("rq:workers") else b"a-good-one"
    if key.startswith("rq:wip:"):
        good += b":its-execution"
    for entry in (good, NOT_UTF8):
        put(queues, key, STRUCTURES[key], entry)
    junk.drop(queues, QUEUES)
    assert NOT_UTF8 not in junk._entries(queues, key, STRUCTURES[key])
    assert good in junk._entries(queues, key, STRUCTURES[key])
    assert junk.counts(queues) == {"entry": 1}


@pytest.mark.parametrize("key", STRUCTURES)
def test_a_structure_of_another_kind_is_dropped(queues: Redis, key: str) -> None:
    queues.hset(key, "no", "structure")
    junk.drop(queues, QUEUES)
    assert not queues.exists(key)
    assert junk.counts(queues) == {"key": 1}


def test_what_is_in_order_stays(settings: Settings, queues: Redis) -> None:
    with Client(settings) as client:
        for number in range(3):
            client.submit("do_nothing", {"number": number}, ME)
    before = {key: queues.dump(key) for key in queues.keys("*")}
    junk.drop(queues, QUEUES)
    assert {key: queues.dump(key) for key in queues.keys("*")} == before


def test_a_count_that_is_junk_itself_begins_anew(queues: Redis) -> None:
    queues.set(junk.DROPPED, "no hash")
    assert junk.counts(queues) == {}
    junk.dropped(queues, "entry")
    assert junk.counts(queues) == {"entry": 1}


def pushed(settings: Settings) -> str:
    with Client(settings) as client:
        run_id = client.submit("do_nothing", {}, ME).run_id
    return transport.rq_id(run_id, 1)


HASHES: dict[str, dict[str, Any]] = {
    "of another form": {"data": b"x", "created_at": "yesterday"},
    "without a status that RQ knows": {"data": b"x", "status": "odd"},
    "that is no UTF-8": {"data": b"x", "origin": NOT_UTF8},
    "as large as a film": {"data": os.urandom(2 * LARGEST_JOB)},
    "larger still once it is unpacked": {"data": zlib.compress(b"\0" * 64 * LARGEST_JOB)},
    "with a description as large": {"data": b"x", "description": b"d" * 2 * LARGEST_JOB},
}


@pytest.mark.parametrize("form", HASHES)
def test_a_job_s_hash_that_is_none_is_dropped_before_it_is_unpacked(
    settings: Settings, queues: Redis, form: str
) -> None:
    key = SafegridJob.key_for(pushed(settings))
    queues.hset(key, mapping=HASHES[form])
    with pytest.raises(NoSuchJobError):
        SafegridJob.fetch(junk.text_of(key).removeprefix("rq:job:"), queues)
    assert not queues.exists(key)
    assert junk.counts(queues) == {"key": 1}


def test_a_job_s_hash_of_another_kind_is_dropped(settings: Settings, queues: Redis) -> None:
    key = SafegridJob.key_for(pushed(settings))
    queues.delete(key)
    queues.rpush(key, "no hash")
    with pytest.raises(NoSuchJobError):
        SafegridJob.fetch(junk.text_of(key).removeprefix("rq:job:"), queues)
    assert not queues.exists(key)


def call(*_: Any) -> None:
    """What a job's hash names."""
    called.append("called")


@pytest.mark.parametrize("name", ["success_callback_name", "failure_callback_name", "stopped_callback_name"])
def test_functions_that_a_job_s_hash_names_are_not_called(settings: Settings, queues: Redis, name: str) -> None:
    rq_id = pushed(settings)
    queues.hset(SafegridJob.key_for(rq_id), name, f"{call.__module__}.{call.__name__}")
    job = SafegridJob.fetch(rq_id, queues)
    assert [job.success_callback, job.failure_callback, job.stopped_callback] == [None] * 3
    assert called == []
    assert junk.counts(queues) == {"callback": 1}


def test_addresses_that_a_job_s_hash_names_are_not_asked(settings: Settings, queues: Redis) -> None:
    rq_id = pushed(settings)
    queues.hset(SafegridJob.key_for(rq_id), "webhooks", json.dumps([{"url": "http://169.254.169.254/"}]))
    job = SafegridJob.fetch(rq_id, queues)
    assert not job.webhooks
    assert job.get_status() == JobStatus.QUEUED


@pytest.mark.parametrize(
    "fields", [{"birth": "long ago", "queues": "cache"}, {"pid": "7"}, {"birth": NOT_UTF8, "queues": "cache"}]
)
def test_a_worker_s_hash_that_is_none_is_dropped_and_the_others_are_listed(
    queues: Redis, fields: dict[str, Any]
) -> None:
    queues.hset("rq:worker:broken", mapping=fields)
    queues.sadd("rq:workers", "rq:worker:broken")
    assert liveness.workers(queues) == []
    assert not queues.exists("rq:worker:broken")
    assert queues.smembers("rq:workers") == set()


def test_a_worker_s_key_of_another_kind_is_dropped(queues: Redis) -> None:
    queues.set("rq:worker:broken", "no hash")
    queues.sadd("rq:workers", "rq:worker:broken")
    assert liveness.workers(queues) == []
    assert not queues.exists("rq:worker:broken")


@pytest.mark.parametrize("state", ["junk", "[]", "{}", '{"done": "many"}', b"\xff", '{"done":NaN}'])
def test_progress_that_is_none_is_a_miss(queues: Redis, state: str | bytes) -> None:
    queues.set("safegrid:progress:a-run", state)
    assert progress.read(queues, "a-run") is None


def test_progress_of_another_kind_is_a_miss(queues: Redis) -> None:
    queues.hset("safegrid:progress:a-run", "no", "text")
    assert progress.read(queues, "a-run") is None


@pytest.mark.long
def test_workers_and_scheduler_live_on_beside_junk_in_every_structure(
    settings: Settings, connection: Connection, queues: Redis, tmp_path: Path
) -> None:
    with (
        safegrid(settings, "worker", "cache", log=tmp_path / "worker"),
        safegrid(settings, "scheduler", log=tmp_path / "scheduler") as scheduler,
        Client(settings) as client,
    ):
        until(lambda: liveness.schedulers(queues) and liveness.workers(queues), "all are there")
        for key, kind in STRUCTURES.items():
            put(queues, key, kind, NOT_UTF8)
        queues.hset("rq:worker:broken", "birth", "long ago")
        queues.sadd("rq:workers", "rq:worker:broken")
        runs = [client.submit(jobs_for_tests.do_nothing.__name__, {"number": n}, ME).run_id for n in range(20)]
        assert {client.wait(run_id, 60).state for run_id in runs} == {"finished"}
        until(lambda: not queues.zscore("rq:scheduler:scheduled_jobs", NOT_UTF8), "the scheduler's junk is gone")
        assert scheduler.poll() is None
        assert {run.attempt for run in ledger.latest(connection, 20)} == {1}
