"""The usual weather of places, as PostgreSQL holds it."""

import datetime as dt
from collections.abc import Sequence
from typing import Final

import numpy as np
from sqlalchemy import Connection, select, text
from sqlalchemy.dialects.postgresql import insert

from jobs.models.climbing import PlaceClimate
from jobs.scores.weather.climatology import FACTORS, LEAST_KNOWN, OFFERED, MonthlyHistory
from jobs.scores.weather.places import Place

# Months of the year, and what is compared with history.
_SHAPE: Final = (12, len(FACTORS))
_VALUES: Final = ("day_counts", "means", "deviations")
# What is held may also be of too few days, as nothing is; a day counts once for each factor.
_ASKED: Final = text(
    """
    SELECT place, fetched_at,
           fetched_at < :fetched OR last_day < :last
           OR (SELECT sum(n) FROM unnest(day_counts) AS n) < :known * (last_day - first_day + 1) AS is_due
    FROM place_climates
    """
)


def read(connection: Connection, places: Sequence[Place]) -> MonthlyHistory:
    """The history of each place in their order; one that is not held has no days."""
    rows = connection.execute(
        select(PlaceClimate.place, PlaceClimate.day_counts, PlaceClimate.means, PlaceClimate.deviations).where(
            PlaceClimate.place.in_({str(place) for place in places})
        )
    )
    held = {place: values for place, *values in rows.all()}
    # Of each month: days, mean and deviation.
    nothing = ((0.0,) * (_SHAPE[0] * _SHAPE[1]),) * 3
    values = np.array([held.get(str(place), nothing) for place in places], dtype=np.float64)
    count, mean, std = values.reshape(len(places), 3, *_SHAPE).transpose(1, 0, 2, 3)
    return MonthlyHistory(count, mean, std)


def hold(
    connection: Connection, places: Sequence[Place], history: MonthlyHistory, first: dt.date, last: dt.date
) -> None:
    """Hold the history of each place in place of an older one."""
    _hold(connection, places, history, (first, last), replaced=(*_VALUES, "first_day", "last_day", "fetched_at"))


def hold_nothing(connection: Connection, places: Sequence[Place], first: dt.date, last: dt.date) -> None:
    """Note that each place was asked for and lacks too many days. An older history stays."""
    nothing = np.zeros((len(places), *_SHAPE))
    _hold(connection, places, MonthlyHistory(nothing, nothing, nothing), (first, last), replaced=("fetched_at",))


def due(connection: Connection, places: Sequence[Place], fetched: dt.datetime, last: dt.date) -> list[Place]:
    """Those without a history that was fetched since `fetched`, ends on `last` or later, and has enough days.

    First those that were never asked for, in their order; then the one that was asked for longest ago.
    """
    known = LEAST_KNOWN * len(OFFERED)
    asked = {row.place: row for row in connection.execute(_ASKED, {"fetched": fetched, "last": last, "known": known})}
    never = [place for place in places if str(place) not in asked]
    again = [place for place in places if str(place) in asked and asked[str(place)].is_due]
    return never + sorted(again, key=lambda place: asked[str(place)].fetched_at)


def _hold(
    connection: Connection,
    places: Sequence[Place],
    history: MonthlyHistory,
    days: tuple[dt.date, dt.date],
    replaced: Sequence[str],
) -> None:
    if not places:
        return
    rows = [
        {
            "place": str(place),
            "day_counts": history.count[index].ravel().tolist(),
            "means": history.mean[index].ravel().tolist(),
            "deviations": history.std[index].ravel().tolist(),
            "first_day": days[0],
            "last_day": days[1],
            "fetched_at": dt.datetime.now(dt.UTC),
        }
        for index, place in enumerate(places)
    ]
    statement = insert(PlaceClimate)
    values = {name: statement.excluded[name] for name in replaced}
    connection.execute(statement.on_conflict_do_update(index_elements=["place"], set_=values), rows)
