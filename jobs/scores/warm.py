"""The job that keeps the scores of popular routes warm."""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import structlog

from jobs import context, results
from jobs.catalogue import job
from jobs.context import Context
from jobs.events import outbox
from jobs.scores import store
from jobs.scores.climbing.rows import Route
from jobs.scores.days import DAYS, today
from jobs.scores.pipeline import write
from jobs.scores.scoring import TTL_S, Past, Scores
from jobs.scores.weather import climates
from jobs.scores.weather.budget import Budget
from jobs.scores.weather.climatology import MonthlyHistory
from jobs.scores.weather.forecasts import Forecasts
from jobs.scores.weather.open_meteo import OpenMeteo
from jobs.scores.weather.patience import patient
from jobs.scores.weather.places import Place

log = structlog.get_logger("safegrid.warming")

# Scored at a time; all routes of a place are in one chunk.
PLACES_A_CHUNK: Final = 2_000
# A request of the forecast that fails leaves some scores without weather; where it is more, there is no forecast to
# speak of, and the scores say what is near and how long ago it was, but not what the weather makes of it.
MOST_WITHOUT_WEATHER: Final = 0.1


@dataclass
class Tally:
    """What has become of the routes so far; a checkpoint holds it."""

    first_day: str
    routes: int = 0
    warmed: int = 0
    failed: int = 0
    weather_unavailable: int = 0
    cloud_cover_assumed: int = 0

    @property
    def status(self) -> str:
        """What is to be said of the whole."""
        if not self.warmed:
            return "nothing_warmed"
        if self.weather_unavailable > MOST_WITHOUT_WEATHER * self.warmed:
            return "degraded"
        return "partial" if self.failed else "success"


@job(
    queue="cache",
    slug="warm-cache",
    # As long as a score lives.
    cron="0 */6 * * *",
    joins_running=True,
    remedies={"scores_not_warm": "Warm the cache"},
    result=results.CacheWarmed,
)
def warm_popular_routes_cache() -> dict[str, Any]:
    """Compute the scores of the most popular routes for today and the next six days, and keep them in Redis."""
    here = context.current()
    started = time.monotonic()
    with here.connection.begin():
        routes = store.popular_routes(here.connection, here.settings.warm_routes)
    tally = _warm(here, routes) if routes else Tally(str(today()))
    found = {
        "status": tally.status,
        "routes_processed": tally.routes,
        "dates_per_route": DAYS,
        "total_warmed": tally.warmed,
        "total_failed": tally.failed,
        "weather_unavailable": tally.weather_unavailable,
        "cloud_cover_assumed": tally.cloud_cover_assumed,
    }
    _tell(here, {"first_day": tally.first_day, **found})
    return {"task": "warm_popular_routes_cache", **found, "seconds": round(time.monotonic() - started, 3)}


def _tell(here: Context, data: dict[str, Any]) -> None:
    """Scores are in Redis, which has no transaction with us: told when all are there, and once for a run."""
    with here.connection.begin():
        outbox.note(here.connection, "scores_warmed", here.run_id or uuid.uuid4(), data)


def _warm(here: Context, routes: Sequence[Route]) -> Tally:
    """Chunk by chunk, each a checkpoint: another attempt on the same day goes on behind the last one."""
    first = today()
    tally = Tally(**here.state) if here.state.get("first_day") == str(first) else Tally(str(first))
    past = Past.read(here.connection)
    forecasts = Forecasts(
        client=OpenMeteo.of(here.settings, here.cache),
        cache=here.cache,
        budget=Budget(here.cache, here.settings.weather_daily_calls, here.settings.weather_minute_calls),
        pause=patient(here),
    )

    def read_history(places: Sequence[Place]) -> MonthlyHistory:
        with here.connection.begin():
            return climates.read(here.connection, places)

    def compute(some: Sequence[Route]) -> Scores:
        return Scores.compute(some, first, past, read_history, forecasts)

    done = 0
    here.progress(tally.routes, len(routes), "reading the forecast")
    for chunk in _chunks(routes):
        done += len(chunk)
        if done <= tally.routes:
            continue
        for scores in _computed(compute, chunk, tally):
            _keep(here, scores, tally)
        tally.routes = done
        here.checkpoint(asdict(tally))
        here.progress(done, len(routes), "routes are warm")
    return tally


def _chunks(routes: Sequence[Route]) -> Iterator[list[Route]]:
    """The routes, place by place in the order of each place's first route."""
    by_place: dict[tuple[float | None, float | None], list[Route]] = {}
    for route in routes:
        by_place.setdefault((route.latitude, route.longitude), []).append(route)
    places = list(by_place.values())
    for start in range(0, len(places), PLACES_A_CHUNK):
        yield [route for place in places[start : start + PLACES_A_CHUNK] for route in place]


def _computed(compute: Callable[[Sequence[Route]], Scores], routes: Sequence[Route], tally: Tally) -> Iterator[Scores]:
    """Scores of the routes, in one piece unless one of them cannot be computed: then of all the others."""
    try:
        scores = compute(routes)
    except (ValueError, ArithmeticError) as error:
        if len(routes) == 1:
            _fail(routes[0], str(error), tally)
            return
        middle = len(routes) // 2
        for half in (routes[:middle], routes[middle:]):
            yield from _computed(compute, half, tally)
    else:
        yield scores


def _keep(here: Context, scores: Scores, tally: Tally) -> None:
    numbers = np.isfinite(scores.risk)
    for index in np.flatnonzero(~numbers.all(axis=1)).tolist():
        _fail(scores.routes[index], "its risk is not a number", tally, int((~numbers[index]).sum()))
    tally.warmed += write(here.cache, scores.documents(), TTL_S)
    tally.weather_unavailable += int((numbers & ~scores.has_weather).sum())
    tally.cloud_cover_assumed += int((numbers & (scores.clouds_assumed > 0)).sum())


def _fail(route: Route, reason: str, tally: Tally, days: int = DAYS) -> None:
    tally.failed += days
    log.error("route_failed", route_id=route.route_id, route=route.name, days=days, reason=reason)
