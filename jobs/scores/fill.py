"""The job that fetches the usual weather of the routes' places."""

import datetime as dt
import time
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import structlog
from sqlalchemy import Connection, select

from jobs import context
from jobs.catalogue import job
from jobs.context import Context
from jobs.models.climbing import PlaceClimate
from jobs.scores import store
from jobs.scores.days import days_from
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


@job(queue="cache", slug="fill-climatology", cron="30 1 * * *", joins_running=True)
def fill_climatology() -> dict[str, Any]:
    """Fetch the usual weather of the routes' places, the most popular first, within the day's calls."""
    here = context.current()
    started = time.monotonic()
    with here.connection.begin():
        wanted = _wanted(here.connection, _all_places(here.connection))
    filled, calls = _fill(here, wanted)
    return {
        "task": "fill_climatology",
        "status": "success" if filled == len(wanted) else "budget_spent",
        "places_filled": filled,
        "places_waiting": len(wanted) - filled,
        "calls": round(calls, 1),
        "seconds": round(time.monotonic() - started, 3),
    }


def _all_places(connection: Connection) -> list[Place]:
    """Every route's place once, those of the most popular routes first."""
    routes = store.popular_routes(connection, "all")
    return list(dict.fromkeys(Place.at(route.latitude or 0.0, route.longitude or 0.0) for route in routes))


def _wanted(connection: Connection, places: Sequence[Place]) -> list[Place]:
    """Places without a history, then those whose history is older than a year, the oldest first."""
    fetched = {
        row.place: row.fetched_at for row in connection.execute(select(PlaceClimate.place, PlaceClimate.fetched_at))
    }
    old = dt.datetime.now(dt.UTC) - REFRESHED_AFTER
    missing = [place for place in places if str(place) not in fetched]
    stale = [place for place in places if str(place) in fetched and fetched[str(place)] < old]
    return missing + sorted(stale, key=lambda place: fetched[str(place)])


def _fill(here: Context, wanted: Sequence[Place]) -> tuple[int, float]:
    """How many of the places were filled, and the calls that were made. Each request's places are held at once."""
    client = OpenMeteo.of(here.settings)
    allowed = Budget(here.cache, SHARE * here.settings.weather_daily_calls, here.settings.weather_minute_calls)
    last = dt.datetime.now(dt.UTC).date() - LAG
    first = last - HISTORY + dt.timedelta(days=1)
    dates = np.array(days_from(first, HISTORY.days), dtype="datetime64[D]")
    filled, spent = 0, 0.0
    while filled < len(wanted):
        batch = wanted[filled : filled + PLACES_A_REQUEST]
        here.progress(filled, len(wanted), f"the usual weather of {batch[0]}")
        calls = budget.calls(len(batch), len(dates))
        while (seconds := allowed.spend_now(calls)) > 0:
            patient(here)(seconds)
        if not allowed.spend_today(calls):
            log.info("weather_budget_spent", daily_calls=allowed.daily)
            break
        daily = client.archive(batch, first, last)
        with here.connection.begin():
            climates.hold(here.connection, batch, MonthlyHistory.of(dates, daily[:, :, : len(FACTORS)]), first, last)
        filled += len(batch)
        spent += calls
    return filled, spent
