"""The Redis of REDIS_URL: scores, snapshots of the grid, weather."""

from typing import TYPE_CHECKING

from jobs.settings import Settings

if TYPE_CHECKING:
    from redis import Redis

SNAPSHOTS = "safety:snapshot:*"


def connect(settings: Settings) -> "Redis":
    """A client for the cache; it connects on first use."""
    from redis import Redis
    from redis.backoff import ExponentialWithJitterBackoff
    from redis.exceptions import ConnectionError, ReadOnlyError, TimeoutError
    from redis.retry import Retry

    # A Redis that restarts, or fails over to a replica, is back within seconds, and no work should fail for that.
    passing = (ConnectionError, TimeoutError, ReadOnlyError)
    patience = Retry(ExponentialWithJitterBackoff(base=0.1, cap=2), retries=8, supported_errors=passing)
    # A Redis that hangs must not hang the work too: an attempt fails, and is made again on another connection.
    return Redis.from_url(settings.redis_url, socket_connect_timeout=5, socket_timeout=10, retry=patience)


def drop_snapshots(cache: "Redis") -> int:
    """Unlink every snapshot of the grid, after crimes or cells changed. Returns how many there were."""
    dropped = 0
    batch: list[bytes] = []
    # In portions: KEYS, or one UNLINK of them all, would stop Redis for everybody else.
    for key in cache.scan_iter(SNAPSHOTS, count=1000):
        batch.append(key)
        if len(batch) == 1000:
            dropped += cache.unlink(*batch)
            batch.clear()
    return dropped + (cache.unlink(*batch) if batch else 0)
