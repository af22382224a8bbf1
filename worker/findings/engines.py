"""PostgreSQL and Redis: slow, full, forgetful."""

import contextlib
import shutil
import time
from collections.abc import Iterator, Mapping
from typing import Any

from redis import Redis, RedisError
from sqlalchemy import text

from jobs.database import data_folder
from worker import causes
from worker.findings.kinds import Finding
from worker.findings.rule import Here, Rule

SLOW_S = 0.5
FULL = 0.8
# Keys that were thrown away are named for so long.
EVICTED_S = 10 * 60
DISK_FULL = 0.9
DISK_NO_ROOM = 0.97


def look(here: Here) -> Iterator[Finding]:
    """Each engine for itself: one that is away hides nothing of another."""
    yield from _postgresql(here)
    yield from _disks(here)
    stores = {"queues": (here.queues, "QUEUE_REDIS_URL"), "cache": (here.cache, "REDIS_URL")}
    if here.settings.queue_redis_url == here.settings.redis_url:
        del stores["cache"]
    for name, (redis, variable) in stores.items():
        try:
            yield from _redis(here, redis, name)
        except RedisError as error:
            tail = " No run can start. Requested runs are kept in PostgreSQL." if name == "queues" else ""
            cause = f"Redis ({name}) does not respond: {causes.of_redis(error)}.{tail}"
            yield Finding("redis_away", name, cause, f"Restart Redis, or correct {variable}.")


def _postgresql(here: Here) -> Iterator[Finding]:
    began = time.monotonic()
    with here.connection.begin():
        here.connection.execute(text("SELECT 1"))
    took_s = time.monotonic() - began
    if _is_slow(here, "postgresql", took_s):
        cause = f"PostgreSQL took {took_s:.1f} s for an empty statement."
        yield Finding("postgresql_slow", "postgresql", cause, "Check its load, its disk and the network to it.")


def _is_slow(here: Here, name: str, took_s: float) -> bool:
    """Whether it was slow at the last look too: once, it may have been this process that waited for its host."""
    before = here.facts.get("slow", {})
    here.facts["slow"] = {**before, name: took_s > SLOW_S}
    return took_s > SLOW_S and bool(before.get(name))


def _disks(here: Here) -> Iterator[Finding]:
    """Of what can be seen from here: an engine on another host has its own watch."""
    with here.connection.begin():
        data = data_folder(here.connection)
    places = {"the engines": here.settings.home} | ({"PostgreSQL": data} if data else {})
    by_device: dict[int, str] = {}
    for name, place in places.items():
        # One that is not on this host, or that we may not look into, is not ours to judge.
        with contextlib.suppress(OSError):
            by_device[place.stat().st_dev] = name
    for name in by_device.values():
        disk = shutil.disk_usage(places[name])
        part = 1 - disk.free / disk.total if disk.total else 0.0
        if part > DISK_FULL:
            cause = f"The disk of {name} is {part:.0%} full: {disk.free / 2**20:,.0f} MB are left."
            remedy = "Free some space or enlarge the disk: a full disk stops every run."
            worse = "critical" if part > DISK_NO_ROOM else None
            yield Finding("disk", name, cause, remedy, worse=worse)  # type: ignore[arg-type]


def _redis(here: Here, redis: Redis, name: str) -> Iterator[Finding]:
    began = time.monotonic()
    redis.ping()
    took_s = time.monotonic() - began
    if _is_slow(here, f"redis {name}", took_s):
        cause = f"Redis ({name}) took {took_s:.1f} s for PING."
        yield Finding(
            "redis_slow", name, cause, "Check for slow commands (SLOWLOG GET), its load and the network to it."
        )
    info: dict[str, Any] = redis.info()
    yield from _memory(info, name)
    yield from _evictions(here, info, name)
    if name == "queues" and not info.get("aof_enabled"):
        cause = "The queues' Redis loses the queues when it restarts: appendonly is off."
        yield Finding(
            "redis_forgets", name, cause, "Set `appendonly yes`. Without it, the sweep restores lost runs later."
        )
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if name == "queues" and policy != "noeviction":
        cause = f"maxmemory-policy of the queues' Redis is {policy}: when it is full, it may evict runs."
        yield Finding("redis_policy", name, cause, "Set `maxmemory-policy noeviction`.")


def _memory(info: Mapping[str, Any], name: str) -> Iterator[Finding]:
    most, used = int(info.get("maxmemory") or 0), int(info.get("used_memory") or 0)
    if most and used > FULL * most:
        cause = f"Redis ({name}) uses {used / most:.0%} of its maxmemory, {most / 2**20:,.0f} MB."
        remedy = "Give it more memory, or keep fewer routes warm (SAFEGRID_WARM_ROUTES)."
        yield Finding("redis_memory", name, cause, remedy)


def _evictions(here: Here, info: Mapping[str, Any], name: str) -> Iterator[Finding]:
    """Redis counts since its start; what counts here is what was thrown away lately."""
    now, count, server = here.now.timestamp(), int(info.get("evicted_keys") or 0), str(info.get("run_id"))
    before = here.facts.get(name, {})
    is_new = before.get("server") == server and count > before.get("count", count)
    at = now if is_new else before.get("at", 0.0)
    here.facts[name] = {"server": server, "count": count, "at": at}
    if now - at < EVICTED_S:
        cause = f"Redis ({name}) evicted keys to stay within its maxmemory,  {count} since its start."
        remedy = "Give it more memory; the queues' Redis must have `maxmemory-policy noeviction`."
        yield Finding("redis_evicts", name, cause, remedy)


RULE = Rule("engines", look, every_s=8, what="Engines")
