"""Planned weather of many places: kept in Redis for six hours, the rest asked for, and none where there is none."""

import contextvars
import datetime as dt
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import structlog
from redis import Redis, RedisError

from jobs.http import SourceChanged
from jobs.scores.model import WINDOW_DAYS, Floats
from jobs.scores.weather import budget
from jobs.scores.weather.budget import Budget
from jobs.scores.weather.open_meteo import NoWeather, OpenMeteo
from jobs.scores.weather.places import Place
from jobs.scores.weather.windows import FIELDS, Windows

log = structlog.get_logger("safegrid.weather")

KEY: Final = "safegrid:weather:daily"
# As long as the scores that are made from it.
TTL_S: Final = 6 * 3600
# The service may have the missing days soon; but to ask for them each time that a score is read costs a day's calls.
TTL_WITH_GAPS_S: Final = 3600
# An address of about 1,600 characters: servers take 8,000 at most. A failed request leaves so many without weather.
PLACES_A_REQUEST: Final = 100
# Hides the service's slowness; its limit of a minute allows no more anyway.
IN_FLIGHT: Final = 4
Batch = Sequence[Place]


@dataclass
class Forecasts:
    """Forecasts of one run or request.

    pause: waits these seconds for the service's next minute; False where there is no time for that.
    away: whether the service was found to be away; then it is not asked again.
    """

    client: OpenMeteo
    cache: Redis | None
    budget: Budget | None
    pause: Callable[[float], bool]
    away: bool = False

    def windows(self, places: Sequence[Place], first: dt.date, days: int) -> Windows:
        """Windows (places, days) of the planned days from `first` on; a place without weather has none of its days."""
        begin, end = first - dt.timedelta(days=WINDOW_DAYS - 1), first + dt.timedelta(days=days - 1)
        distinct = list(dict.fromkeys(places))
        daily = self._cached(distinct, begin, (end - begin).days + 1)
        for batch, values in self._asked([place for place in distinct if place not in daily], begin, end):
            self.keep(batch, values, begin)
            daily.update(zip(batch, values, strict=True))
        unknown = np.full(((end - begin).days + 1, len(FIELDS)), np.nan)
        return Windows.rolling(np.stack([daily.get(place, unknown) for place in places]))

    def _cached(self, places: Batch, begin: dt.date, days: int) -> dict[Place, Floats]:
        """What Redis holds: the daily values (days, 7) of a place as the bytes of their float64."""
        if self.cache is None or not places:
            return {}
        try:
            found: list[Any] = self.cache.mget([_key(place, begin) for place in places])
        except RedisError as error:
            log.warning("weather_cache_is_away", error=str(error))
            return {}
        shape = (days, len(FIELDS))
        return {
            place: np.frombuffer(values).reshape(shape)
            for place, values in zip(places, found, strict=True)
            # 8 bytes a number; of another length it is of another version.
            if values is not None and len(values) == 8 * shape[0] * shape[1]
        }

    def keep(self, batch: Batch, values: Floats, begin: dt.date) -> None:
        """Hold daily values (places, days, 7) from `begin` on in Redis, for six hours; those with gaps for one."""
        if self.cache is None:
            return
        known = np.all(Windows.rolling(values).days > 0, axis=1)
        try:
            with self.cache.pipeline(transaction=False) as pipeline:
                for place, daily, is_known in zip(batch, values, known, strict=True):
                    pipeline.set(_key(place, begin), daily.tobytes(), ex=TTL_S if is_known else TTL_WITH_GAPS_S)
                pipeline.execute()
        except RedisError as error:
            log.warning("weather_cache_is_away", error=str(error))

    def _asked(self, places: Batch, begin: dt.date, end: dt.date) -> Iterator[tuple[Batch, Floats]]:
        """Responses of the service in the order in which they come, at most IN_FLIGHT requests at a time."""
        pending: dict[Future[Floats], Batch] = {}
        days = (end - begin).days + 1
        minutely = self.budget.minutely if self.budget else math.inf
        size = budget.places_that_fit(PLACES_A_REQUEST, days, minutely)
        pool = ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="weather")
        try:
            for start in range(0, len(places), size):
                batch = places[start : start + size]
                if len(pending) == IN_FLIGHT:
                    yield from self._answered(pending)
                if not self._may_ask(budget.calls(len(batch), days)):
                    break
                # With the context, so that what is logged on the way carries the run's id.
                run = contextvars.copy_context().run
                pending[pool.submit(run, self.client.forecast, batch, begin, end)] = batch
            while pending:
                yield from self._answered(pending)
        finally:
            pool.shutdown(cancel_futures=True)

    def _answered(self, pending: dict[Future[Floats], Batch]) -> Iterator[tuple[Batch, Floats]]:
        done, _ = wait(pending, return_when=FIRST_COMPLETED)
        for future in done:
            batch = pending.pop(future)
            try:
                yield batch, future.result()
            except NoWeather as error:
                log.warning("no_weather", places=len(batch), error=str(error))
                self.away = self.away or not isinstance(error, SourceChanged)

    def _may_ask(self, calls: float) -> bool:
        if self.away or self.budget is None:
            return not self.away
        while (seconds := self.budget.spend_now(calls)) > 0:
            if not self.pause(seconds):
                return False
        if not self.budget.spend_today(calls):
            log.warning("weather_budget_spent", daily_calls=self.budget.daily)
            return False
        return True


def _key(place: Place, begin: dt.date) -> str:
    return f"{KEY}:{begin}:{place}"
