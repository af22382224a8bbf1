"""The job that fetches the usual weather of the routes' places."""

import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import structlog
from sqlalchemy import Connection

from jobs import context, results
from jobs.catalogue import job
from jobs.context import Context
from jobs.scores import store
from jobs.scores.days import days_from
from jobs.scores.model import Floats
from jobs.scores.weather import budget, climates
from jobs.scores.weather.budget import Budget
from jobs.scores.weather.climatology import FACTORS, MonthlyHistory
from jobs.scores.weather.open_meteo import OpenMeteo
from jobs.scores.weather.patience import patient
from jobs.scores.weather.places import Place

log = structlog.get_logger("safegrid.weather")

# Five years, one of them with a leap day, of which the model takes means and deviations.
HISTORY: Final = dt.timedelta(days=5 * 365 + 1)
# The archive lags behind by some days.
LAG: Final = dt.timedelta(days=8)
# One year in five is new by then.
REFRESHED_AFTER: Final = dt.timedelta(days=365)
# Five years of a place count as 131 calls, of 600 that the service allows in a minute: forecasts want some too.
PLACES_A_REQUEST: Final = 2
# The rest of the day's calls is for forecasts.
SHARE: Final = 0.75


@dataclass
class Tally:
    """What has become of the places so far."""

    asked: int = 0
    filled: int = 0
    calls: float = 0.0

    def status(self, wanted: int) -> str:
        """What is to be said of the whole."""
        if self.asked < wanted:
            return "budget_spent"
        return "success" if self.filled == wanted else "partial"


@job(queue="cache", slug="fill-climatology", cron="30 1 * * *", joins_running=True, result=results.ClimatologyFilled)
def fill_climatology() -> dict[str, Any]:
    """Fetch the usual weather at the routes, the most popular first, within the daily limit of calls."""
    here = context.current()
    started = time.monotonic()
    since = dt.datetime.now(dt.UTC) - REFRESHED_AFTER
    with here.connection.begin():
        wanted = climates.due(here.connection, _all_places(here.connection), since, since.date() - LAG)
    tally = _fill(here, wanted)
    return {
        "task": "fill_climatology",
        "status": tally.status(len(wanted)),
        "places_filled": tally.filled,
        "places_incomplete": tally.asked - tally.filled,
        "places_waiting": len(wanted) - tally.filled,
        "calls": round(tally.calls, 1),
        "seconds": round(time.monotonic() - started, 3),
    }


def _all_places(connection: Connection) -> list[Place]:
    """Every route's place once, those of the most popular routes first."""
    routes = store.popular_routes(connection, "all")
    return list(dict.fromkeys(Place.at(route.latitude or 0.0, route.longitude or 0.0) for route in routes))


def _fill(here: Context, wanted: Sequence[Place]) -> Tally:
    """Each request's places are held at once."""
    client = OpenMeteo.of(here.settings, here.cache)
    allowed = Budget(here.cache, SHARE * here.settings.weather_daily_calls, here.settings.weather_minute_calls)
    last = dt.datetime.now(dt.UTC).date() - LAG
    first = last - HISTORY + dt.timedelta(days=1)
    size = budget.places_that_fit(PLACES_A_REQUEST, HISTORY.days, allowed.minutely)
    tally = Tally()
    while tally.asked < len(wanted):
        batch = wanted[tally.asked : tally.asked + size]
        here.progress(tally.asked, len(wanted), f"the usual weather of {batch[0]}")
        calls = budget.calls(len(batch), HISTORY.days)
        while (seconds := allowed.spend_now(calls)) > 0:
            patient(here)(seconds)
        if not allowed.spend_today(calls):
            log.info("weather_budget_spent", daily_calls=allowed.daily)
            break
        tally.filled += _hold(here.connection, batch, client.archive(batch, first, last), first, last)
        tally.asked += len(batch)
        tally.calls += calls
    return tally


def _hold(connection: Connection, batch: Sequence[Place], daily: Floats, first: dt.date, last: dt.date) -> int:
    """Hold the history of the places that have one, and what was asked of the others. Returns how many have."""
    dates = np.array(days_from(first, HISTORY.days), dtype="datetime64[D]")
    history = MonthlyHistory.of(dates, daily[:, :, : len(FACTORS)])
    complete = history.is_complete(dates)
    whole = [place for place, is_whole in zip(batch, complete, strict=True) if is_whole]
    with_gaps = [place for place in batch if place not in whole]
    with connection.begin():
        climates.hold(connection, whole, history.take(np.flatnonzero(complete)), first, last)
        climates.hold_nothing(connection, with_gaps, first, last)
    for place in with_gaps:
        log.warning("history_incomplete", place=str(place), first=str(first), last=str(last))
    return len(batch) - len(with_gaps)
