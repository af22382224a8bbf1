"""Scores that are missing from Redis, about to expire, or computed without weather."""

import datetime as dt
from collections.abc import Iterator
from typing import Final

import structlog
from sqlalchemy import Connection, text

from jobs import catalogue
from jobs.catalogue import Job
from jobs.scores.cached import Coverage, coverage, read_weeks
from jobs.scores.days import DAYS, days_from, today
from jobs.scores.popular import Catalogue
from worker import ledger, overview, pauses
from worker.findings.kinds import Finding
from worker.findings.rule import Here, Rule
from worker.results import Warming

log = structlog.get_logger("safegrid.findings")

# Some routes cannot be scored.
FEW: Final = 0.9
EXPIRING_S: Final = 15 * 60
CLIMATE_LATE: Final = dt.timedelta(days=3)
# A warming that does not last, as in a Redis that evicts, is not begun again and again.
AGAIN_S: Final = 120
_CLIMATE: Final = "fill_climatology"
_BUSY = text("SELECT EXISTS (SELECT FROM runs WHERE job = :job AND ended_at IS NULL)")
_ASKED = text(
    """
    SELECT EXISTS (SELECT FROM runs WHERE job = :job AND ended_at IS NULL) OR EXISTS (
        SELECT FROM runs WHERE job = :job AND created_at > clock_timestamp() - interval '1 day'
        AND ended_at > clock_timestamp() - :again * interval '1 second'
    )
    """
)


def look(here: Here) -> Iterator[Finding]:
    """Raises redis's errors."""
    with here.connection.begin():
        routes = Catalogue.read(here.connection, here.settings.warm_routes)
    if not routes.kept_warm:
        return
    # The last of the days begins at midnight, and so does its warming.
    days = days_from(today(), DAYS - 1)
    held = coverage(read_weeks(here.cache, [route.route_id for route in routes.popular], days), days)
    yield from _missing(held)
    yield from _expiring(here, held)
    yield from _without_weather(here)
    yield from _climatology(here)


def _missing(held: list[Coverage]) -> Iterator[Finding]:
    wanted, found = sum(day.wanted for day in held), sum(day.held for day in held)
    if found < FEW * wanted:
        cause = f"{found:,} of {wanted:,} route scores are in Redis. The others are computed on request."
        remedy = "The next run warms them again. If not, check the last run of the job."
        yield Finding("scores_missing", "scores", cause, remedy, f"job:{_warming().slug}")


def _expiring(here: Here, held: list[Coverage]) -> Iterator[Finding]:
    shortest_s = min((day.shortest_s for day in held if day.shortest_s is not None), default=None)
    if shortest_s is None or shortest_s > EXPIRING_S:
        return
    job = _warming().name
    cadence = overview.cadences(here.connection).get(job)
    ends = here.now + dt.timedelta(seconds=shortest_s)
    with here.connection.begin():
        is_busy = here.connection.scalar(_BUSY, {"job": job})
    if is_busy or (cadence and not cadence.paused and cadence.next_due <= ends):
        return
    cause = f"The first route scores expire at {ends:%H:%M} UTC, and no run is due to warm them before."
    yield Finding("scores_expiring", "scores", cause, "Warm the cache.", f"job:{_warming().slug}")


def _without_weather(here: Here) -> Iterator[Finding]:
    warming = Warming.last(here.connection)
    if warming and warming.status == "degraded":
        part = f"{warming.without_weather:,} of {warming.scores:,} route scores were computed without weather"
        cause = f"{part} at {warming.ended_at:%Y-%m-%d %H:%M} UTC; in these, weather counts as neutral."
        remedy = "Check the log of the run for the reason. The next run requests the forecast again."
        yield Finding("scores_without_weather", "scores", cause, remedy, f"run:{warming.run_id}")


def _climatology(here: Here) -> Iterator[Finding]:
    last = overview.last_successes(here.connection, [_CLIMATE]).get(_CLIMATE)
    if last is None or here.now - last > CLIMATE_LATE:
        since = f"since {last:%Y-%m-%d}" if last else "yet"
        cause = f"The usual weather of the routes has not been fetched {since}: scores lack it for comparison."
        yield Finding(
            "climatology_late", "climatology", cause, "Run the job, and check its result.", "job:fill-climatology"
        )


def warm_again(connection: Connection) -> str | None:
    """Enter a run that warms the scores, where none is open or has just ended. Returns its id."""
    job = _warming()
    with connection.begin():
        if connection.scalar(_ASKED, {"job": job.name, "again": AGAIN_S}) or _is_paused(connection, job):
            return None
        requester = ledger.Requester("pipeline", "scores_missing")
        run = ledger.enter(connection, job, job.validate({}), requester, None)
    log.warning("scores_warmed_again", run_id=run.run_id)
    return run.run_id


def _is_paused(connection: Connection, job: Job) -> bool:
    return pauses.is_paused(connection, "cadence", job.name)


def _warming() -> Job:
    return catalogue.remedy("scores_not_warm").job


RULE = Rule("scores", look, every_s=15, what="Route scores", needs_redis=True)
