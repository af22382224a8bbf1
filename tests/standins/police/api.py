"""The calls of the police API, answered from a release."""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.standins.faults import FaultQueue
from tests.standins.police import area, places
from tests.standins.police.catalogue import ALL_CRIME, CATEGORIES, FORCES, is_month, month_before
from tests.standins.police.crimes import Crimes, Record
from tests.standins.police.release import Release
from tests.standins.server import Answer, Request

LONGEST_GET_LINE = 4_094
RECORD_KINDS = dict.fromkeys(("wrong-month", "unknown-category", "bad-record"), r"/crimes-(street/|no-location)")
"""Faults in the records themselves; they wait for an answer that has records.

wrong-month[:MONTH]       all records say another month (default: the one before)
unknown-category[:SLUG]   the first record has a category that nobody knows
bad-record[:FIELD]        the first record has no such field; without a field its latitude is no number
"""


@dataclass
class Settings:
    """How the service behaves; may be changed while it runs."""

    cap: int | None = 10_000
    """More crimes than this in an area give 503; None for no cap."""
    rate: float | None = 15
    """Requests a second; None for no limit."""
    burst: int = 30
    latency: float = 0.0
    """Seconds that every answer takes at least."""
    unpublished: int = 200
    """Status for a month that is not published yet: 200 (with `[]`), 404 or 500."""


class Api:
    """Routes a request below /api to its answer."""

    def __init__(self, release: Release, settings: Settings, faults: FaultQueue) -> None:
        self.release = release
        self.settings = settings
        self.faults = faults
        self._calls = {
            "/api/crimes-no-location": self._without_place,
            "/api/crimes-street-dates": self._dates,
            "/api/crime-last-updated": self._last_updated,
            "/api/crime-categories": self._categories,
            "/api/forces": self._forces,
            "/api/locate-neighbourhood": self._located,
        }

    def answer(self, request: Request) -> Answer:
        if request.method == "GET" and request.line_length > LONGEST_GET_LINE:
            return Answer(400)
        if request.path.startswith("/api/crimes-street/"):
            return self._in_area(request)
        call = self._calls.get(request.path)
        return call(request) if call else Answer(404)

    def _in_area(self, request: Request) -> Answer:
        try:
            wanted = area.asked_for(request.parameters)
        except ValueError:
            return Answer(400)
        month = self._month(request)
        if refusal := self._refusal(month):
            return refusal
        found = [(crimes, crimes.within(wanted)) for crimes in self._crimes(month)]
        cap = self.settings.cap
        if cap is not None and sum(len(rows) for _, rows in found) > cap:
            return Answer(503)
        records = [record for crimes, rows in found for record in crimes.records(rows)]
        return self._records(request, request.path.rpartition("/")[2], records)

    def _without_place(self, request: Request) -> Answer:
        if not {"category", "force"} <= request.parameters.keys():
            return Answer(400)
        month = self._month(request)
        if refusal := self._refusal(month):
            return refusal
        force = request.parameters["force"]
        records: list[Record] = []
        if force in self.release.forces(month):
            crimes = self.release.crimes(month, force)
            records = crimes.records(crimes.unplaced())
        return self._records(request, request.parameters["category"], records)

    def _dates(self, _: Request) -> Answer:
        months = reversed(self.release.published)
        return _json([{"date": month, "stop-and-search": self.release.forces(month)} for month in months])

    def _last_updated(self, _: Request) -> Answer:
        return _json({"date": f"{self._newest()}-01"})

    def _categories(self, request: Request) -> Answer:
        month = self._month(request)
        used = [each for each in CATEGORIES if each.first <= month <= each.last]
        return _json([{"url": each.slug, "name": each.name} for each in used])

    def _forces(self, _: Request) -> Answer:
        label = " (synthetic)" if self.release.source.synthetic else ""
        return _json([{"id": slug, "name": name + label} for slug, name in FORCES.items()])

    def _located(self, request: Request) -> Answer:
        try:
            lat, lng = map(float, request.parameters.get("q", "").split(","))
        except ValueError:
            return Answer(404)
        force = places.force_at(lat, lng)
        return _json({"force": force, "neighbourhood": "synthetic"}) if force else Answer(404)

    def _newest(self) -> str:
        return self.release.published[-1]

    def _month(self, request: Request) -> str:
        """The month asked for; the newest, as the service does, for a date that is missing or no month."""
        date = request.parameters.get("date", "")
        return date if is_month(date) else self._newest()

    def _refusal(self, month: str) -> Answer | None:
        if month < self.release.published[0]:
            return Answer(404)
        if month not in self.release.published:
            status = self.settings.unpublished
            return Answer(status, b"[]" if status == 200 else b"")
        return None

    def _crimes(self, month: str) -> list[Crimes]:
        return [self.release.crimes(month, force) for force in self.release.forces(month)]

    def _records(self, request: Request, category: str, records: list[Record]) -> Answer:
        if category != ALL_CRIME and category in {each.slug for each in CATEGORIES}:
            records = [record for record in records if record["category"] == category]
        if records and (fault := self.faults.take(request, request.parameters.get("date"), RECORD_KINDS)):
            records = _spoilt(records, fault.kind, fault.argument)
        return _json(records)


def _spoilt(records: list[Record], kind: str, argument: str | None) -> list[Record]:
    if kind == "wrong-month":
        return [record | {"month": argument or month_before(record["month"])} for record in records]
    first = copy.deepcopy(records[0])
    if kind == "unknown-category":
        first["category"] = argument or "hoverboard-theft"
    elif argument:
        del first[argument]
    else:
        street = {"id": 0, "name": "No Location"}
        first["location"] = (first["location"] or {"longitude": "", "street": street}) | {"latitude": "north"}
    return [first, *records[1:]]


def _json(value: list[Any] | Mapping[str, Any]) -> Answer:
    return Answer(body=json.dumps(value, separators=(",", ":")).encode())
