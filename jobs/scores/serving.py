"""Scores on request: from Redis, or computed once however many ask, and cached as the job would cache them."""

import contextlib
import datetime as dt
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import structlog
from redis import Redis, RedisError, ResponseError
from redis.exceptions import LockError
from sqlalchemy import Engine

from jobs.errors import SafegridError
from jobs.scores import store
from jobs.scores.cached import CachedScore, Weeks, read_weeks, score_of
from jobs.scores.days import DAYS, days_from, today
from jobs.scores.explained import Explanation
from jobs.scores.pipeline import write
from jobs.scores.popular import Catalogue
from jobs.scores.refreshed import Refreshed
from jobs.scores.scoring import TTL_S, Past, Scores, key
from jobs.scores.weather import climates
from jobs.scores.weather.budget import Budget
from jobs.scores.weather.climatology import MonthlyHistory
from jobs.scores.weather.forecasts import Forecasts
from jobs.scores.weather.open_meteo import OpenMeteo
from jobs.scores.weather.patience import impatient
from jobs.scores.weather.places import Place
from jobs.settings import Settings

log = structlog.get_logger("safegrid.scores")

# A request keeps a thread busy for no longer than scores of so many routes take.
MOST_IDS: Final = 1_000
# A request waits no longer than this for another's computation, or for the weather service.
LOCK_S: Final = 10
WEATHER_TIMEOUT_S: Final = 4
# Without weather: soon to be computed anew, but not while the service is likely to be away still.
TTL_WITHOUT_WEATHER_S: Final = 300
WEATHER_AWAY_S: Final = 60
# Accidents change when somebody loads a folder, a few times a year; the page of routes is to show it sooner.
PAST_TTL_S: Final = 600
CATALOGUE_TTL_S: Final = 60


class UnknownRoute(SafegridError):
    """A route that is not held, or that has no coordinates and so no score."""


class OutsideWindow(SafegridError):
    """A day that is not scored."""

    def __init__(self, given: str) -> None:
        first, last = _window()
        super().__init__(f"{given} has no scores: choose a day from {first} to {last} (UTC)")


@dataclass(frozen=True)
class Bulk:
    """Scores as JSON by route id and day, and of the other ids why they have none."""

    found: dict[tuple[int, dt.date], bytes]
    missing: dict[int, str]


@dataclass(frozen=True)
class Week:
    """A route's scores by day: those in the cache, and those computed for this request."""

    cached: dict[dt.date, CachedScore]
    computed: dict[dt.date, CachedScore]
    has_cache: bool = True
    """Whether Redis answered."""

    @property
    def scores(self) -> dict[dt.date, CachedScore]:
        """All of them, in order."""
        return dict(sorted({**self.computed, **self.cached}.items()))


def scored_day(text: str | None) -> dt.date:
    """The day written as YYYY-MM-DD, today if it is none. Raises OutsideWindow."""
    if text is None:
        return today()
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise OutsideWindow(repr(text)) from None
    first, last = _window()
    if not first <= day <= last:
        raise OutsideWindow(text)
    return day


def _window() -> tuple[dt.date, dt.date]:
    days = days_from(today(), DAYS)
    return days[0], days[-1]


class Serving:
    """Scores for one process; may be used by several threads at once."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings = settings
        self._engine = engine
        # Somebody waits: with Redis away the response must not be long in coming.
        self._cache = Redis.from_url(settings.redis_url, socket_connect_timeout=0.5, socket_timeout=2)
        self._past = Refreshed(self._read_past, PAST_TTL_S)
        self._catalogue = Refreshed(self._read_catalogue, CATALOGUE_TTL_S)
        self._weather_away_until = 0.0

    def one(self, route_id: int, day: dt.date) -> bytes:
        """The score of a route on a planned day, as JSON. Raises UnknownRoute."""
        name = key(route_id, day)
        try:
            if (cached := self._cached(name)) is not None:
                return cached
            with self._alone(route_id):
                return self._cached(name) or self._one(route_id, day, self._cache)
        except RedisError as error:
            log.warning("score_cache_is_away", error=str(error))
            return self._one(route_id, day, None)

    def _cached(self, name: str) -> bytes | None:
        """The score under that key. What is none is a miss: others may write to Redis. It is written over."""
        try:
            document = cast(bytes | None, self._cache.get(name))
        except ResponseError:
            return None
        return document if score_of(name, document) else None

    def many(self, route_ids: Sequence[int], days: Sequence[dt.date]) -> Bulk:
        """The scores of at most MOST_IDS routes on planned days. Those that are not cached are computed together."""
        cache: Redis | None = self._cache
        names = {(route_id, day): key(route_id, day) for route_id in route_ids for day in days}
        held: dict[str, Any] = {}
        try:
            held = dict(zip(names.values(), self._cache.mget(names.values()), strict=True)) if names else {}
        except RedisError as error:
            log.warning("score_cache_is_away", error=str(error))
            cache = None
        found = {wanted: held[name] for wanted, name in names.items() if score_of(name, held.get(name))}
        lacking = dict.fromkeys(route_id for route_id, day in names if (route_id, day) not in found)
        computed, missing = self._computed(list(lacking), days, cache) if lacking else ({}, {})
        return Bulk(computed | found, missing)

    def catalogue(self) -> Catalogue:
        """The routes, as they were at most a minute ago."""
        return self._catalogue.get()

    def weeks(self, route_ids: Sequence[int], days: Sequence[dt.date]) -> Weeks:
        """The scores of these routes and days that are cached; none is computed. Raises RedisError."""
        return read_weeks(self._cache, route_ids, days)

    def week(self, route_id: int) -> Week:
        """The scores of a route on all planned days; those that are not cached are computed. Raises UnknownRoute."""
        days = days_from(today(), DAYS)
        cache: Redis | None = self._cache
        held: dict[dt.date, CachedScore] = {}
        try:
            found = self.weeks([route_id], days)[route_id]
            held = {day: score for day, score in zip(days, found, strict=True) if score}
        except RedisError as error:
            log.warning("score_cache_is_away", error=str(error))
            cache = None
        if len(held) == len(days):
            return Week(held, {})
        documents, missing = self._documents([route_id], days[0], cache)
        if route_id in missing:
            raise UnknownRoute(missing[route_id])
        names = {day: key(route_id, day) for day in days if day not in held}
        scores = {day: score_of(name, documents.get(name)) for day, name in names.items()}
        return Week(held, {day: score for day, score in scores.items() if score}, cache is not None)

    def explain(self, route_id: int, day: dt.date, top: int = 10) -> Explanation:
        """Why the route has its risk on that day: the largest contributions, with every factor. Raises UnknownRoute."""
        scores, missing = self._scores([route_id], day, self._cache)
        if scores is None:
            raise UnknownRoute(missing[route_id])
        return Explanation.of(scores, 0, day, top)

    @contextlib.contextmanager
    def _alone(self, route_id: int) -> Iterator[None]:
        """Wait until nobody else computes this route, or for so long that somebody must have died over it."""
        # Looked at often, as a computation takes a fraction of a second.
        lock = self._cache.lock(f"safegrid:scoring:{route_id}", timeout=LOCK_S, blocking_timeout=LOCK_S, sleep=0.02)
        held = lock.acquire()
        try:
            yield
        finally:
            if held:
                # It has run out, or Redis went away: it is not ours any more either way.
                with contextlib.suppress(LockError, RedisError):
                    lock.release()

    def _one(self, route_id: int, day: dt.date, cache: Redis | None) -> bytes:
        computed, missing = self._computed([route_id], [day], cache)
        if route_id in missing:
            raise UnknownRoute(missing[route_id])
        return computed[route_id, day]

    def _computed(
        self, route_ids: Sequence[int], days: Sequence[dt.date], cache: Redis | None
    ) -> tuple[dict[tuple[int, dt.date], bytes], dict[int, str]]:
        """The scores of those days, and why some routes have none. Those of all planned days are cached."""
        documents, missing = self._documents(route_ids, min(days), cache)
        names = {(route_id, day): key(route_id, day) for route_id in route_ids for day in days}
        found = {wanted: documents[name].encode() for wanted, name in names.items() if name in documents}
        odd = dict.fromkeys(route_id for route_id, day in names if (route_id, day) not in found)
        return found, {route_id: f"The risk of route {route_id} is not a number" for route_id in odd} | missing

    def _documents(
        self, route_ids: Sequence[int], day: dt.date, cache: Redis | None
    ) -> tuple[dict[str, str], dict[int, str]]:
        """The scores of all planned days by key, cached now, and why some routes have none."""
        scores, missing = self._scores(route_ids, day, cache)
        documents = dict(scores.documents()) if scores else {}
        if scores and cache is not None:
            try:
                write(cache, documents.items(), TTL_S if scores.has_weather.all() else TTL_WITHOUT_WEATHER_S)
            except RedisError as error:
                log.warning("scores_not_kept", error=str(error))
        return documents, missing

    def _scores(
        self, route_ids: Sequence[int], day: dt.date, cache: Redis | None
    ) -> tuple[Scores | None, dict[int, str]]:
        with self._engine.begin() as connection:
            held = store.routes(connection, route_ids)
        routes = [route for route in held.values() if route.is_placed]
        missing = {route_id: f"There is no route {route_id}" for route_id in route_ids if route_id not in held}
        for route in held.values():
            if not route.is_placed:
                missing[route.route_id] = f"Route {route.route_id} has no coordinates, so it has no score"
        if not routes:
            return None, missing
        log.info("scores_computed", routes=len(routes))
        forecasts = self._forecasts(cache)
        # Midnight may pass between the request and this line.
        first = min(day, today())
        scores = Scores.compute(routes, first, self._past.get(), self._read_history, forecasts)
        if forecasts.away:
            self._weather_away_until = time.monotonic() + WEATHER_AWAY_S
        return scores, missing

    def _forecasts(self, cache: Redis | None) -> Forecasts:
        """One short attempt. Without Redis nothing counts the calls but the service itself."""
        settings = self._settings
        client = OpenMeteo.of(settings, cache)
        # Somebody waits: a neutral score now is better than a better one in a minute.
        client.attempts, client.timeout_s = 1, min(WEATHER_TIMEOUT_S, settings.weather_timeout_s)
        calls = Budget(cache, settings.weather_daily_calls, settings.weather_minute_calls) if cache else None
        return Forecasts(client, cache, calls, impatient, away=time.monotonic() < self._weather_away_until)

    def _read_history(self, places: Sequence[Place]) -> MonthlyHistory:
        with self._engine.begin() as connection:
            return climates.read(connection, places)

    def _read_past(self) -> Past:
        with self._engine.connect() as connection:
            return Past.read(connection)

    def _read_catalogue(self) -> Catalogue:
        with self._engine.begin() as connection:
            return Catalogue.read(connection, self._settings.warm_routes)
