"""Crimes of one force and month, kept in columns; an API record is made when somebody asks for it."""

import zlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tests.standins.police.area import Area, Floats
from tests.standins.police.catalogue import BTP, first_id

Record = dict[str, Any]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Crimes:
    """Ids and positions (degrees, NaN: unplaced), shape (n,); `make(row)` gives the rest of a record."""

    ids: Rows
    lats: Floats
    lngs: Floats
    make: Callable[[int], Record]

    def __len__(self) -> int:
        return len(self.ids)

    def within(self, area: Area) -> Rows:
        return np.flatnonzero(area.contains(self.lats, self.lngs))

    def unplaced(self) -> Rows:
        return np.flatnonzero(np.isnan(self.lats))

    def records(self, rows: Rows | None = None) -> list[Record]:
        """API records of these rows, of all without an argument."""
        chosen = np.arange(len(self)) if rows is None else rows
        return [
            self.make(row) | {"id": id_} for row, id_ in zip(chosen.tolist(), self.ids[chosen].tolist(), strict=True)
        ]

    def without(self, ids: Collection[int]) -> "Crimes":
        kept = np.flatnonzero(~np.isin(self.ids, list(ids)))
        return Crimes(self.ids[kept], self.lats[kept], self.lngs[kept], lambda row: self.make(int(kept[row])))

    def followed_by(self, others: "Crimes") -> "Crimes":
        def make(row: int) -> Record:
            return self.make(row) if row < len(self) else others.make(row - len(self))

        ids = np.concatenate([self.ids, others.ids])
        lats, lngs = np.concatenate([self.lats, others.lats]), np.concatenate([self.lngs, others.lngs])
        return Crimes(ids, lats, lngs, make)


class Row(NamedTuple):
    """One crime as the archive has it, but with the API's slug; "" where there is nothing."""

    crime_id: str
    latitude: str
    longitude: str
    street: str
    category: str
    outcome: str


def from_rows(month: str, force: str, rows: Iterable[Row]) -> Crimes:
    """Columns of one force's month. Snap points and categories repeat: each is kept once."""
    places: dict[tuple[str, str, str], int] = {}
    kinds: dict[tuple[str, str], int] = {}
    crime_ids, row_places, row_kinds = [], [], []
    for row in rows:
        crime_ids.append(row.crime_id)
        row_places.append(places.setdefault((row.latitude, row.longitude, row.street), len(places)))
        row_kinds.append(kinds.setdefault((row.category, row.outcome), len(kinds)))
    place_of = np.array(row_places, dtype=np.int32)
    kind_of = np.array(row_kinds, dtype=np.int16)
    persistent = np.array(crime_ids, dtype=bytes)
    locations = [_location(*place) for place in places]
    facts = [_facts(month, *kind) for kind in kinds]

    def make(row: int) -> Record:
        location = locations[place_of[row]]
        return {
            **facts[kind_of[row]],
            **_location_type(force, location),
            "location": location,
            "persistent_id": persistent[row].decode(),
        }

    degrees = np.array([(float(lat or "nan"), float(lng or "nan")) for lat, lng, _ in places]).reshape(-1, 2)
    ids = first_id(month, force) + np.arange(len(crime_ids), dtype=np.int64)
    return Crimes(ids, degrees[place_of, 0], degrees[place_of, 1], make)


def from_records(month: str, force: str, records: Iterable[Mapping[str, Any]], start: int = 0) -> Crimes:
    """Hand-made records, completed; missing ids count from `start` (0: where the month's ids begin)."""
    complete = [completed(month, force, record) for record in records]
    start = start or first_id(month, force)
    ids = [record.get("id", start + row) for row, record in enumerate(complete)]
    points = [record["location"] or {"latitude": "nan", "longitude": "nan"} for record in complete]
    return Crimes(
        np.array(ids, dtype=np.int64),
        np.array([float(point["latitude"]) for point in points]),
        np.array([float(point["longitude"]) for point in points]),
        lambda row: complete[row],
    )


def completed(month: str, force: str, fields: Mapping[str, Any]) -> Record:
    """An API record from some of its fields; `latitude` and `longitude` (degrees) make a `location`."""
    own = dict(fields)
    lat, lng = own.pop("latitude", None), own.pop("longitude", None)
    if lat is not None:
        own["location"] = _location(f"{lat:.6f}", f"{lng:.6f}", "On or near Test Street")
    own.setdefault("location", None)
    plain = {**_facts(month, "burglary", ""), **_location_type(force, own["location"]), "persistent_id": ""}
    return plain | own


def _facts(month: str, category: str, outcome: str) -> Record:
    # The archive has no date of the outcome; the month itself is one that is certainly published.
    status = {"category": outcome, "date": month} if outcome else None
    return {"category": category, "month": month, "outcome_status": status, "context": ""}


def _location(latitude: str, longitude: str, street: str) -> Record | None:
    if not latitude:
        return None
    # Two points in two thousand million may share a street id, which nobody takes for a key.
    street_id = zlib.crc32(f"{latitude},{longitude},{street}".encode()) >> 1
    return {"latitude": latitude, "longitude": longitude, "street": {"id": street_id, "name": street}}


def _location_type(force: str, location: Record | None) -> Record:
    if location is None:
        return {"location_type": None, "location_subtype": ""}
    if force == BTP:
        return {"location_type": "BTP", "location_subtype": "STATION"}
    return {"location_type": "Force", "location_subtype": ""}
