"""The source's limit, kept by all processes and hosts together: a leaky bucket in the Redis of REDIS_URL."""

import time
from dataclasses import dataclass
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
        gap_ms = round(1000 / self.rate)
        try:
            wait_ms = self.cache.eval(_TAKE_TURN, 1, KEY + self.source, gap_ms, gap_ms * self.burst)
        except RedisError as error:
            # Alone, this is the pace; with others the source turns us away, which is provided for.
            log.warning("pace_not_shared", error=str(error))
            return gap_ms / 1000
        return int(wait_ms) / 1000
