"""A catalogue of 168,000 routes over 28,000 places, with all weather at hand, from the real climbing data."""

import datetime as dt
import itertools
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace

import numpy as np
from sqlalchemy import Connection

from jobs import cache, database, schema
from jobs.scores.climbing.loading import load
from jobs.scores.climbing.reading import Climbing
from jobs.scores.climbing.rows import Route
from jobs.scores.days import DAYS, days_from, today
from jobs.scores.weather import climates
from jobs.scores.weather.climatology import FACTORS, MonthlyHistory
from jobs.scores.weather.forecasts import Forecasts
from jobs.scores.weather.open_meteo import OpenMeteo
from jobs.scores.weather.patience import impatient
from jobs.scores.weather.places import Place
from tests.unit.warming_outlooks import random_days
from worker.settings import Settings

PLACES, ROUTES_A_PLACE = 28_000, 6


def enlarged(climbing: Climbing) -> Climbing:
    """Real routes shifted to 28,000 places by up to half a degree, with the kinds, grades and elevations of others."""
    rng = np.random.default_rng(7)
    real = [route for route in climbing.routes if route.is_placed]
    places: dict[Place, Route] = {}
    while len(places) < PLACES:
        route = real[int(rng.integers(len(real)))]
        shift = rng.uniform(-0.5, 0.5, 2)
        lat, lng = float((route.latitude or 0) + shift[0]), float((route.longitude or 0) + shift[1])
        if abs(lat) <= 90 and abs(lng) <= 180:
            places.setdefault(Place.at(lat, lng), replace(route, latitude=lat, longitude=lng))
    others = rng.integers(len(real), size=PLACES * ROUTES_A_PLACE).tolist()
    numbered = itertools.count(1)
    routes = tuple(
        replace(route, route_id=number, type=real[others[number - 1]].type, grade=real[others[-number]].grade)
        for route in places.values()
        for number in itertools.islice(numbered, ROUTES_A_PLACE)
    )
    accidents = tuple(replace(accident, route_id=None) for accident in climbing.accidents)
    return replace(climbing, routes=routes, accidents=accidents)


def prepare(settings: Settings, climbing: Climbing) -> None:
    """Tables loaded, forecasts in Redis, and the usual weather of every place in PostgreSQL."""
    engine = database.create(settings)
    with closing(cache.connect(settings)) as store, engine.connect() as connection:
        schema.migrate(connection)
        load(connection, climbing)
        places = [Place.at(route.latitude or 0, route.longitude or 0) for route in climbing.routes[::ROUTES_A_PLACE]]
        _keep_weather(Forecasts(OpenMeteo.of(settings), store, None, impatient), places)
        _keep_climates(connection, places)
    engine.dispose()


def _keep_weather(forecasts: Forecasts, places: Sequence[Place]) -> None:
    rng = np.random.default_rng(8)
    for start in range(0, len(places), 1_000):
        batch = places[start : start + 1_000]
        daily = random_days(rng, len(batch), 6 + DAYS)
        forecasts.keep(batch, daily, today() - dt.timedelta(days=6))


def _keep_climates(connection: Connection, places: Sequence[Place]) -> None:
    """The same two years of days for every place: what counts is that each is read."""
    first = dt.date(2024, 1, 1)
    dates = np.array(days_from(first, 730), dtype="datetime64[D]")
    one = MonthlyHistory.of(dates, random_days(np.random.default_rng(9), 1, 730)[:, :, : len(FACTORS)])
    for start in range(0, len(places), 2_000):
        batch = places[start : start + 2_000]
        same = MonthlyHistory(
            *(np.broadcast_to(a[0], (len(batch), *a.shape[1:])) for a in (one.count, one.mean, one.std))
        )
        with connection.begin():
            climates.hold(connection, batch, same, first, first + dt.timedelta(days=729))
