"""The two calls of Open-Meteo that are used, answered as it documents them."""

import datetime as dt
import json
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from tests.standins.faults import Fault
from tests.standins.server import Answer
from tests.standins.weather.climate import UNITS, daily

MOST_PLACES = 1_000
DAYS_A_CALL = 14
FORECAST_DAYS_BACK, FORECAST_DAYS_ON = 92, 15
ARCHIVE_BEGINS = dt.date(1940, 1, 1)


class BadRequest(Exception):
    """The message is the `reason` of a 400."""


@dataclass
class Limits:
    """Weighted calls by period; None for no limit. Periods are the clock's: a minute ends with its seconds."""

    minutely: float | None = 600
    hourly: float | None = 5_000
    daily: float | None = 10_000
    spent: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def refusal(self, calls: float) -> Answer | None:
        """Count the calls, or answer 429 with its reason."""
        now = dt.datetime.now(dt.UTC)
        periods = (
            ("Daily", self.daily, f"{now:%Y-%m-%d}", "tomorrow"),
            ("Hourly", self.hourly, f"{now:%Y-%m-%dT%H}", "in the next hour"),
            ("Minutely", self.minutely, f"{now:%Y-%m-%dT%H:%M}", "in one minute"),
        )
        with self._lock:
            for name, limit, period, again in periods:
                if limit is not None and self.spent[period] and self.spent[period] + calls > limit:
                    return error(429, f"{name} API request limit exceeded. Please try again {again}.")
            for _, _, period, _ in periods:
                self.spent[period] += calls
        return None


@dataclass(frozen=True)
class Query:
    """What a request asks for."""

    places: list[tuple[float, float]]
    variables: list[str]
    days: list[dt.date]
    wind_unit: str

    @property
    def calls(self) -> float:
        """What the request is counted as."""
        return len(self.places) * max(1.0, len(self.days) / DAYS_A_CALL) * max(1.0, len(self.variables) / 10)


def read(parameters: dict[str, str], first: dt.date, last: dt.date) -> Query:
    """The query of these parameters; days are on offer from `first` to `last`. Raises BadRequest."""
    lats, lngs = _degrees(parameters, "latitude", 90), _degrees(parameters, "longitude", 180)
    if len(lats) != len(lngs):
        raise BadRequest("Parameter 'latitude' and 'longitude' must have the same number of elements")
    if len(lats) > MOST_PLACES:
        raise BadRequest(f"Only up to {MOST_PLACES} locations can be requested at once")
    variables = parameters.get("daily", "").split(",")
    for name in variables:
        if name not in UNITS:
            raise BadRequest(f"Cannot initialize ForecastVariableDaily from invalid String value {name}")
    if "timezone" not in parameters:
        raise BadRequest("Timezone is required")
    begin, end = _day(parameters, "start_date", first, last), _day(parameters, "end_date", first, last)
    if end < begin:
        raise BadRequest("'end_date' must be larger or equal than 'start_date'")
    days = [begin + dt.timedelta(days=day) for day in range((end - begin).days + 1)]
    return Query(list(zip(lats, lngs, strict=True)), variables, days, parameters.get("wind_speed_unit", "kmh"))


def answer(query: Query, fault: Fault | None) -> Answer:
    """One object for one place, a list of them for several."""
    lost = _lost(query, fault)
    places = [_place(query, index, lost) for index in range(len(query.places))]
    if fault and fault.kind == "fewer-places":
        places.pop()
    return Answer(body=json.dumps(places if len(query.places) > 1 else places[0]).encode())


def error(status: int, reason: str) -> Answer:
    return Answer(status, json.dumps({"error": True, "reason": reason}).encode())


def _lost(query: Query, fault: Fault | None) -> set[tuple[str, int]]:
    """The variables and positions of days that are null: of `nulls:VARIABLE,...@DAY,...` those, of `nulls` all."""
    if fault is None or fault.kind != "nulls":
        return set()
    names, _, days = (fault.argument or "").partition("@")
    variables = names.split(",") if names else query.variables
    positions = map(int, days.split(",")) if days else range(len(query.days))
    return {(name, day) for day in positions for name in variables}


def _place(query: Query, index: int, lost: set[tuple[str, int]]) -> dict[str, Any]:
    lat, lng = query.places[index]
    weather = [daily(lat, lng, day) for day in query.days]
    columns: dict[str, Any] = {"time": [str(day) for day in query.days]}
    for name in query.variables:
        factor = 3.6 if name.startswith("wind") and query.wind_unit == "kmh" else 1
        columns[name] = [
            None if (name, position) in lost else round(day[name] * factor, 1) for position, day in enumerate(weather)
        ]
    return {
        "latitude": lat,
        "longitude": lng,
        "generationtime_ms": 0.1,
        "utc_offset_seconds": 0,
        "timezone": "GMT",
        "timezone_abbreviation": "GMT",
        "elevation": 0.0,
        **({"location_id": index} if index else {}),
        "daily_units": {"time": "iso8601", **{name: UNITS[name] for name in query.variables}},
        "daily": columns,
    }


def _degrees(parameters: dict[str, str], name: str, limit: int) -> list[float]:
    try:
        values = [float(text) for text in parameters.get(name, "").split(",")]
    except ValueError:
        raise BadRequest(f"Value of type 'Float' required for key '{name}'.") from None
    for value in values:
        if not abs(value) <= limit:
            raise BadRequest(f"{name.capitalize()} must be in range of -{limit} to {limit}°. Given: {value}.")
    return values


def _day(parameters: dict[str, str], name: str, first: dt.date, last: dt.date) -> dt.date:
    try:
        day = dt.date.fromisoformat(parameters.get(name, ""))
    except ValueError:
        raise BadRequest(f"Invalid date format. Make sure to use 'YYYY-MM-DD' for '{name}'") from None
    if not first <= day <= last:
        raise BadRequest(f"Parameter '{name}' is out of allowed range from {first} to {last}")
    return day
