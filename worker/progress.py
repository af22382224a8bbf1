"""How far a run is: in Redis, where it may be lost, so that telling often costs nothing."""

import json
import time
from typing import Any

from redis import Redis, RedisError

KEPT_S = 24 * 3600
SHORTEST_INTERVAL_S = 0.2


def _key(run_id: str) -> str:
    return f"safegrid:progress:{run_id}"


class Reporter:
    """Writes one attempt's progress, a few times a second at most."""

    def __init__(self, redis: Redis, run_id: str) -> None:
        self._redis = redis
        self._run_id = run_id
        self._started = time.time()
        self._last = 0.0

    def __call__(self, done: int, total: int, note: str) -> None:
        """Tell that `done` of `total` is done."""
        now = time.time()
        if now - self._last < SHORTEST_INTERVAL_S and 0 < done < total:
            return
        self._last = now
        state = {"done": done, "total": total, "note": note, "started": self._started, "at": now}
        try:
            self._redis.set(_key(self._run_id), json.dumps(state), ex=KEPT_S)
        except RedisError:
            # Progress is lossy by design: the work itself must not end for it.
            return


def read(redis: Redis, run_id: str) -> dict[str, Any] | None:
    """{done, total, note, started, at} with times in seconds since 1970; none if nothing was told."""
    try:
        stored = redis.get(_key(run_id))
    except RedisError:
        return None
    return json.loads(stored) if stored else None
