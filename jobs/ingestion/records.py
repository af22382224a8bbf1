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
from jobs.parameters import problems_by_field

# Fields of the source that we read past on purpose: always empty, or repeated elsewhere.
IGNORED_FIELDS = {"context", "location_subtype"}
# More bad records than this in one answer is no accident: the format has changed. In a short answer, up to 10 but
# no more than half of them are borne.
MOST_SET_ASIDE = 0.01
LONGEST_EXAMPLE = 1_000

Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
"""PostgreSQL holds any text but one with a NUL."""
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

    category: str
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
    api_id: int
    persistent_id: str | None
    location_type: str | None
    outcome: str | None
    outcome_month: dt.date | None


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


@dataclass
class Answer:
    """What an answer of the source was, beside its crimes: every record that was read is in one of the counts."""

    read: int = 0
    outside: int = 0
    """Records of no concern here: outside of the area, or another tile's."""
    set_aside: int = 0
    issues: Issues = field(default_factory=Issues)


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
        crimes = [self._crime(record) for record in self._records(raw, lambda record: record.location is not None)]
        points = np.array([(crime.lat, crime.lng) for crime in crimes], dtype=float).reshape(-1, 2)
        lat, lng = points[:, 0], points[:, 1]
        inside = area.contains(lat, lng) & (tile or Tile(area.bounds)).holds(lat, lng)
        self.answer.outside += int((~inside).sum())
        return self._once(crime for crime, within in zip(crimes, inside, strict=True) if within)

    def unplaced(self, raw: list[dict[str, Any]]) -> list[Crime]:
        """Crimes of a force that have no place."""
        return self._once(map(self._crime, self._records(raw, lambda record: record.location is None)))

    def _once(self, crimes: Iterable[Crime]) -> list[Crime]:
        """An id that stands twice in one response is one crime, said twice."""
        by_id: dict[int, Crime] = {}
        for crime in crimes:
            if by_id.setdefault(crime.api_id, crime) is not crime:
                self.answer.issues.add("set aside: the same id twice in one response", crime.api_id)
                self.answer.set_aside += 1
        return list(by_id.values())

    def _records(self, raw: list[dict[str, Any]], belongs: Callable[[Record], bool]) -> list[Record]:
        records = []
        bad = 0
        for entry in raw:
            try:
                record = Record.model_validate(entry)
            except ValidationError as error:
                problems = problems_by_field(error)
                self.answer.issues.add(f"set aside: {', '.join(sorted(problems))} cannot be read", entry)
                bad += 1
                continue
            self._check(record)
            if belongs(record):
                records.append(record)
            else:
                self.answer.issues.add("set aside: a place where none belongs, or none where one does", entry)
                bad += 1
        self.answer.set_aside += bad
        if bad > max(1, min(10, len(raw) // 2), MOST_SET_ASIDE * len(raw)):
            raise SourceChanged(
                f"{bad} of {len(raw)} records of {month_text(self.month)} cannot be read; "
                f"the first problem: {self.answer.issues.as_list()[0]['issue']}"
            )
        return records

    def _check(self, record: Record) -> None:
        if record.month != month_text(self.month):
            raise SourceUnavailable(
                f"The source answered {record.month} when asked for {month_text(self.month)}: nothing was taken"
            )
        if record.category not in self.categories:
            raise SourceChanged(
                f"The source has a category {record.category!r} that is not known here: add it to "
                "crime_categories and crime_weights, then ingest the month again"
            )
        for name in set(record.model_extra or ()) - IGNORED_FIELDS:
            self.answer.issues.add(f"unknown field {name}", (record.model_extra or {})[name])

    def _crime(self, record: Record) -> Crime:
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
