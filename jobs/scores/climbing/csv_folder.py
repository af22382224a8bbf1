"""Reader of a folder of climbing data: mountains, routes, accidents and the weather before them.

Four files, `mountains`, `routes`, `accidents` and `accident_weather`, as .csv or .csv.gz. A file or a column that is
missing stops the reading. A single row that cannot be used is set aside and counted with its reason.
"""

import csv
import gzip
import io
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Final, TextIO, TypeVar

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
# Of a file, unpacked. That of 168,000 routes has 20 MB.
MOST_BYTES: Final = 512 * 2**20
# Of rows that are set aside by name; the count says how many there are.
MOST_NAMED: Final = 10
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


def read_folder(path: Path) -> Climbing:
    """Everything in a folder. Raises ClimbingDataError, naming the file or the columns that are missing.

    An accident that is dated after today (UTC) is set aside and named, and so is a route whose name is a sentence.
    """
    issues: Counter[str] = Counter()
    mountains = tuple(_usable(path, "mountains", Mountain, issues))
    elevations: dict[int | None, float | None] = {one.mountain_id: one.elevation_m for one in mountains}
    routes = _named(_usable(path, "routes", Route, issues), issues)
    accidents = _past(_usable(path, "accidents", Accident, issues), issues)
    return Climbing(
        mountains,
        tuple(replace(route, elevation_m=elevations.get(route.mountain_id)) for route in routes),
        tuple(replace(accident, elevation_m=elevations.get(accident.mountain_id)) for accident in accidents),
        tuple(_usable(path, "accident_weather", WeatherDay, issues)),
        issues,
    )


def _usable(folder: Path, name: str, kind: type[T], issues: Counter[str]) -> Iterator[T]:
    """The rows of one file that `kind` takes; the others are counted in `issues`. Ids must be unique."""
    adapter = TypeAdapter(kind)
    key = COLUMNS[name].split()[0]
    seen: set[int] = set()
    for values in _lines(folder, name):
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


def _filled(values: dict[str, str | None]) -> dict[str, str]:
    """Without what is blank. Half a position is none."""
    filled = {column: text for column, value in values.items() if column and value and (text := value.strip())}
    if not {"latitude", "longitude"} <= filled.keys():
        return {column: text for column, text in filled.items() if column not in ("latitude", "longitude")}
    return filled


def _reason(fault: ErrorDetails) -> str:
    column = str(fault["loc"][0])
    what = "coordinates" if column in ("latitude", "longitude") else column
    return REASONS.get(fault["type"], "{} cannot be read").format(what)


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


class _Bounded(io.RawIOBase):
    """Bytes of a file, which are not more than MOST_BYTES: a packed file of some MB may have no end."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._left = MOST_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        read = self._file.read(len(buffer))
        self._left -= len(read)
        if self._left < 0:
            raise OSError(f"it has more than {MOST_BYTES // 2**20} MB")
        buffer[: len(read)] = read
        return len(read)

    def close(self) -> None:
        self._file.close()
        super().close()


def _opened(path: Path) -> TextIO:
    file: Any = gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # noqa: SIM115 - closed by its wrapper
    return io.TextIOWrapper(io.BufferedReader(_Bounded(file)), encoding="utf-8-sig", newline="")
