"""Which workers and schedulers are alive, as Redis knows them: those that have said so within seconds.

By the clock of Redis: RQ's workers write the time of their own host, and those of two hosts may differ.
"""

import datetime as dt
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from redis import Redis, ResponseError

from worker import junk, transport

# Each says so every 5 s; one that was killed has no chance to say that it is gone.
ALIVE_S = 15
_WORKER_KEYS = "rq:workers"
# Beside RQ's own fields of a worker.
_HEARD, _SKEW = "safegrid_heard", "safegrid_skew"
_Hash = dict[bytes, bytes]
_SCHEDULERS = "rq:scheduler_instance:*"


@dataclass(frozen=True)
class WorkerState:
    """An RQ worker as it last said."""

    name: str
    host: str
    pid: int
    queues: tuple[str, ...]
    state: str
    run_id: str | None
    since: dt.datetime
    done: int
    failed: int
    heard_s: float
    """Seconds since it last said that it is there."""
    skew_s: float | None
    """How far its host's clock was before that of Redis then; none for a worker of another kind."""


def clock(redis: Redis) -> float:
    """The time of Redis, in seconds since 1970. Raises redis.RedisError."""
    seconds, microseconds = redis.time()
    return seconds + microseconds / 1e6


def apart(one: Callable[[], float], other: Callable[[], float]) -> float:
    """Seconds by which one clock is before the other; 0 where the time that it took to ask leaves that open."""
    before, there, after = one(), other(), one()
    return before - there if there < before else min(after - there, 0.0)


def note(redis: Redis, key: str) -> None:
    """The worker with this key is there, and its host's clock is so far from that of Redis."""
    skew_s = apart(time.time, lambda: clock(redis))
    redis.hset(key, mapping={_HEARD: f"{clock(redis):.3f}", _SKEW: f"{skew_s:.3f}"})


def workers(redis: Redis) -> list[WorkerState]:
    """The workers that are alive, by queue. What is no worker's hash is dropped. Raises redis.RedisError."""
    found, now = [], clock(redis)
    for member in cast(set[bytes], redis.smembers(_WORKER_KEYS)):
        key = member.decode(errors="backslashreplace")
        worker = _worker(redis, member, key, now)
        if worker is not None:
            found.append(worker)
    return sorted(found, key=lambda worker: (worker.queues, worker.name))


def _worker(redis: Redis, member: bytes, key: str, now: float) -> WorkerState | None:
    try:
        fields = {name.decode(): value.decode() for name, value in cast(_Hash, redis.hgetall(member)).items()}
        if not fields:
            # It was killed, and its hash has come to its end; RQ takes it from the set in time.
            return None
        heard_s = now - _heard(fields)
        if fields.get("death") or heard_s > ALIVE_S:
            return None
        return _state(key.removeprefix("rq:worker:"), fields, _current_run(redis, key), heard_s)
    except (ResponseError, ValueError, KeyError) as error:
        junk.drop_key(redis, member, f"no worker: {type(error).__name__}")  # type: ignore[arg-type]
        redis.srem(_WORKER_KEYS, member)
        return None


def _heard(fields: Mapping[str, str]) -> float:
    """When it last said so, in seconds since 1970; of a worker that is none of ours, by its own clock."""
    if noted := fields.get(_HEARD):
        return float(noted)
    return _time(fields.get("last_heartbeat") or fields["birth"]).timestamp()


def _state(name: str, fields: Mapping[str, str], run_id: str | None, heard_s: float) -> WorkerState:
    return WorkerState(
        name=name,
        host=fields.get("hostname", ""),
        pid=int(fields.get("pid") or 0),
        queues=tuple(fields["queues"].split(",")),
        state=fields.get("state", "?"),
        run_id=run_id,
        since=_time(fields["birth"]),
        done=int(fields.get("successful_job_count") or 0),
        failed=int(fields.get("failed_job_count") or 0),
        heard_s=max(heard_s, 0.0),
        skew_s=float(fields[_SKEW]) if _SKEW in fields else None,
    )


def _current_run(redis: Redis, key: str) -> str | None:
    """The run that the worker is at work on, out of its executions: `job:execution` each."""
    entries = cast(set[bytes], redis.smembers(f"{key}:executions"))
    jobs = (entry.decode().partition(":")[0] for entry in entries)
    return next(filter(None, map(transport.run_of, jobs)), None)


def _time(text: str) -> dt.datetime:
    """RQ writes UTC with a Z."""
    return dt.datetime.fromisoformat(text).astimezone(dt.UTC)


def schedulers(redis: Redis) -> int:
    """How many scheduler processes are alive. Their keys end by themselves within seconds. Raises RedisError."""
    alive = 0
    for key in redis.scan_iter(match=_SCHEDULERS, count=5000):
        try:
            alive += not redis.hexists(key, "death")
        except ResponseError:
            junk.drop_key(redis, key, "no scheduler")
    return alive
