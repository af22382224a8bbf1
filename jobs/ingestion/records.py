"""What the source calls a crime, checked field by field and turned into rows of ours."""

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple

import numpy as np
from annotated_types import Ge, Le
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from jobs.areas import Area
from jobs.http import SourceChanged, SourceUnavailable
from jobs.ingestion.police import Tile
from jobs.months import month_text, parse_month
from jobs.problems import problems_of

# Fields of the source that we read past on purpose: always empty, or repeated elsewhere.
IGNORED_FIELDS = {"context", "location_subtype"}
# More bad records than this in one answer is no accident: the format has changed. In a short answer, up to 10 but
# no more than half of them are borne.
MOST_SET_ASIDE = 0.01
LONGEST_EXAMPLE = 1_000

Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
"""PostgreSQL holds any text but one with a NUL."""
Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=100)]
"""Also of a category that nobody knows: it is to be named by people."""
BigInt = Annotated[int, Ge(-(2**63)), Le(2**63 - 1)]
"""What PostgreSQL's bigint holds."""


class Street(BaseModel):
    """The anonymous point a crime was snapped to."""

    id: BigInt
    name: Text


class Location(BaseModel):
    """Degrees; the source writes them as text."""

    latitude: Annotated[FiniteFloat, Ge(-90), Le(90)]
    longitude: Annotated[FiniteFloat, Ge(-180), Le(180)]
    street: Street


class Outcome(BaseModel):
    """The last known outcome and its month."""

    category: Text
    date: Annotated[str, Field(pattern=r"^[12][0-9]{3}-(0[1-9]|1[0-2])$")]


class Record(BaseModel):
    """One crime as the API documents it."""

    model_config = ConfigDict(extra="allow")

    category: Slug
    month: str
    id: BigInt
    persistent_id: Text = ""
    location_type: Text | None = None
    location: Location | None
    outcome_status: Outcome | None = None


class Crime(NamedTuple):
    """One crime as we hold it."""

    category: str
    lat: float | None
    lng: float | None
    street_id: int | None
    street_name: str
    """Empty where it has no place."""
    api_id: int | None
    persistent_id: str | None
    location_type: str | None
    outcome: str | None
    outcome_month: dt.date | None

    @property
    def place(self) -> tuple[float | None, float | None, str]:
        """Where it is: degrees and the street's name."""
        return self.lat, self.lng, self.street_name

    def placed(self, point_id: int) -> tuple[Any, ...]:
        """It as a crime of that point: the columns of `staging.PLACED_COLUMNS` after the month."""
        return self.category, point_id, self.api_id, self.persistent_id, self.location_type, *self[-2:]

    @property
    def unplaced(self) -> tuple[Any, ...]:
        """It as a crime without a place: the columns of `staging.UNPLACED_COLUMNS` after the force."""
        return self.category, self.api_id, self.persistent_id, *self[-2:]


@dataclass
class Issues:
    """What people should know of a month: each kind with its count and one example."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, issue: str, example: Any, count: int = 1) -> None:
        """Note `count` cases of `issue`."""
        self.counts[issue] += count
        if issue not in self.examples:
            # As JSON's own text, in ASCII: whatever the source sends, it can be kept and read.
            self.examples[issue] = json.dumps(example)[:LONGEST_EXAMPLE]

    def take_in(self, others: list[dict[str, Any]]) -> None:
        """Add what `as_list` returned of others."""
        for one in others:
            self.counts[one["issue"]] += one["count"]
            self.examples.setdefault(one["issue"], one["example"])

    def as_list(self) -> list[dict[str, Any]]:
        """[{issue, count, example}], the most frequent first."""
        return [
            {"issue": issue, "count": count, "example": self.examples[issue]}
            for issue, count in self.counts.most_common()
        ]


class Aside(NamedTuple):
    """A record that is no crime of ours, kept with its reason."""

    force: str | None
    """Of a record without a place."""
    reason: str
    record: str
    """JSON in ASCII, whatever the source sends."""
    category: str | None = None
    """Of a record that is a crime as soon as its category is known."""
    lat: float | None = None
    lng: float | None = None


@dataclass
class Answer:
    """What an answer of the source was, beside its crimes: every record that was read is in one of the counts."""

    read: int = 0
    force: str | None = None
    """Whose crimes without a place were asked for; none for those with one."""
    outside: int = 0
    """Records of no concern here: outside of the area, or another tile's."""
    collapsed: int = 0
    """Rows of the archive that tell of a crime what another told already, but perhaps for its outcome."""
    aside: list[Aside] = field(default_factory=list)
    issues: Issues = field(default_factory=Issues)

    @property
    def set_aside(self) -> int:
        """How many records were set aside."""
        return len(self.aside)

    def set_apart(self, reason: str, record: Any, crime: Crime | None = None) -> None:
        """Set a record aside, and say so. crime: what it is once its category is known."""
        place = (crime.category, crime.lat, crime.lng) if crime else ()
        self.keep_aside(Aside(self.force, reason, json.dumps(record), *place))

    def keep_aside(self, aside: Aside) -> None:
        """Keep a record that was set aside, and say so."""
        issue = {"issue": f"set aside: {aside.reason}", "count": 1, "example": aside.record[:LONGEST_EXAMPLE]}
        self.issues.take_in([issue])
        self.aside.append(aside)


@dataclass
class Reader:
    """Reads one answer. Each record is a crime, outside, set aside with its reason, or stops the month."""

    month: dt.date
    categories: frozenset[str]
    answer: Answer

    def placed(self, raw: list[dict[str, Any]], area: Area, tile: Tile | None = None) -> list[Crime]:
        """Crimes of the area among the raw records of one tile, of the whole area when it is left out.

        Those on a seam belong to one of its tiles by their place: ids may change while a month comes in.
        """
        found = self._records(raw, lambda record: record.location is not None)
        points = np.array([(crime.lat, crime.lng) for crime, _ in found], dtype=float).reshape(-1, 2)
        lat, lng = points[:, 0], points[:, 1]
        inside = area.contains(lat, lng) & (tile or Tile(area.bounds)).holds(lat, lng)
        self.answer.outside += int((~inside).sum())
        return self._ours(one for one, within in zip(found, inside, strict=True) if within)

    def unplaced(self, raw: list[dict[str, Any]]) -> list[Crime]:
        """Crimes of a force that have no place."""
        return self._ours(self._records(raw, lambda record: record.location is None))

    def _ours(self, found: Iterable[tuple[Crime, Any]]) -> list[Crime]:
        """Those of known categories. An id that stands twice in one response is one crime, said twice."""
        by_id: dict[int | None, Crime] = {}
        for crime, entry in found:
            if crime.category not in self.categories:
                self.answer.set_apart(f"unknown category {crime.category}", entry, crime)
            elif crime.api_id in by_id:
                self.answer.set_apart("the same id twice in one response", entry)
            else:
                by_id[crime.api_id] = crime
        return list(by_id.values())

    def _records(self, raw: list[dict[str, Any]], belongs: Callable[[Record], bool]) -> list[tuple[Crime, Any]]:
        """Each crime with what it was read from."""
        found = []
        for entry in raw:
            try:
                record = Record.model_validate(entry)
            except ValidationError as error:
                problems = problems_of(Record, error)
                self.answer.set_apart(f"{', '.join(sorted(problems))} cannot be read", entry)
                continue
            self._check(record)
            if belongs(record):
                found.append((crime_of(record), entry))
            else:
                self.answer.set_apart(
                    "a place where there should be none, or no place where there should be one", entry
                )
        bad = len(raw) - len(found)
        if bad > max(1, min(10, len(raw) // 2), MOST_SET_ASIDE * len(raw)):
            raise SourceChanged(
                f"{bad} of {len(raw)} records of {month_text(self.month)} cannot be read; "
                f"the first problem: {self.answer.issues.as_list()[0]['issue']}"
            )
        return found

    def _check(self, record: Record) -> None:
        if record.month != month_text(self.month):
            raise SourceUnavailable(
                f"The source returned {record.month} instead of {month_text(self.month)}: nothing was ingested"
            )
        for name in set(record.model_extra or ()) - IGNORED_FIELDS:
            self.answer.issues.add(f"unknown field {name}", (record.model_extra or {})[name])


def crime_of(record: Record) -> Crime:
    """A record as we hold it."""
    place = record.location
    outcome = record.outcome_status
    return Crime(
        category=record.category,
        lat=place.latitude if place else None,
        lng=place.longitude if place else None,
        street_id=place.street.id if place else None,
        street_name=place.street.name if place else "",
        api_id=record.id,
        persistent_id=record.persistent_id or None,
        location_type=record.location_type,
        outcome=outcome.category if outcome else None,
        outcome_month=parse_month(outcome.date) if outcome else None,
    )


def crime_from(text: str) -> Crime:
    """The crime of a record that was set aside for its category alone, as it was kept."""
    record = json.loads(text)
    # A row of the archive is kept with the crime that it is.
    return Crime(**record["crime"]) if "crime" in record else crime_of(Record.model_validate(record))
