"""The source's limit, kept by all processes and hosts together: a leaky bucket in the Redis of REDIS_URL."""

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import structlog
from redis import Redis, RedisError

from jobs.settings import Settings

log = structlog.get_logger("safegrid.source")

KEY = "safegrid:pace:"
# The source allows 30 at once. Requests that we send apart may reach it together.
BURST = 24
# The key lives as long as the bucket has something in it. Each request adds its share, and waits for its turn.
_TAKE_TURN = """
local left = math.max(redis.call('PTTL', KEYS[1]), 0) + ARGV[1]
redis.call('SET', KEYS[1], '1', 'PX', left)
return math.max(left - ARGV[2], 0)
"""
# The source knows better how full its bucket is: the next turn is that long away, and every later one after it.
_WAIT = """
local left = math.max(redis.call('PTTL', KEYS[1]), ARGV[1] + ARGV[2])
redis.call('SET', KEYS[1], '1', 'PX', left)
"""


@dataclass
class Pace:
    """Turns at a source: `rate` a second on the whole, `burst` at once. May be used by several threads."""

    cache: Redis
    source: str
    rate: float
    burst: int = BURST

    @classmethod
    def of(cls, settings: Settings, cache: Redis) -> "Pace | None":
        """None where the settings know no limit."""
        if not settings.police_rate:
            return None
        return cls(cache, urlsplit(settings.police_api_base_url).netloc, settings.police_rate)

    def keep(self) -> None:
        """Take the next turn, and wait for it."""
        time.sleep(self.take_turn())

    def take_turn(self) -> float:
        """Seconds until the turn that is ours from now on."""
        wait_ms = self._share(_TAKE_TURN, self._gap_ms)
        # Alone, this is the pace; with others the source turns us away, which is provided for.
        return (self._gap_ms if wait_ms is None else int(wait_ms)) / 1000

    def turned_away(self, wait_s: float) -> None:
        """The source limits its clients: nobody asks it for `wait_s` seconds."""
        self._share(_WAIT, round(wait_s * 1000))

    @property
    def _gap_ms(self) -> int:
        return round(1000 / self.rate)

    def _share(self, script: str, ms: int) -> Any:
        try:
            return self.cache.eval(script, 1, KEY + self.source, ms, self._gap_ms * self.burst)
        except RedisError as error:
            log.warning("pace_not_shared", error=str(error))
            return None
