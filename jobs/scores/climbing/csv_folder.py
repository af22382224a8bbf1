"""Reader of a folder of climbing data: mountains, routes, accidents and the weather before them.

Four files, `mountains`, `routes`, `accidents` and `accident_weather`, as .csv or .csv.gz. A file or a column that is
missing stops the reading. A single row that cannot be used is set aside and counted with its reason.
"""

import csv
import gzip
import math
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, TextIO, TypeVar

from jobs.errors import PermanentError
from jobs.scores.climbing.rows import Accident, Mountain, Route, WeatherDay

METRES_A_FOOT: Final = 0.3048
COLUMNS: Final = {
    "mountains": "mountain_id name elevation_ft type range state latitude longitude accident_count",
    "routes": "route_id name mountain_id mountain_name grade grade_yds length_ft pitches type latitude longitude"
    " accident_count",
    "accidents": "accident_id source source_id date state latitude longitude accident_type activity injury_severity"
    " tags mountain_id route_id",
    "accident_weather": "weather_id accident_id date latitude longitude temperature_avg temperature_min"
    " temperature_max wind_speed_avg wind_speed_max precipitation_total cloud_cover_avg",
}
T = TypeVar("T")


class ClimbingDataError(PermanentError):
    """A folder of climbing data lacks a file or a column, or one of its files cannot be read."""


@dataclass(frozen=True, slots=True)
class Climbing:
    """The rows of a folder that can be used, and why others cannot: "accidents: no date" -> how often.

    A row with two faults counts for both. Weather without an accident is the climate's background, not a fault.
    """

    mountains: tuple[Mountain, ...]
    routes: tuple[Route, ...]
    accidents: tuple[Accident, ...]
    weather: tuple[WeatherDay, ...]
    issues: Counter[str]


class _Unusable(Exception):
    """A row has to be set aside; the arguments are the reasons."""


def read_folder(path: Path) -> Climbing:
    """Everything in a folder. Raises ClimbingDataError, naming the file or the columns that are missing."""
    issues: Counter[str] = Counter()
    mountains = tuple(_usable(path, "mountains", _mountain, issues))
    elevations = {mountain.mountain_id: mountain.elevation_m for mountain in mountains}
    routes = tuple(_usable(path, "routes", lambda row: _route(row, elevations), issues))
    accidents = tuple(_usable(path, "accidents", lambda row: _accident(row, elevations), issues))
    weather = tuple(_usable(path, "accident_weather", _weather_day, issues))
    return Climbing(mountains, routes, accidents, weather, issues)


class _Row:
    """One line of a file. A blank is None; what cannot be read makes the row unusable."""

    def __init__(self, values: dict[str, str | None]) -> None:
        self._values = values

    def text(self, column: str) -> str:
        return (self._values[column] or "").strip()

    def number(self, column: str) -> float | None:
        if not (text := self.text(column)):
            return None
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise _Unusable(f"{column} is not a number")
        return value

    def whole(self, column: str) -> int | None:
        """A whole number, which may be written `1.0`."""
        value = self.number(column)
        if value is not None and not value.is_integer():
            raise _Unusable(f"{column} is not a whole number")
        return None if value is None else int(value)

    def identity(self, column: str) -> int:
        if (value := self.whole(column)) is None:
            raise _Unusable(f"no {column}")
        return value

    def day(self, column: str) -> date | None:
        if not (text := self.text(column)):
            return None
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise _Unusable(f"{column} is not a date") from None

    def position(self) -> tuple[float, float] | None:
        """Latitude and longitude in degrees, None when either is blank."""
        latitude, longitude = self.number("latitude"), self.number("longitude")
        if latitude is None or longitude is None:
            return None
        if abs(latitude) > 90 or abs(longitude) > 180:
            raise _Unusable("coordinates are not degrees")
        return latitude, longitude


def _mountain(row: _Row) -> Mountain:
    feet = row.number("elevation_ft")
    latitude, longitude = row.position() or (None, None)
    return Mountain(
        mountain_id=row.identity("mountain_id"),
        name=row.text("name"),
        elevation_m=None if feet is None else feet * METRES_A_FOOT,
        type=row.text("type"),
        range=row.text("range"),
        state=row.text("state"),
        latitude=latitude,
        longitude=longitude,
        accident_count=row.whole("accident_count") or 0,
    )


def _route(row: _Row, elevations: dict[int, float | None]) -> Route:
    mountain_id = row.whole("mountain_id")
    latitude, longitude = row.position() or (None, None)
    return Route(
        route_id=row.identity("route_id"),
        name=row.text("name"),
        mountain_id=mountain_id,
        mountain_name=row.text("mountain_name"),
        grade=row.text("grade"),
        grade_yds=row.text("grade_yds"),
        length_ft=row.number("length_ft"),
        pitches=row.number("pitches"),
        type=row.text("type"),
        latitude=latitude,
        longitude=longitude,
        accident_count=row.whole("accident_count") or 0,
        elevation_m=None if mountain_id is None else elevations.get(mountain_id),
    )


def _accident(row: _Row, elevations: dict[int, float | None]) -> Accident:
    position, day, mountain_id = row.position(), row.day("date"), row.whole("mountain_id")
    if position is None and day is None:
        raise _Unusable("no coordinates", "no date")
    if position is None:
        raise _Unusable("no coordinates")
    if day is None:
        raise _Unusable("no date")
    return Accident(
        accident_id=row.identity("accident_id"),
        source=row.text("source"),
        source_id=row.text("source_id"),
        date=day,
        state=row.text("state"),
        latitude=position[0],
        longitude=position[1],
        accident_type=row.text("accident_type"),
        activity=row.text("activity"),
        injury_severity=row.text("injury_severity"),
        tags=row.text("tags"),
        mountain_id=mountain_id,
        route_id=row.whole("route_id"),
        elevation_m=None if mountain_id is None else elevations.get(mountain_id),
    )


def _weather_day(row: _Row) -> WeatherDay:
    if (day := row.day("date")) is None:
        raise _Unusable("no date")
    latitude, longitude = row.position() or (None, None)
    return WeatherDay(
        weather_id=row.identity("weather_id"),
        accident_id=row.whole("accident_id"),
        date=day,
        latitude=latitude,
        longitude=longitude,
        temperature_avg=row.number("temperature_avg"),
        temperature_min=row.number("temperature_min"),
        temperature_max=row.number("temperature_max"),
        wind_speed_avg=row.number("wind_speed_avg"),
        wind_speed_max=row.number("wind_speed_max"),
        precipitation_total=row.number("precipitation_total"),
        cloud_cover_avg=row.number("cloud_cover_avg"),
    )


def _usable(folder: Path, name: str, parse: Callable[[_Row], T], issues: Counter[str]) -> Iterator[T]:
    """The rows of one file as `parse` makes them; the others are counted in `issues`. Ids must be unique."""
    key = COLUMNS[name].split()[0]
    seen: set[int] = set()
    for values in _lines(folder, name):
        row = _Row(values)
        try:
            identity = row.identity(key)
            if identity in seen:
                raise _Unusable(f"{key} seen before")
            parsed = parse(row)
        except _Unusable as reasons:
            issues.update(f"{name}: {reason}" for reason in reasons.args)
            continue
        seen.add(identity)
        yield parsed


def _lines(folder: Path, name: str) -> Iterator[dict[str, str | None]]:
    path = _file(folder, name)
    try:
        with _opened(path) as file:
            reader = csv.DictReader(file, restkey="")
            missing = [column for column in COLUMNS[name].split() if column not in (reader.fieldnames or ())]
            if missing:
                raise ClimbingDataError(
                    f"{path} lacks the columns {', '.join(missing)}; it needs {COLUMNS[name].replace(' ', ', ')}"
                )
            yield from reader
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise ClimbingDataError(f"{path} cannot be read ({error}); fetch it again") from error


def _file(folder: Path, name: str) -> Path:
    for path in (folder / f"{name}.csv", folder / f"{name}.csv.gz"):
        if path.is_file():
            return path
    raise ClimbingDataError(f"{folder} has neither {name}.csv nor {name}.csv.gz; name a folder that has one of them")


def _opened(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")
