"""What the last warming came to."""

import datetime as dt
from dataclasses import dataclass
from typing import Self

from sqlalchemy import Connection, text

from jobs import catalogue

# Indexed by job and creation: the newest few are enough to find one that finished.
_LAST = text(
    """
    SELECT id, result, ended_at FROM (
        SELECT id, state, result, ended_at FROM runs WHERE job = :job ORDER BY created_at DESC LIMIT 50
    ) AS newest WHERE state = 'finished' AND result IS NOT NULL LIMIT 1
    """
)


@dataclass(frozen=True)
class Warming:
    """A run that warmed scores. status: success, partial, degraded or nothing_warmed."""

    run_id: str
    ended_at: dt.datetime
    status: str
    scores: int
    failed: int
    without_weather: int

    @classmethod
    def last(cls, connection: Connection) -> Self | None:
        """The newest that finished; none where none has."""
        with connection.begin():
            job = catalogue.remedy("scores_not_warm").job.name
            row = connection.execute(_LAST, {"job": job}).one_or_none()
        if row is None:
            return None
        # The pages must show the results of other versions too.
        counts = (row.result.get(name, 0) for name in ("total_warmed", "total_failed", "weather_unavailable"))
        return cls(str(row.id), row.ended_at, row.result.get("status", ""), *counts)
