"""A made-up folder of climbing data, labelled synthetic, for where the real one is not at hand."""

import csv
import datetime as dt
import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from jobs.scores.climbing.reading import COLUMNS
from tests.standins.weather import daily

Row = Sequence[object]
# Name, latitude, longitude, feet, and how many accidents.
MOUNTAINS = (
    ("Granite Dome", 46.85, -121.76, 14_411, 60),
    ("Cold Spire", 45.37, -121.70, 11_249, 45),
    ("Long Ridge", 40.25, -105.62, 14_259, 40),
    ("Red Wall", 39.93, -105.29, 7_400, 25),
    ("North Needle", 43.74, -110.80, 13_775, 20),
    ("White Cathedral", 37.85, -119.38, 10_911, 10),
)
KINDS = ("alpine", "ice", "mixed", "trad", "sport", "aid", "boulder", "unknown")
TAGS = ("Alpine/Mountaineering", "Ice Climbing", "Trad Climbing, grade:5.9", "Sport, grade:5.11a", "Roped", "Solo")
SEVERITIES = ("fatal", "serious", "minor", "unknown")
GRADES = ("5.6", "5.8", "5.10b", "5.11d", "WI4", "M5", "V3", "")
ROUTES_A_MOUNTAIN = 10
LAST_DAY = dt.date(2025, 9, 30)


def write(folder: Path, seed: int = 1) -> Path:
    """Write the four files of a climbing folder; the same seed always gives the same ones. Returns the folder."""
    rng = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    accidents = list(_accidents(rng))
    for name, rows in (
        ("mountains", _mountains()),
        ("routes", _routes(rng)),
        ("accidents", (row for row, _ in accidents)),
        ("accident_weather", _weather(day for _, day in accidents)),
    ):
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS[name].split())
            writer.writerows(rows)
    return folder


def _mountains() -> Iterator[Row]:
    for number, (name, lat, lng, feet, accidents) in enumerate(MOUNTAINS, 1):
        yield number, f"{name} (synthetic)", feet, "peak", "Synthetic Range", "Nowhere", lat, lng, accidents


def _routes(rng: random.Random) -> Iterator[Row]:
    for number, (name, lat, lng, *_) in enumerate(MOUNTAINS, 1):
        for route in range(ROUTES_A_MOUNTAIN):
            id_ = (number - 1) * ROUTES_A_MOUNTAIN + route + 1
            place = round(lat + 0.02 * (route % 3), 4), round(lng - 0.02 * (route % 3), 4)
            kind, grade = KINDS[route % len(KINDS)], rng.choice(GRADES)
            yield id_, f"{name} Route {route + 1} (synthetic)", number, name, grade, "", "", "", kind, *place, 0


def _accidents(rng: random.Random) -> Iterator[tuple[Row, tuple[int, float, float, dt.date]]]:
    """Each accident's row, and where and when it was."""
    id_ = 0
    for number, (_, lat, lng, _, count) in enumerate(MOUNTAINS, 1):
        for _ in range(count):
            id_ += 1
            day = LAST_DAY - dt.timedelta(days=rng.randrange(9_000))
            place = round(lat + rng.gauss(0, 0.1), 4), round(lng + rng.gauss(0, 0.1), 4)
            facts = ("unknown", "climbing", rng.choice(SEVERITIES), rng.choice(TAGS))
            yield (id_, "synthetic", id_, day, "Nowhere", *place, *facts, number, ""), (id_, *place, day)


def _weather(accidents: Iterable[tuple[int, float, float, dt.date]]) -> Iterator[Row]:
    id_ = 0
    for accident, lat, lng, last in accidents:
        for back in range(6, -1, -1):
            id_ += 1
            day = last - dt.timedelta(days=back)
            weather = daily(lat, lng, day)
            wind = weather["wind_speed_10m_max"]
            yield (
                *(id_, accident, day, lat, lng),
                *(weather[f"temperature_2m_{kind}"] for kind in ("mean", "min", "max")),
                *(round(wind / 2, 1), wind, weather["precipitation_sum"], weather["cloud_cover_mean"]),
            )
