"""A grid of given crimes, without a source: held as an ingestion holds them, and built."""

import datetime as dt
import random
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import h3
from sqlalchemy import Connection

from jobs import areas, crimes
from jobs.grid import store as grid_store
from jobs.ingestion import staging, store
from jobs.ingestion.records import Answer, Crime
from jobs.months import parse_month

AREA = "southampton-core"
CATEGORIES = ("anti-social-behaviour", "burglary", "drugs", "robbery", "shoplifting", "violent-crime")
# The hand-made scale, which is the default.
HARM = {
    "anti-social-behaviour": 0.5,
    "burglary": 2,
    "drugs": 1,
    "robbery": 4,
    "shoplifting": 0.5,
    "violent-crime": 3.5,
}


class Place(NamedTuple):
    """A crime, as much of it as the grid is made from."""

    month: str
    lat: float
    lng: float
    category: str
    street: str = ""
    """As the source names the point."""


def scattered(month: str, count: int = 200, seed: int = 1) -> list[Place]:
    """Crimes all over the first area, some of which share a point."""
    chance = random.Random(f"{month} {seed}")
    points = [
        (round(chance.uniform(50.86, 50.96), 6), round(chance.uniform(-1.49, -1.31), 6)) for _ in range(count // 2)
    ]
    return [Place(month, *chance.choice(points), chance.choice(CATEGORIES)) for _ in range(count)]


def hold(
    connection: Connection, month: str, crimes: Iterable[Place], area: str = AREA, resolution: int = 10
) -> dict[str, Any]:
    """Hold these crimes of a month as all that the area has of it. resolution: of the first that is held."""
    with connection.begin():
        wanted = areas.find(connection, area)
    placed = [
        Crime(one.category, one.lat, one.lng, None, one.street, number, *[None] * 4)
        for number, one in enumerate(crimes)
    ]
    pull = staging.begin(connection, wanted, parse_month(month), "a test", dt.date(2024, 1, 1))
    staging.keep(connection, pull, "all", 0, Answer(read=len(placed)), placed, resolution)
    with connection.begin():
        totals = staging.totals(connection, pull)
    return store.replace_month(connection, pull, totals, None, resolution)


def build(connection: Connection, resolution: int = 10) -> None:
    """Build the grid of all that is held."""
    with connection.begin():
        states = crimes.month_states(connection, dt.date(1, 1, 1), dt.date(9999, 1, 1))
        generation = grid_store.next_generation(connection)
        for state in states:
            grid_store.build_month(connection, state, resolution, generation)
        grid_store.publish(connection, generation)


def counted(crimes: Iterable[Place], resolution: int) -> Counter[str]:
    """{cell: crimes}, one h3 call a crime, and coarser cells by way of those of resolution 10."""
    fine = (h3.latlng_to_cell(one.lat, one.lng, 10) for one in crimes)
    return Counter(h3.cell_to_parent(cell, resolution) for cell in fine)
