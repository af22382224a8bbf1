"""Crimes for the stand-in to serve, and what the database holds of them."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, text

from jobs.context import Context
from tests.standins.police import PoliceStandin, Records

MONTH = "2024-01"
CATEGORIES = ("anti-social-behaviour", "burglary", "drugs", "robbery", "shoplifting", "violent-crime")

BY_AREA = "SELECT area, count(*) FROM crime_incidents JOIN area_points USING (point_id) GROUP BY 1 ORDER BY 1"

Crime = dict[str, Any]


def crime(month: str = MONTH, latitude: float = 50.91, longitude: float = -1.4, **fields: Any) -> Crime:
    """A crime in the middle of the first area."""
    return {"month": month, "latitude": latitude, "longitude": longitude, **fields}


def unplaced(month: str = MONTH, **fields: Any) -> Crime:
    """A crime without a place."""
    return {"month": month, **fields}


def scattered(month: str = MONTH, count: int = 60, seed: int = 1) -> list[Crime]:
    """Crimes at few points in the middle of the first area, so that some share a point and many a cell."""
    chance = random.Random(f"{month} {seed}")
    points = [
        (round(chance.uniform(50.905, 50.915), 6), round(chance.uniform(-1.41, -1.39), 6)) for _ in range(count // 2)
    ]
    return [crime(month, *chance.choice(points), category=chance.choice(CATEGORIES)) for _ in range(count)]


@contextmanager
def served(here: Context, crimes: list[Crime], **options: Any) -> Iterator[PoliceStandin]:
    """A stand-in with these crimes, at which the jobs of the block are pointed."""
    with PoliceStandin(Records(crimes), **{"rate": None, **options}) as police:
        point_at(here, police)
        yield police


def point_at(here: Context, police: PoliceStandin, **values: Any) -> None:
    """Make the stand-in the jobs' source; `values` are further settings."""
    here.settings = here.settings.model_copy(update={"police_api_base_url": police.url, **values})


def rows(connection: Connection, query: str, **values: Any) -> list[tuple[Any, ...]]:
    """The rows of a query, in a transaction of its own."""
    with connection.begin():
        return [tuple(row) for row in connection.execute(text(query), values)]


def value(connection: Connection, query: str, **values: Any) -> Any:
    """The one value that a query has."""
    ((found,),) = rows(connection, query, **values)
    return found


def change(connection: Connection, statement: str, **values: Any) -> None:
    """Run a statement in a transaction of its own."""
    with connection.begin():
        connection.execute(text(statement), values)
