"""The calls that may be made of the weather service, counted in Redis so that all processes share them."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from redis import Redis, RedisError

log = structlog.get_logger("safegrid.weather")

KEY = "safegrid:weather:calls"
# As the service counts: https://open-meteo.com/en/pricing
DAYS_A_CALL = 14


def calls(places: int, days: int) -> float:
    """What a request is counted as: every place at least one call, longer ranges one for 14 days."""
    return places * max(1.0, days / DAYS_A_CALL)


def places_that_fit(most: int, days: int, minutely: float) -> int:
    """How many places a request of `days` days may have to stay within a minute's calls: 1 to `most`."""
    return int(max(1, min(most, minutely / calls(1, days))))


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _minute(when: dt.datetime) -> str:
    return f"{when:%Y-%m-%dT%H:%M}"


@dataclass
class Budget:
    """Weighted calls a day and a minute, both of UTC. For one thread."""

    cache: Redis
    daily: float
    minutely: float
    now: Callable[[], dt.datetime] = _now
    _own: str = ""
    """The minute that is kept for a request of ours which fits no other."""

    def spend_today(self, wanted: float) -> bool:
        """Count `wanted` calls for today, unless they are more than what is left."""
        return self._spend(f"{KEY}:{self.now():%Y-%m-%d}", wanted, self.daily, ttl=dt.timedelta(days=2))

    def spend_now(self, wanted: float) -> float:
        """Count `wanted` calls for this minute; if they do not fit, the seconds until the next one, else 0.

        A request larger than a whole minute's calls has a minute for itself: the next one is kept for it where this one
        was begun, or small requests of others would always be before it.
        """
        now = self.now()
        if wanted <= self.minutely:
            fits = self._spend_minute(now, wanted, self.minutely)
        else:
            fits = self._own == _minute(now) or self._spend_minute(now, wanted, wanted)
            following = now + dt.timedelta(minutes=1)
            self._own = _minute(following) if not fits and self._spend_minute(following, wanted, wanted) else ""
        # The service counts by the minute of the clock.
        return 0.0 if fits else 60.0 - now.second - now.microsecond / 1e6

    def _spend_minute(self, when: dt.datetime, wanted: float, limit: float) -> bool:
        return self._spend(f"{KEY}:{_minute(when)}", wanted, limit, ttl=dt.timedelta(minutes=3))

    def spent_today(self) -> float:
        """The calls that were counted for today."""
        return float(self.cache.get(f"{KEY}:{self.now():%Y-%m-%d}") or 0)

    def _spend(self, key: str, wanted: float, limit: float, ttl: dt.timedelta) -> bool:
        try:
            with self.cache.pipeline() as pipeline:
                pipeline.incrbyfloat(key, wanted)
                # Later than the time that is counted ends, or the count would begin anew within it.
                pipeline.expire(key, ttl)
                spent = float(pipeline.execute()[0])
            if spent <= limit:
                return True
            self.cache.incrbyfloat(key, -wanted)
        except RedisError as error:
            # The service counts for itself; without our count it may turn us away, which is provided for.
            log.warning("weather_calls_not_counted", error=str(error))
            return wanted <= limit
        return False
