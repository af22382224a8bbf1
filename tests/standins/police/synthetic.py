"""A made-up Southampton: the same crimes on every machine, labelled as synthetic wherever a name shows."""

import hashlib
import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple

from tests.standins.police.catalogue import BTP, month_before
from tests.standins.police.crimes import Crimes, Row, from_rows

BOX = (50.86, -1.48, 50.96, -1.32)
"""lat_min, lng_min, lat_max, lng_max of the built-up area that gets most of the crimes; degrees."""

# (lat, lng, share): quarters of the city, and the towns around it.
_QUARTERS = [
    (50.9050, -1.4050, 30),
    (50.9210, -1.4340, 12),
    (50.9250, -1.3950, 14),
    (50.9130, -1.3560, 10),
    (50.8980, -1.3770, 9),
    (50.9150, -1.4550, 8),
    (50.9390, -1.4150, 6),
    (50.9400, -1.3740, 7),
    (50.8830, -1.3480, 4),
]
_TOWNS = [(50.9690, -1.3510, 30), (51.0620, -1.3140, 25), (50.8520, -1.1790, 25), (50.9890, -1.4970, 20)]

_CATEGORIES = {
    "violent-crime": 37,
    "shoplifting": 10,
    "anti-social-behaviour": 9,
    "vehicle-crime": 8,
    "criminal-damage-arson": 8,
    "public-order": 7,
    "other-theft": 7,
    "burglary": 5,
    "drugs": 4,
    "possession-of-weapons": 1.5,
    "other-crime": 1.5,
    "bicycle-theft": 1,
    "robbery": 1,
    "theft-from-the-person": 1,
}
_OUTCOMES = {
    "Investigation complete; no suspect identified": 40,
    "Unable to prosecute suspect": 29,
    "Under investigation": 18,
    "Local resolution": 5,
    "Awaiting court outcome": 5,
    "Action to be taken by another organisation": 2,
    "Offender given a caution": 1,
}


class Points(NamedTuple):
    """Snap points (latitude, longitude, street name) and how often each is used."""

    places: list[tuple[str, str, str]]
    weights: list[float]


class Synthetic:
    """`months` months up to `last` (default: two months before today); any other can be published later."""

    synthetic = True

    def __init__(self, months: int = 12, last: str | None = None) -> None:
        self.last = last or month_before(f"{datetime.now(UTC):%Y-%m}", 2)
        self._count = months

    def months(self) -> list[str]:
        return [month_before(self.last, back) for back in reversed(range(self._count))]

    def forces(self, month: str) -> list[str]:
        return [BTP, "hampshire"]

    def crimes(self, month: str, force: str) -> Crimes:
        return from_rows(month, force, _station_rows(month) if force == BTP else _street_rows(month))


def _street_rows(month: str) -> Iterator[Row]:
    """3,050 to 3,950 crimes in the box, more in summer; about 1,000 around it and 2 % without a place."""
    chance = random.Random(f"synthetic {month}")
    season = math.cos((int(month[5:]) - 7) / 12 * math.tau)
    in_box = round(3_500 + 370 * season) + chance.randint(-80, 80)
    around = 1_000 + chance.randint(-50, 50)
    unplaced = round((in_box + around) * 0.02)
    places = chance.choices(*_points("city"), k=in_box) + chance.choices(*_points("around"), k=around)
    places += [("", "", "No Location")] * unplaced
    categories = chance.choices(list(_CATEGORIES), list(_CATEGORIES.values()), k=len(places))
    outcomes = chance.choices(list(_OUTCOMES), list(_OUTCOMES.values()), k=len(places))
    for number, (place, category, outcome) in enumerate(zip(places, categories, outcomes, strict=True)):
        if category == "anti-social-behaviour":
            yield Row("", *place, category, "")
        else:
            crime_id = hashlib.sha256(f"synthetic {month} {number}".encode()).hexdigest()
            yield Row(crime_id, *place, category, outcome)


def _station_rows(month: str) -> Iterator[Row]:
    chance = random.Random(f"synthetic stations {month}")
    stations = [("50.907400", "-1.413600", 1), ("50.937100", "-1.387400", 2), ("50.918700", "-1.377600", 3)]
    for lat, lng, number in chance.choices(stations, [6, 2, 1], k=chance.randint(15, 30)):
        category = chance.choice(["violent-crime", "bicycle-theft", "public-order", "other-theft"])
        yield Row("", lat, lng, f"On or near Synthetic Station {number} (synthetic)", category, "")


@cache
def _points(region: str) -> Points:
    """1,200 points in the city's box, 400 in the towns around it; a few are used often."""
    chance = random.Random(f"synthetic points {region}")
    in_city = region == "city"
    centres, count, first = (_QUARTERS, 1_200, 1) if in_city else (_TOWNS, 400, 1_201)
    places: list[tuple[str, str, str]] = []
    while len(places) < count:
        lat, lng, _ = chance.choices(centres, [share for *_, share in centres])[0]
        lat, lng = chance.gauss(lat, 0.006), chance.gauss(lng, 0.009)
        if in_city == (BOX[0] < lat < BOX[2] and BOX[1] < lng < BOX[3]):
            name = f"On or near Synthetic Street {first + len(places)} (synthetic)"
            places.append((f"{lat:.6f}", f"{lng:.6f}", name))
    return Points(places, [1 / (rank + 15) for rank in range(count)])
