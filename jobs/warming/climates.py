"""The usual weather of places as it is held, and the job that fills it."""

import datetime as dt
import time
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import structlog
from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from jobs import context
from jobs.catalogue import job
from jobs.context import Context
from jobs.models import PlaceClimate
from jobs.warming import budget, store
from jobs.warming.budget import Budget
from jobs.warming.climatology import FACTORS, MonthlyHistory
from jobs.warming.open_meteo import OpenMeteo
from jobs.warming.pauses import patient
from jobs.warming.places import Place
from jobs.warming.planned import days_from

log = structlog.get_logger("safegrid.weather")

HISTORY: Final = dt.timedelta(days=5 * 365 + 1)
# The archive lags behind by some days.
LAG: Final = dt.timedelta(days=8)
REFRESHED_AFTER: Final = dt.timedelta(days=365)
PLACES_A_REQUEST: Final = 2
# The rest of the day's calls is for forecasts.
SHARE: Final = 0.75
_SHAPE: Final = (12, len(FACTORS))


def read(connection: Connection, places: Sequence[Place]) -> MonthlyHistory:
    """The history of each place in their order; one that is not held has no days."""
    rows = connection.execute(
        select(PlaceClimate.place, PlaceClimate.day_counts, PlaceClimate.means, PlaceClimate.deviations).where(
            PlaceClimate.place.in_({str(place) for place in places})
        )
    )
    held = {place: values for place, *values in rows.all()}
    nothing = ((0.0,) * (_SHAPE[0] * _SHAPE[1]),) * 3
    values = np.array([held.get(str(place), nothing) for place in places], dtype=np.float64)
    count, mean, std = values.reshape(len(places), 3, *_SHAPE).transpose(1, 0, 2, 3)
    return MonthlyHistory(count, mean, std)


def hold(
    connection: Connection, places: Sequence[Place], history: MonthlyHistory, first: dt.date, last: dt.date
) -> None:
    """Hold the history of each place in place of an older one."""
    rows = [
        {
            "place": str(place),
            "day_counts": history.count[index].ravel().tolist(),
            "means": history.mean[index].ravel().tolist(),
            "deviations": history.std[index].ravel().tolist(),
            "first_day": first,
            "last_day": last,
            "fetched_at": dt.datetime.now(dt.UTC),
        }
        for index, place in enumerate(places)
    ]
    statement = insert(PlaceClimate)
    replaced = {name: statement.excluded[name] for name in rows[0] if name != "place"}
    connection.execute(statement.on_conflict_do_update(index_elements=["place"], set_=replaced), rows)


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
            hold(here.connection, batch, MonthlyHistory.of(dates, daily[:, :, : len(FACTORS)]), first, last)
        filled += len(batch)
        spent += calls
    return filled, spent
