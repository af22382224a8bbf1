"""Scores as other programs read them: `safety_score:{route_id}:{YYYY-MM-DD}` in Redis, for six hours."""

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import numpy as np
from redis import Redis
from sqlalchemy import Connection

from jobs.warming import climates, store
from jobs.warming.climbing import Accident, Route, accident_columns, route_columns
from jobs.warming.forecasts import Forecasts
from jobs.warming.inputs import Accidents
from jobs.warming.model import Flags, Floats, colour
from jobs.warming.outlook import Outlook
from jobs.warming.places import places_of
from jobs.warming.planned import DAYS, days_from
from jobs.warming.risk import score

TTL_S: Final = 21_600
_SETS_A_PIPELINE: Final = 5_000


def key(route_id: int, day: dt.date) -> str:
    """Where a score is kept."""
    return f"safety_score:{route_id}:{day}"


@dataclass(frozen=True)
class Past:
    """The accidents as they are held, and as columns."""

    rows: Sequence[Accident]
    columns: Accidents

    @classmethod
    def read(cls, connection: Connection) -> "Past":
        """Every accident with its weather."""
        with connection.begin():
            rows, weather = store.accidents(connection)
        return cls(rows, accident_columns(rows, weather))


@dataclass(frozen=True)
class Scores:
    """Risks (routes, days) of routes with coordinates, and what they were computed from.

    Without weather, the neutral similarity stands for it; without history, no weather counts as extreme.
    """

    routes: Sequence[Route]
    days: Sequence[dt.date]
    outlook: Outlook
    risk: Floats
    computed_at: dt.datetime

    @classmethod
    def compute(
        cls,
        connection: Connection,
        routes: Sequence[Route],
        first: dt.date,
        past: Past,
        forecasts: Forecasts,
    ) -> "Scores":
        """Scores of all planned days. Raises ValueError for coordinates that are not degrees."""
        columns, days = route_columns(routes), days_from(first, DAYS)
        dates = np.array(days, dtype="datetime64[D]")
        places = places_of(columns.place_lat, columns.place_lng)
        with connection.begin():
            history = climates.read(connection, places)
        outlook = Outlook(columns, dates, past.columns, forecasts.windows(places, first, DAYS), history.on(dates))
        return cls(routes, days, outlook, score(outlook), dt.datetime.now(dt.UTC))

    @property
    def has_weather(self) -> Flags:
        """Whether there is any planned weather, (routes, days)."""
        return (self.outlook.windows.days > 0)[self.outlook.routes.place]

    @property
    def has_history(self) -> Flags:
        """Whether the usual weather is known, (routes, days)."""
        known: Flags = np.isfinite(self.outlook.climatology.mean).any(axis=-1)
        return known[self.outlook.routes.place]

    def documents(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Key and document of every score that is a number, route by route."""
        columns = (
            np.isfinite(self.risk),
            self.risk.round(1),
            colour(self.risk),
            self.has_weather,
            self.has_history,
        )
        computed_at = self.computed_at.isoformat(timespec="seconds")
        for route, *row in zip(self.routes, *(column.tolist() for column in columns), strict=True):
            for day, is_number, risk, name, weather, history in zip(self.days, *row, strict=True):
                if not is_number:
                    continue
                document = {
                    "route_id": route.route_id,
                    "route_name": route.name,
                    "target_date": str(day),
                    "risk_score": risk,
                    "color_code": name,
                    "computed_at": computed_at,
                }
                if not weather:
                    document["weather"] = "unavailable"
                if not history:
                    document["history"] = "unavailable"
                yield key(route.route_id, day), document


def write(cache: Redis, documents: Iterable[tuple[str, dict[str, Any]]], ttl_s: int = TTL_S) -> int:
    """Keep each document under its key. Answers how many there were."""
    written = 0
    remaining = iter(documents)
    with cache.pipeline(transaction=False) as pipeline:
        while part := list(islice(remaining, _SETS_A_PIPELINE)):
            for name, document in part:
                pipeline.set(name, json.dumps(document), ex=ttl_s)
            pipeline.execute()
            written += len(part)
    return written
