"""Rows of climbing data from wherever they are: mountains, routes, accidents and the weather before them.

A table or a column that is missing stops the reading. A single row that cannot be used is set aside and counted with
its reason.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from jobs.errors import PermanentError
from jobs.scores.climbing.names import reads_like_a_sentence
from jobs.scores.climbing.rows import Accident, Mountain, Route, WeatherDay
from jobs.scores.days import today

# What is wrong with a value of a column, by pydantic's name of the fault.
REASONS: Final = {
    "missing": "no {}",
    "int_parsing": "{} is not a whole number",
    "float_parsing": "{} is not a number",
    "finite_number": "{} is not a number",
    "value_error": "{} is not a date",
    "greater_than_equal": "{} are not degrees",
    "less_than_equal": "{} are not degrees",
    "string_pattern_mismatch": "{} has a zero byte",
    "too_large": "{} is too large",
    "int_parsing_size": "{} is too large",
}
COLUMNS: Final = {
    "mountains": "mountain_id name elevation_ft type range state latitude longitude accident_count",
    "routes": "route_id name mountain_id mountain_name grade grade_yds length_ft pitches type latitude longitude"
    " accident_count",
    "accidents": "accident_id source source_id date state latitude longitude accident_type activity injury_severity"
    " tags mountain_id route_id",
    "accident_weather": "weather_id accident_id date latitude longitude temperature_avg temperature_min"
    " temperature_max wind_speed_avg wind_speed_max precipitation_total cloud_cover_avg",
}
# Of rows that are set aside by name; the count says how many there are.
MOST_NAMED: Final = 10
T = TypeVar("T")
Lines = Callable[[str], Iterable[Mapping[str, str | None]]]
"""The rows of a table, each as {column: text}."""


class ClimbingDataError(PermanentError):
    """Climbing data lacks a table or a column, or a part of it cannot be read."""


@dataclass(frozen=True, slots=True)
class Climbing:
    """The rows that can be used, and why others cannot: "accidents: no date" -> how often.

    A row with two faults counts for both. Weather without an accident is the climate's background, not a fault.
    """

    mountains: tuple[Mountain, ...]
    routes: tuple[Route, ...]
    accidents: tuple[Accident, ...]
    weather: tuple[WeatherDay, ...]
    issues: Counter[str]


def read(lines: Lines) -> Climbing:
    """Everything that `lines` yields for each of COLUMNS. Raises as `lines` does.

    An accident that is dated after today (UTC) is set aside and named, and so is a route whose name is a sentence.
    """
    issues: Counter[str] = Counter()
    mountains = tuple(_usable(lines, "mountains", Mountain, issues))
    elevations: dict[int | None, float | None] = {one.mountain_id: one.elevation_m for one in mountains}
    routes = _named(_usable(lines, "routes", Route, issues), issues)
    accidents = _past(_usable(lines, "accidents", Accident, issues), issues)
    return Climbing(
        mountains,
        tuple(replace(route, elevation_m=elevations.get(route.mountain_id)) for route in routes),
        tuple(replace(accident, elevation_m=elevations.get(accident.mountain_id)) for accident in accidents),
        tuple(_usable(lines, "accident_weather", WeatherDay, issues)),
        issues,
    )


def _usable(lines: Lines, name: str, kind: type[T], issues: Counter[str]) -> Iterator[T]:
    """The rows of one table that `kind` takes; the others are counted in `issues`. Ids must be unique."""
    adapter = TypeAdapter(kind)
    key = COLUMNS[name].split()[0]
    seen: set[int] = set()
    for values in lines(name):
        try:
            row = adapter.validate_python(_filled(values))
        except ValidationError as error:
            issues.update({f"{name}: {_reason(fault)}": 1 for fault in error.errors(include_url=False)})
            continue
        if getattr(row, key) in seen:
            issues[f"{name}: {key} seen before"] += 1
            continue
        seen.add(getattr(row, key))
        yield row


def _past(accidents: Iterable[Accident], issues: Counter[str]) -> Iterator[Accident]:
    """Without those of a day that is yet to come: nobody knows of them, so the date is wrong."""
    now = today()
    future = []
    for accident in accidents:
        if accident.date <= now:
            yield accident
        else:
            future.append(f"{accident.accident_id} ({accident.date})")
    _note(issues, "accidents: date is after today", future)


def _named(routes: Iterable[Route], issues: Counter[str]) -> Iterator[Route]:
    """Without those whose name is a piece of a report: there is no such route."""
    sentences = []
    for route in routes:
        if reads_like_a_sentence(route.name):
            sentences.append(f"{route.route_id} ({route.name})")
        else:
            yield route
    _note(issues, "routes: name reads like a sentence", sentences)


def _note(issues: Counter[str], reason: str, rows: Sequence[str]) -> None:
    if rows:
        more = [f"and {len(rows) - MOST_NAMED} more"] if len(rows) > MOST_NAMED else []
        issues[f"{reason}: {', '.join([*rows[:MOST_NAMED], *more])}"] += len(rows)


def _filled(values: Mapping[str, str | None]) -> dict[str, str]:
    """Without what is blank. Half a position is none."""
    filled = {column: text for column, value in values.items() if column and value and (text := value.strip())}
    if not {"latitude", "longitude"} <= filled.keys():
        return {column: text for column, text in filled.items() if column not in ("latitude", "longitude")}
    return filled


def _reason(fault: ErrorDetails) -> str:
    column = str(fault["loc"][0])
    what = "coordinates" if column in ("latitude", "longitude") else column
    return REASONS.get(fault["type"], "{} cannot be read").format(what)
