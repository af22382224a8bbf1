"""Mountains, routes, accidents and weather as rows, and the columns that a score is computed from."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Annotated, Final

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from jobs.scores.climbing.grades import difficulty
from jobs.scores.model import DEFAULT_KIND, KINDS, WINDOW_DAYS, Floats, kind_code, severity_code
from jobs.scores.risk.inputs import Accidents, Routes
from jobs.scores.weather.windows import FIELDS, Windows

# Exactly so, since 1959.
METRES_A_FOOT: Final = 0.3048
# No height, length or weather on Earth is beyond it; PostgreSQL's integer has the other bound.
_LARGEST: Final = 1e9
_LARGEST_INT: Final = 2**31 - 1


def _within(largest: float) -> AfterValidator:
    def check(number: float | None) -> float | None:
        if number is not None and abs(number) > largest:
            raise PydanticCustomError("too_large", "too large")
        return number

    return AfterValidator(check)


# What pydantic takes of a file's columns. A blank is left out before, so the default stands for it.
Text = Annotated[str, Field(default="", pattern=r"^[^\x00]*$")]
Number = Annotated[float | None, Field(default=None, allow_inf_nan=False), _within(_LARGEST)]
Id = Annotated[int, _within(_LARGEST_INT)]
Feet = Annotated[Number, Field(alias="elevation_ft"), AfterValidator(lambda feet: feet and feet * METRES_A_FOOT)]
Count = Annotated[int, Field(default=0), _within(_LARGEST_INT)]
Link = Annotated[int | None, Field(default=None), _within(_LARGEST_INT)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
# By ISO alone: pydantic would take a number for seconds since 1970.
Day = Annotated[date, BeforeValidator(date.fromisoformat)]


@dataclass(frozen=True, slots=True)
class Mountain:
    """elevation_m: metres above the sea. latitude, longitude: degrees. None is not known, here and below."""

    mountain_id: Id
    name: Text
    elevation_m: Feet
    type: Text
    range: Text
    state: Text
    latitude: Annotated[Latitude | None, Field(default=None)]
    longitude: Annotated[Longitude | None, Field(default=None)]
    accident_count: Count


@dataclass(frozen=True, slots=True)
class Route:
    """elevation_m is the linked mountain's."""

    route_id: Id
    name: Text
    mountain_id: Link
    mountain_name: Text
    grade: Text
    grade_yds: Text
    length_ft: Number
    pitches: Number
    type: Text
    latitude: Annotated[Latitude | None, Field(default=None)]
    longitude: Annotated[Longitude | None, Field(default=None)]
    accident_count: Count
    elevation_m: Number

    @property
    def is_placed(self) -> bool:
        """Whether it has coordinates, in degrees."""
        if self.latitude is None or self.longitude is None:
            return False
        # The tables may have been filled by others.
        return abs(self.latitude) <= 90 and abs(self.longitude) <= 180

    @property
    def difficulty(self) -> float:
        """Difficulty of the grade, else of the YDS grade; nan when neither is known."""
        graded = difficulty(self.grade)
        return difficulty(self.grade_yds) if math.isnan(graded) else graded


@dataclass(frozen=True, slots=True)
class Accident:
    """elevation_m is the linked mountain's."""

    accident_id: Id
    source: Text
    source_id: Text
    date: Day
    state: Text
    latitude: Latitude
    longitude: Longitude
    accident_type: Text
    activity: Text
    injury_severity: Text
    tags: Text
    mountain_id: Link
    route_id: Link
    elevation_m: Number


@dataclass(frozen=True, slots=True)
class WeatherDay:
    """One day's weather: C, m/s, mm, %. Days without an accident describe the climate in general."""

    weather_id: Id
    accident_id: Link
    date: Day
    latitude: Annotated[Latitude | None, Field(default=None)]
    longitude: Annotated[Longitude | None, Field(default=None)]
    temperature_avg: Number
    temperature_min: Number
    temperature_max: Number
    wind_speed_avg: Number
    wind_speed_max: Number
    precipitation_total: Number
    cloud_cover_avg: Number


# What the model takes for evidence of a kind, best first; a part of a word is enough, so "unroped" is "roped" too.
_KIND_BY_TAGS: Final = (
    (re.compile("ice climb"), "ice"),
    (re.compile("mixed climb"), "mixed"),
    (re.compile("alpine|mountaineering"), "alpine"),
    (re.compile("sport climb"), "sport"),
    (re.compile("trad"), "trad"),
    (re.compile("aid climb"), "aid"),
    (re.compile("boulder"), "boulder"),
    (re.compile(r"grade:[^,|]*\b5\.1[1-5](?!\d)"), "sport"),
    (re.compile(r"grade:[^,|]*\b5\.(10|[1-9])(?!\d)"), "trad"),
    (re.compile("roped"), "trad"),
)
_KIND_BY_TYPE: Final = (
    (re.compile("ice"), "ice"),
    (re.compile("avalanche|rockfall"), "alpine"),
    (re.compile("roped_climbing|rappel"), "trad"),
    (re.compile("solo"), "alpine"),
)
_KIND_BY_ACTIVITY: Final = (
    (re.compile("backcountry"), "alpine"),
    (re.compile("climber|climbing"), "trad"),
    (re.compile("mountaineer"), "alpine"),
    (re.compile("canyoneering"), "trad"),
    (re.compile("ski"), "alpine"),
)


# Thousands of accidents share a few hundred descriptions.
@lru_cache(4096)
def accident_kind(tags: str, accident_type: str, activity: str) -> int:
    """Index into KINDS of an accident, by the first of its tags, its type and its activity that says one."""
    described = ((tags, _KIND_BY_TAGS), (accident_type, _KIND_BY_TYPE), (activity, _KIND_BY_ACTIVITY))
    for text, patterns in described:
        for pattern, kind in patterns:
            if pattern.search(text.lower()):
                return KINDS.index(kind)
    return DEFAULT_KIND


def tag_list(tags: str) -> list[str]:
    """The tags of an accident in lower case, without the notes that follow a bar."""
    return [tag.strip().lower() for tag in tags.partition("|")[0].split(",")]


def tagged_grade(tags: str) -> str | None:
    """The grade in a tag such as `grade:5.9`."""
    return next((tag.removeprefix("grade:").strip() for tag in tag_list(tags) if tag.startswith("grade:")), None)


def route_columns(routes: Sequence[Route]) -> Routes:
    """Columns of routes in their order. All of them must have coordinates."""
    return Routes.at(
        lat=_column(route.latitude for route in routes),
        lng=_column(route.longitude for route in routes),
        kind=[kind_code(route.type) for route in routes],
        elevation_m=_column(route.elevation_m for route in routes),
        difficulty=_column(route.difficulty for route in routes),
    )


def accident_columns(accidents: Sequence[Accident], weather: Iterable[WeatherDay]) -> Accidents:
    """Columns of accidents in their order, each with the weather of the seven days up to its own."""
    return with_windows(accidents, _accident_windows(accidents, weather))


def with_windows(accidents: Sequence[Accident], windows: Windows) -> Accidents:
    """Columns of accidents in their order, with windows (accidents,) in the same order."""
    dates = np.array([accident.date for accident in accidents], dtype="datetime64[D]")
    return Accidents(
        lat=_column(accident.latitude for accident in accidents),
        lng=_column(accident.longitude for accident in accidents),
        date=dates,
        kind=np.array([accident_kind(one.tags, one.accident_type, one.activity) for one in accidents], np.int8),
        severity=np.array([severity_code(accident.injury_severity) for accident in accidents], np.int8),
        elevation_m=_column(accident.elevation_m for accident in accidents),
        difficulty=_column(difficulty(tagged_grade(accident.tags)) for accident in accidents),
        windows=windows,
    )


def _accident_windows(accidents: Sequence[Accident], weather: Iterable[WeatherDay]) -> Windows:
    owners = {accident.accident_id: (index, accident.date) for index, accident in enumerate(accidents)}
    placed = [
        (*owners[day.accident_id], day) for day in weather if day.accident_id is not None and day.accident_id in owners
    ]
    return Windows.scattered(
        len(accidents),
        np.array([owner for owner, _, _ in placed], dtype=np.intp),
        np.array([WINDOW_DAYS - 1 - (last - day.date).days for _, last, day in placed], dtype=np.intp),
        np.array([_values(day) for _, _, day in placed], dtype=np.float64).reshape(-1, len(FIELDS)),
    )


def _values(day: WeatherDay) -> tuple[float | None, ...]:
    """In the order of FIELDS. The forecast's wind is a day's maximum, so this one is too; visibility is unknown."""
    return (
        day.temperature_avg,
        day.precipitation_total,
        day.wind_speed_max,
        None,
        day.cloud_cover_avg,
        day.temperature_min,
        day.temperature_max,
    )


def _column(values: Iterable[float | None]) -> Floats:
    return np.array(list(values), dtype=np.float64)
