"""What the last runs of some jobs came to: what the source offers, how the grid is, how many scores were warmed."""

import datetime as dt
from dataclasses import dataclass
from typing import Self

from sqlalchemy import Connection, text

from jobs import catalogue

# Indexed by job and creation: the newest few are enough to find one that finished.
_LOOK = text(
    """
    SELECT id, result, ended_at FROM (
        SELECT id, state, result, ended_at FROM runs WHERE job = :job ORDER BY created_at DESC LIMIT 50
    ) AS newest WHERE state = 'finished' AND result IS NOT NULL LIMIT 1
    """
)
_HELD = text("SELECT area, month FROM area_months WHERE is_whole")


@dataclass(frozen=True)
class SourceState:
    """What the source offered when a job looked last."""

    newest_published: dt.date | None
    missing: tuple[dt.date, ...]
    """Published in the last 12 months on offer and not held then."""
    at: dt.datetime
    health: str | None
    """healthy, warning or degraded, as the health check found the grid."""
    issues: tuple[str, ...] = ()
    health_run: str | None = None


def source_state(connection: Connection) -> SourceState | None:
    """What is known of the source: from the last health check and the last look for a release, the newer one's word.

    None while neither has finished. What came in since then is no longer missing.
    """
    with connection.begin():
        health = connection.execute(_LOOK, {"job": catalogue.remedy("grid_not_checked").job.name}).one_or_none()
        release = connection.execute(_LOOK, {"job": catalogue.remedy("source_not_asked").job.name}).one_or_none()
        held = {(row.area, row.month) for row in connection.execute(_HELD)}
        slugs = set(connection.scalars(text("SELECT slug FROM areas")))
    if health is None and release is None:
        return None
    missing = (
        {dt.date.fromisoformat(month) for month in health.result["coverage"]["missing_months"]} if health else set()
    )
    released = dt.date.fromisoformat(release.result["released"]) if release else None
    missing |= {released} if released else set()
    still = sorted((one for one in missing if any((slug, one) not in held for slug in slugs)), reverse=True)
    newest_held = max((month for _, month in held), default=None)
    published = max(filter(None, (released, *missing, newest_held)), default=None)
    return SourceState(
        newest_published=published,
        missing=tuple(still),
        at=max(row.ended_at for row in (health, release) if row),
        health=health.result["health_status"] if health else None,
        issues=tuple(health.result["issues"]) if health else (),
        health_run=health.id if health else None,
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
            row = connection.execute(_LOOK, {"job": job}).one_or_none()
        if row is None:
            return None
        # Pages must show the results of other versions too.
        counts = (row.result.get(name, 0) for name in ("total_warmed", "total_failed", "weather_unavailable"))
        return cls(str(row.id), row.ended_at, row.result.get("status", ""), *counts)
