"""The usual weather of places, as PostgreSQL holds it."""

import datetime as dt
from collections.abc import Sequence
from typing import Final

import numpy as np
from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from jobs.models.climbing import PlaceClimate
from jobs.scores.weather.climatology import FACTORS, MonthlyHistory
from jobs.scores.weather.places import Place

# Months of the year, and what is compared with history.
_SHAPE: Final = (12, len(FACTORS))


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
    rows = [
        {
            "place": str(place),
            "day_counts": history.count[index].ravel().tolist(),
            "means": history.mean[index].ravel().tolist(),
            "deviations": history.std[index].ravel().tolist(),
            "first_day": first,
            "last_day": last,
            "fetched_at": dt.datetime.now(dt.UTC),
        }
        for index, place in enumerate(places)
    ]
    statement = insert(PlaceClimate)
    replaced = {name: statement.excluded[name] for name in rows[0] if name != "place"}
    connection.execute(statement.on_conflict_do_update(index_elements=["place"], set_=replaced), rows)
