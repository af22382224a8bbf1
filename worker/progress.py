"""How far a run is: in Redis, where it may be lost, so that reporting often costs nothing."""

import json
import time
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from redis import Redis, RedisError
from typing_extensions import TypedDict

from jobs.storable import storable

KEPT_S = 24 * 3600
SHORTEST_INTERVAL_S = 0.2
# With Redis away or frozen each try costs its timeout, and the work has to go on.
PAUSE_S = 10.0


class _State(TypedDict):
    """What is kept of a run."""

    __pydantic_config__ = ConfigDict(strict=True, extra="forbid")  # type: ignore[misc]
    done: float
    total: float
    note: str
    started: float
    at: float


_STATE = TypeAdapter(_State)


def _key(run_id: str) -> str:
    return f"safegrid:progress:{run_id}"


class Reporter:
    """Writes one attempt's progress, a few times a second at most."""

    def __init__(self, redis: Redis, run_id: str) -> None:
        self._redis = redis
        self._run_id = run_id
        self._started = time.time()
        self._last = 0.0
        self._not_before = 0.0

    def __call__(self, done: int, total: int, note: str) -> None:
        """Report that `done` of `total` is done."""
        now = time.time()
        if now < self._not_before or (now - self._last < SHORTEST_INTERVAL_S and 0 < done < total):
            return
        self._last = now
        state = {"done": done, "total": total, "note": storable(note), "started": self._started, "at": now}
        try:
            self._redis.set(_key(self._run_id), json.dumps(state), ex=KEPT_S)
        except RedisError:
            # Progress is lossy by design: the work itself must not end for it.
            self._not_before = time.time() + PAUSE_S


def read(redis: Redis, run_id: str) -> dict[str, Any] | None:
    """{done, total, note, started, at} with times in seconds since 1970; none if nothing is known."""
    try:
        stored = redis.get(_key(run_id))
        return dict(_STATE.validate_json(stored)) if stored else None
    except (RedisError, ValidationError):
        # Also what is no such state: others may write to Redis.
        return None
