"""Junk in every structure of Redis that the queues, the scheduler and we ourselves use."""

import contextlib
import random
from collections.abc import Callable
from typing import Any

from redis import Redis, ResponseError

from jobs.catalogue import QUEUES
from tests.faults.house import House
from worker import transport

NOT_UTF_8 = b"\xff\xfe\x00junk"
HUGE = b"j" * (2 * 2**20)
_ANY = (NOT_UTF_8, b"", b"junk", b"rq:worker:", b'{"half": ')


def put_junk(house: House, chance: random.Random) -> str | None:
    """A piece of junk in each structure, as another program or another version may leave it."""
    done = []
    with transport.connect(house.settings) as redis:
        for put in (_in_collection, _of_other_type, _in_job, _in_worker, _in_own_key):
            # Earlier junk may have made a key one of another type.
            with contextlib.suppress(ResponseError):
                done.append(put(redis, chance))
    return ", ".join(done)


def _in_collection(redis: Redis, chance: random.Random) -> str:
    """An entry that is none, in every list, set and schedule."""
    name = chance.choice(QUEUES)
    for key in (f"rq:queue:{name}", f"rq:queue:{name}:intermediate"):
        _try(redis.lpush, key, chance.choice(_ANY))
    for key in ("rq:workers", f"rq:workers:{name}", "rq:queues"):
        _try(redis.sadd, key, chance.choice(_ANY))
    for key in ("rq:scheduler:scheduled_jobs", *(f"rq:{kind}:{name}" for kind in ("wip", "failed", "finished"))):
        # Due long ago, so that nobody passes it by.
        _try(redis.zadd, key, {chance.choice(_ANY): chance.choice((0, 1, 2**40))})
    return f"entries of {name}"


def _of_other_type(redis: Redis, chance: random.Random) -> str:
    """A key of another type than belongs there."""
    name = chance.choice(QUEUES)
    key = chance.choice(
        (
            f"rq:queue:{name}",
            f"rq:queue:{name}:intermediate",
            f"rq:wip:{name}",
            "rq:workers",
            f"rq:workers:{name}",
            "rq:queues",
            "rq:scheduler:scheduled_jobs",
            "rq:scheduler_instance:junk",
            "safegrid:junk",
        )
    )
    with redis.pipeline() as both:
        both.delete(key)
        if key == "rq:workers":
            both.rpush(key, b"junk")
        else:
            both.set(key, NOT_UTF_8)
        both.execute()
    return f"{key} of another type"


def _in_job(redis: Redis, chance: random.Random) -> str:
    """Garbage in the hash of a job that waits or is at work, if there is one."""
    jobs = [key for key in redis.scan_iter("rq:job:*", count=5000) if key.count(b":") == 2]
    if not jobs:
        return "no job"
    key = chance.choice(sorted(jobs))
    what = chance.choice(("no hash", "no data", "of absurd size", "no times", "with a callback"))
    match what:
        case "no hash":
            _replace(redis, key)
        case "no data":
            redis.hset(key, "data", NOT_UTF_8)
        case "of absurd size":
            redis.hset(key, "data", HUGE)
        case "no times":
            redis.hset(key, mapping={"created_at": NOT_UTF_8, "started_at": "yesterday", "timeout": "long"})
        case _:
            redis.hset(key, mapping={"failure_callback_name": "os.abort", "success_callback_name": "os.abort"})
    return f"a job {what}"


def _in_worker(redis: Redis, chance: random.Random) -> str:
    """Garbage in the hash of a worker that lives, if there is one."""
    workers = [key for key in redis.scan_iter("rq:worker:*", count=5000) if key.count(b":") == 2]
    if not workers:
        return "no worker"
    key = chance.choice(sorted(workers))
    if chance.random() < 0.5:
        _replace(redis, key)
        return "a worker no hash"
    redis.hset(key, mapping={"birth": "once", "last_heartbeat": NOT_UTF_8, "queues": HUGE})
    return "a worker with garbage"


def _in_own_key(redis: Redis, chance: random.Random) -> str:
    """Garbage under our own names: progress, scores, snapshots, the count of junk."""
    progress = sorted(redis.scan_iter("safegrid:progress:*", count=5000))
    keys = [b"safety_score:1:2024-01-01", b"safety:snapshot:1:junk", *progress[:3]]
    for key in keys:
        redis.set(key, chance.choice((NOT_UTF_8, b"{}", b"[1", HUGE)), ex=3600)
    _try(redis.hset, "safegrid:junk", NOT_UTF_8, "many")
    return f"{len(keys)} of our own keys"


def _replace(redis: Redis, key: bytes) -> None:
    with redis.pipeline() as both:
        both.delete(key)
        both.set(key, NOT_UTF_8, ex=600)
        both.execute()


def _try(put: Callable[..., object], key: str, *what: Any) -> None:
    with contextlib.suppress(ResponseError):
        put(key, *what)
