"""Crimes that are late, a grid that is older than its crimes, and a source that nobody has asked."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from jobs import catalogue, crimes
from jobs.coverage.reading import DID
from jobs.grid import generations
from jobs.held import land
from jobs.months import add_months, month_text, parse_month
from worker.findings.kinds import Finding
from worker.findings.rule import Here, Rule
from worker.findings.store import OVER
from worker.results import SourceState, source_state

# The source is asked daily; one day may be missed.
NOT_ASKED = dt.timedelta(days=3)
# Revisions of the source are looked into for so long.
NEWS = dt.timedelta(days=7)
MUCH = 0.1
RECENT_MONTHS = 12

_AREAS = text("SELECT slug FROM areas ORDER BY created_at, slug")
_HELD = text("SELECT area, month, is_whole FROM area_months")
# Since when it is known that the source has released this month.
_RELEASED = text(
    "SELECT min(ended_at) FROM runs WHERE job = :job AND state = 'finished' AND result ->> 'released' = :month"
)
_AT_WORK = text("SELECT EXISTS (SELECT FROM runs WHERE job = :job AND ended_at IS NULL)")
_GAPS = text(
    """
    SELECT area, force, status, month, reason FROM area_coverage
    WHERE status IN ('missing', 'partial') AND month >= :oldest ORDER BY month DESC, area, force
    """
)
_BROUGHT = text(
    "SELECT run_id FROM area_months AS held LEFT JOIN ingestion_runs AS origin ON origin.id = ingestion_id "
    "WHERE held.area = :area AND held.month = :month AND is_whole"
)
# By the newest ingestion of what is held: what was added and removed, of the crimes that it brought.
_REVISED = text(
    """
    SELECT area, month, ingestion_runs.records, ended_at,
           (difference ->> 'added')::int + (difference ->> 'removed')::int AS changed
    FROM area_months JOIN ingestion_runs USING (area, month)
    WHERE ingestion_runs.id = ingestion_id AND difference IS NOT NULL AND ended_at >= :since
    """
)


def look(here: Here) -> Iterator[Finding]:
    """By area and month, whoever brings a month in."""
    with here.connection.begin():
        areas = here.connection.scalars(_AREAS).all()
        held = here.connection.execute(_HELD).all()
        moved = land.unlike_setting(here.connection, here.settings)
    if moved:
        remedy = "Resize the area or correct the setting: `safegrid doctor` shows both commands."
        yield Finding(
            "area_moved", "SOUTHAMPTON_BBOX", f"{land.keep_or_resize(moved, here.settings)}.", remedy, "areas.index"
        )
    if not held:
        fix = catalogue.remedy("no_crimes")
        yield Finding("no_crimes", "crimes", "No crimes are ingested yet.", "Ingest them.", f"job:{fix.job.slug}")
        return
    yield from _source(here, areas, {(row.area, row.month) for row in held if row.is_whole})
    newest = max(row.month for row in held)
    yield from _partly(held, add_months(newest, 1 - RECENT_MONTHS))
    yield from _grid(here)
    yield from _news(here.connection, here.now, add_months(newest, 1 - RECENT_MONTHS))


def _source(here: Here, areas: Sequence[str], held: set[tuple[str, dt.date]]) -> Iterator[Finding]:
    source = source_state(here.connection)
    if source is None or source.at < here.now - NOT_ASKED:
        fix = catalogue.remedy("source_not_asked" if source else "grid_not_checked")
        last = f"for {(here.now - source.at).days} days" if source else "yet"
        cause = f"The source has not been checked {last}."
        yield Finding("source_not_asked", "source", cause, "Check the source.", f"job:{fix.job.slug}")
    if source is None:
        return
    for month in source.missing:
        for area in areas:
            if (area, month) not in held:
                yield _missing(area, month)
    yield from _late(here, source)
    yield from _unsound(source)


def _missing(area: str, month: dt.date) -> Finding:
    slug = catalogue.remedy("months_missing").job.slug
    cause = f"{month_text(month)} of {area} is published but not ingested."
    return Finding("month_missing", f"{area} {month_text(month)}", cause, "Ingest it.", f"job:{slug}")


def _late(here: Here, source: SourceState) -> Iterator[Finding]:
    """The newest month, once its release has been out for longer than it may take."""
    month = source.newest_published
    if month is None or month not in source.missing:
        return
    job = catalogue.remedy("source_not_asked").job.name
    with here.connection.begin():
        since = here.connection.scalar(_RELEASED, {"job": job, "month": month.isoformat()})
    if since and here.now - since > dt.timedelta(days=here.settings.crimes_late_days):
        cause = f"{month_text(month)} was published by {since:%Y-%m-%d} but is not ingested in every area."
        remedy = "Open the last ingestion, fix its error, and ingest the month."
        yield Finding("crimes_late", month_text(month), cause, remedy, "runs.index")


def _unsound(source: SourceState) -> Iterator[Finding]:
    if source.health == "degraded" and not source.missing:
        issue = source.issues[0] if source.issues else "the grid cannot be trusted"
        cause = f"The last health check found: {issue.rstrip('.')}."
        remedy = "Follow its advice, then check again."
        yield Finding("grid_unsound", "grid", cause, remedy, f"run:{source.health_run}")


def _partly(held: Sequence[Row[Any]], oldest: dt.date) -> Iterator[Finding]:
    for row in held:
        if not row.is_whole and row.month >= oldest:
            cause = f"{month_text(row.month)} of {row.area} is ingested only in part."
            remedy = f"Ingest the rest: `safegrid backfill --area {row.area}`."
            yield Finding("month_partly_held", f"{row.area} {month_text(row.month)}", cause, remedy, "data.index")


def _grid(here: Here) -> Iterator[Finding]:
    """Months whose grid is older than their crimes, but while somebody builds it, or rebuilds are paused."""
    with here.connection.begin():
        is_paused = generations.pause(here.connection) is not None
        months = crimes.outdated_months(here.connection, here.settings.h3_resolution)
        is_at_work = here.connection.scalar(_AT_WORK, {"job": "rebuild_safety_grid"})
    for month in () if is_at_work or is_paused else months:
        cause = f"The grid of {month_text(month)} is older than its crimes."
        yield Finding("grid_old", month_text(month), cause, "Rebuild the grid.", "job:rebuild-grid")


def _news(connection: Connection, now: dt.datetime, oldest: dt.date) -> Iterator[Finding]:
    with connection.begin():
        gaps = connection.execute(_GAPS, {"oldest": oldest}).all()
        revised = connection.execute(_REVISED, {"since": now - NEWS}).all()
    for row in gaps:
        cause = f"{row.force} {DID[row.status]} {month_text(row.month)} in {row.area}: {row.reason}."
        remedy = "Fewer crimes there do not mean safer. Ingest the month again when the force has supplied it."
        yield Finding("coverage_gap", f"{row.area} {month_text(row.month)} {row.force}", cause, remedy, "data.index")
    for row in revised:
        if row.changed > MUCH * max(row.records, 1):
            cause = f"A release changed {row.changed} of {row.records} crimes of {month_text(row.month)} of {row.area}."
            remedy = "Check what changed. The grid is rebuilt automatically."
            yield Finding("month_revised", f"{row.area} {month_text(row.month)}", cause, remedy, "data.index")


def why(connection: Connection, row: Row[Any]) -> str:
    """Who brought a month in, where one was missing."""
    if row.kind != "month_missing":
        return OVER
    area, _, month = row.subject.rpartition(" ")
    brought = connection.execute(_BROUGHT, {"area": area, "month": parse_month(month)}).one_or_none()
    if brought is None:
        return OVER
    return f"the month was ingested by run {brought.run_id}" if brought.run_id else "the month was ingested"


RULE = Rule("data", look, every_s=15, what="Crimes and grid", why=why)
