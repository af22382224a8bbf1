"""Scores as other programs read them: `safety_score:{route_id}:{YYYY-MM-DD}` in Redis, for six hours."""

import datetime as dt
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from sqlalchemy import Connection

from jobs.scores import store
from jobs.scores.climbing.rows import Accident, Route, route_columns, with_windows
from jobs.scores.days import DAYS, days_from
from jobs.scores.model import Codes, Flags, Floats, colour
from jobs.scores.risk.inputs import Accidents
from jobs.scores.risk.outlook import Outlook
from jobs.scores.risk.risk import capped, uncapped
from jobs.scores.weather.climatology import MonthlyHistory
from jobs.scores.weather.forecasts import Forecasts
from jobs.scores.weather.places import Place, places_of

KEY: Final = "safety_score"
# Six hours, the cadence of the job that warms them; readers rely on it.
TTL_S: Final = 21_600
_NO_WEATHER: Final = ', "weather": "unavailable"'
_NO_HISTORY: Final = ', "history": "unavailable"'

ReadHistory = Callable[[Sequence[Place]], MonthlyHistory]
"""Reads the usual weather of places, in a connection and transaction of its own."""


def key(route_id: int, day: dt.date) -> str:
    """The key under which a score is cached."""
    return f"{KEY}:{route_id}:{day}"


@dataclass(frozen=True)
class Past:
    """The accidents as they are held, and as columns."""

    rows: Sequence[Accident]
    columns: Accidents

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def read(cls, connection: Connection) -> "Past":
        """Every accident with its weather."""
        with connection.begin():
            rows, windows = store.accidents(connection)
        return cls(rows, with_windows(rows, windows))


@dataclass(frozen=True)
class Scores:
    """Risks (routes, days) of routes with coordinates, before they are capped, and what they were computed from.

    Without weather, the neutral similarity stands for it; without history, no weather counts as extreme.
    """

    routes: Sequence[Route]
    days: Sequence[dt.date]
    past: Past
    outlook: Outlook
    uncapped: Floats
    computed_at: dt.datetime

    @classmethod
    def compute(
        cls, routes: Sequence[Route], first: dt.date, past: Past, read_history: ReadHistory, forecasts: Forecasts
    ) -> "Scores":
        """Scores of the days from `first` on. Raises ValueError for coordinates that are not degrees."""
        columns, days = route_columns(routes), days_from(first, DAYS)
        dates = np.array(days, dtype="datetime64[D]")
        places = places_of(columns.place_lat, columns.place_lng)
        usual = read_history(places).on(dates)
        outlook = Outlook(columns, dates, past.columns, forecasts.windows(places, first, DAYS), usual)
        return cls(routes, days, past, outlook, uncapped(outlook), dt.datetime.now(dt.UTC))

    @property
    def risk(self) -> Floats:
        """Risks from 0 to 100, (routes, days)."""
        return capped(self.uncapped)

    @property
    def has_weather(self) -> Flags:
        """Whether enough days of the planned weather are known, (routes, days)."""
        return (self.outlook.windows.days > 0)[self.outlook.routes.place]

    @property
    def clouds_assumed(self) -> Codes:
        """On how many days of the planned weather the cloud cover is not known, (routes, days)."""
        return self.outlook.windows.clouds_assumed[self.outlook.routes.place]

    @property
    def has_history(self) -> Flags:
        """Whether the usual weather is known, (routes, days)."""
        known = np.asarray(np.isfinite(self.outlook.climatology.mean).any(axis=-1))
        return known[self.outlook.routes.place]

    def documents(self) -> Iterator[tuple[str, str]]:
        """Key and JSON of every score that is a number, route by route."""
        risk = self.risk
        columns = (
            np.isfinite(risk),
            risk.round(1),
            self.uncapped.round(1),
            colour(risk),
            self.has_weather,
            self.has_history,
        )
        end = f'"computed_at": "{self.computed_at.isoformat(timespec="seconds")}"'
        days = [str(day) for day in self.days]
        # Put together by hand: this is done a million times.
        for route, *row in zip(self.routes, *(column.tolist() for column in columns), strict=True):
            start = json.dumps({"route_id": route.route_id, "route_name": route.name})[:-1]
            for day, is_number, shown, whole, name, weather, history in zip(days, *row, strict=True):
                if is_number:
                    marks = ("" if weather else _NO_WEATHER) + ("" if history else _NO_HISTORY)
                    score = f'"target_date": "{day}", "risk_score": {shown}, "color_code": "{name}"'
                    yield f"{KEY}:{route.route_id}:{day}", f'{start}, {score}, {end}, "risk_uncapped": {whole}{marks}}}'
