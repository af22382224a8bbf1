"""Loading of climbing data: the tables become what was read, all of it or nothing."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import Connection, delete, func, select

from jobs.database import copy, lock
from jobs.models import climbing as models
from jobs.models.base import Base
from jobs.scores.climbing.reading import Climbing, ClimbingDataError
from jobs.scores.climbing.rows import Accident, Route, WeatherDay

MOUNTAINS = ("mountain_id", "name", "elevation_m", "type", "range", "state", "latitude", "longitude", "accident_count")
ROUTES = (
    "route_id",
    "name",
    "mountain_id",
    "mountain_name",
    "grade",
    "grade_yds",
    "length_ft",
    "pitches",
    "type",
    "latitude",
    "longitude",
    "accident_count",
)
ACCIDENTS = (
    "accident_id",
    "source",
    "source_id",
    "date",
    "state",
    "latitude",
    "longitude",
    "accident_type",
    "activity",
    "injury_severity",
    "tags",
    "mountain_id",
    "route_id",
)
# The column of the table, and the field of the row.
WEATHER = {
    "weather_id": "weather_id",
    "accident_id": "accident_id",
    "date": "date",
    "temperature_mean_c": "temperature_avg",
    "temperature_min_c": "temperature_min",
    "temperature_max_c": "temperature_max",
    "wind_mean_ms": "wind_speed_avg",
    "wind_max_ms": "wind_speed_max",
    "precipitation_mm": "precipitation_total",
    "cloud_cover_pct": "cloud_cover_avg",
}

Linked = TypeVar("Linked", Route, Accident)


@dataclass(frozen=True)
class Loaded:
    """Rows held by table, and what of the data is not, or only in part, by reason."""

    rows: dict[str, int]
    issues: dict[str, int]


def load(connection: Connection, climbing: Climbing) -> Loaded:
    """Hold `climbing` in place of what is held, in one transaction: a second time it changes nothing.

    Ids stay as they are given, also where two mountains seem to be one. A link to a row that is not
    loaded is dropped and counted. Only the weather of accidents is held. Raises ClimbingDataError where there is none
    of what is held.
    """
    issues = Counter(climbing.issues)
    mountains = {mountain.mountain_id for mountain in climbing.mountains}
    routes = list(_linked("routes", climbing.routes, "mountain_id", mountains, issues))
    accidents = list(_linked("accidents", climbing.accidents, "mountain_id", mountains, issues))
    accidents = list(_linked("accidents", accidents, "route_id", {route.route_id for route in routes}, issues))
    weather = list(_weather(climbing.weather, {accident.accident_id for accident in accidents}, issues))
    with connection.begin():
        # Two loads at the same time would both delete, and then both fill, the same ids.
        lock(connection, "safegrid:climbing")
        for table, rows in (
            (models.Mountain, climbing.mountains),
            (models.Route, routes),
            (models.Accident, accidents),
            (models.AccidentWeather, weather),
        ):
            _refuse_none(connection, table, rows)
        for table in (models.AccidentWeather, models.Accident, models.Route, models.Mountain):
            connection.execute(delete(table))
        counts = {
            "mountains": copy(connection, "mountains", MOUNTAINS, _rows(climbing.mountains, MOUNTAINS)),
            "routes": copy(connection, "routes", ROUTES, _rows(routes, ROUTES)),
            "accidents": copy(connection, "accidents", ACCIDENTS, _rows(accidents, ACCIDENTS)),
            "accident_weather": copy(
                connection, "accident_weather", tuple(WEATHER), _rows(weather, tuple(WEATHER.values()))
            ),
        }
    return Loaded(counts, dict(issues))


def _refuse_none(connection: Connection, table: type[Base], rows: Collection[object]) -> None:
    """A file with a head alone, or of rows of which none can be used, is no reason to give up what is held."""
    if rows:
        return
    if held := connection.scalar(select(func.count()).select_from(table)):
        raise ClimbingDataError(
            f"{table.__tablename__}: the data has no valid row, but {held} are loaded: nothing was changed. "
            "Download the files again"
        )


def _linked(
    table: str, rows: Collection[Linked], link: str, known: Collection[int], issues: Counter[str]
) -> Iterator[Linked]:
    for row in rows:
        if getattr(row, link) is None or getattr(row, link) in known:
            yield row
        else:
            issues[f"{table}: {link} refers to no loaded row: loaded without it"] += 1
            nothing: dict[str, Any] = {link: None}
            yield replace(row, **nothing)


def _weather(days: Collection[WeatherDay], accidents: Collection[int], issues: Counter[str]) -> Iterator[WeatherDay]:
    """One row for each day of an accident that is loaded."""
    seen = set()
    for day in days:
        key = (day.accident_id, day.date)
        if day.accident_id is None:
            issues["accident_weather: climate data, not of an accident"] += 1
        elif day.accident_id not in accidents:
            issues["accident_weather: of an accident that is not loaded"] += 1
        elif key in seen:
            issues["accident_weather: a day of an accident seen before"] += 1
        else:
            seen.add(key)
            yield day


def _rows(rows: Collection[object], fields: tuple[str, ...]) -> Iterator[tuple[object, ...]]:
    return (tuple(getattr(row, field) for field in fields) for row in rows)
