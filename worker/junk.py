"""What stands in Redis under names of the queues and is none of theirs. It is dropped, named in the log and counted.

Nothing is lost with it: the ledger is the truth, and what should be on a list is put there again by the sweep. RQ and
rq-scheduler would end over it, at every try.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, cast

import structlog
from redis import Redis, ResponseError
from redis.exceptions import ReadOnlyError

from worker.boundaries import boundary

log = structlog.get_logger("safegrid.junk")

DROPPED = "safegrid:junk"
"""Hash {kind: how often such a thing was dropped}; lost with Redis, as a count of what happened there may be."""
_WORKERS = "rq:workers"
_SCHEDULE = "rq:scheduler:scheduled_jobs"
# RQ itself allows no other letters in the name of a job.
_ID = re.compile(rb"[A-Za-z0-9_-]{1,200}")
# Of jobs at work: the job and its execution.
_EXECUTION = re.compile(rb"[A-Za-z0-9_-]{1,200}:[A-Za-z0-9_-]{1,200}")
_WORKER = re.compile(rb"rq:worker:[\x21-\x7e]{1,300}")
_REGISTRIES = ("wip", "finished", "failed", "deferred", "scheduled", "canceled")
_A_TRIP = 1000


def drop(redis: Redis, queues: Sequence[str]) -> None:
    """Look at every structure that the queues use. Raises redis.ConnectionError, redis.TimeoutError."""
    of_queues: list[tuple[str, str, re.Pattern[bytes]]] = [
        (f"rq:queue:{name}{end}", "list", _ID) for name in queues for end in ("", ":intermediate")
    ]
    of_queues += [
        (f"rq:{kind}:{name}", "zset", _EXECUTION if kind == "wip" else _ID) for name in queues for kind in _REGISTRIES
    ]
    of_queues += [(f"{_WORKERS}:{name}", "set", _WORKER) for name in queues]
    everywhere = [(_WORKERS, "set", _WORKER), (_SCHEDULE, "zset", _ID), ("rq:queues", "set", re.compile(rb"[ -~]+"))]
    for key, kind, form in (*of_queues, *everywhere):
        with boundary("junk", key=key):
            _look_at(redis, key, kind, form)


def _look_at(redis: Redis, key: str, kind: str, form: re.Pattern[bytes]) -> None:
    found = text_of(redis.type(key))
    if found not in ("none", kind):
        drop_key(redis, key, f"a {found} where a {kind} belongs")
        return
    for entry in _entries(redis, key, kind):
        if not form.fullmatch(entry):
            _remove(redis, key, kind, entry)
            dropped(redis, "entry", key=key, entry=repr(entry[:100]))


def _entries(redis: Redis, key: str, kind: str) -> Iterable[bytes]:
    """Every entry; all of them at once only where they are names alone."""
    if kind == "list":
        return cast(list[bytes], redis.lrange(key, 0, -1))
    if kind == "set":
        return cast(list[bytes], list(redis.sscan_iter(key, count=_A_TRIP)))
    return [entry for entry, _ in redis.zscan_iter(key, count=_A_TRIP)]


def _remove(redis: Redis, key: str, kind: str, entry: bytes) -> None:
    if kind == "list":
        redis.lrem(key, 0, entry)  # type: ignore[arg-type]
    elif kind == "set":
        redis.srem(key, entry)
    else:
        redis.zrem(key, entry)


def drop_key(redis: Redis, key: str, why: str) -> None:
    """Drop all that stands under `key`."""
    redis.unlink(key)
    dropped(redis, "key", key=key, why=why)


def dropped(redis: Redis, kind: str, **about: Any) -> None:
    """Name in the log, and count, something that was dropped or refused. With a count of another form: anew."""
    log.error("junk_dropped", kind=kind, **about)
    try:
        redis.hincrby(DROPPED, kind)
    except ReadOnlyError:
        raise
    except ResponseError:
        redis.unlink(DROPPED)
        redis.hincrby(DROPPED, kind)


def counts(redis: Redis) -> dict[str, int]:
    """{kind: how many such things were dropped since Redis began}"""
    try:
        found = redis.hgetall(DROPPED)
    except ResponseError:
        return {}
    return {text_of(kind): int(count) for kind, count in found.items() if count.isdigit()}


def text_of(value: bytes | str) -> str:
    """A name for people, whatever its bytes."""
    return value if isinstance(value, str) else value.decode(errors="backslashreplace")
