"""The past, brought in as one run: newest month first, others of the queue before it, what follows once at the end."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Annotated, Any

import structlog
from pydantic import Field
from sqlalchemy import Connection, select

from jobs import areas, context, results
from jobs.areas import Area
from jobs.catalogue import job
from jobs.context import Context
from jobs.errors import JobError, WrongCall
from jobs.ingestion import store
from jobs.ingestion.month import results_so_far
from jobs.ingestion.police import Police
from jobs.ingestion.run import AreaSlug, failure_of, ingest_month, wanted_areas, without_covered
from jobs.models.crimes import IngestionRun
from jobs.months import month_text, parse_month
from jobs.parameters import Month
from jobs.regrid import outdated
from jobs.retention import kept

log = structlog.get_logger("safegrid.ingestion")

_MOST_LOOKED_AT = 12
Part = tuple[Area, dt.date]


@job(
    queue="ingestion",
    slug="backfill",
    follow_ups=outdated,
    remedies={"area_held_in_part": "Bring in the rest"},
    result=results.Backfilled,
)
def backfill_crime_data(
    oldest: Annotated[Month | None, Field(description="Oldest month. Default: the oldest published")] = None,
    newest: Annotated[Month | None, Field(description="Newest month. Default: the newest published")] = None,
    area: AreaSlug = None,
    again: Annotated[bool, Field(description="Ingest all months again, because the source revises them")] = False,
    dry_run: Annotated[
        bool, Field(description="Only show which months, how many requests, and how long it takes")
    ] = False,
) -> dict[str, Any]:
    """Ingest every missing month, newest first, in one run that lets other runs go first."""
    here = context.current()
    police = Police.of_run(here)
    parts = _parts(here, police, Span.of(oldest, newest), area, again=again)
    plan = plan_of(here.connection, parts, here.settings.police_rate)
    if dry_run:
        return {"task": "backfill_crime_data", "dry_run": True, **plan}
    results = _ingest(here, police, parts)
    return {
        "task": "backfill_crime_data",
        "dry_run": False,
        **plan,
        "total_records": sum(result["records_ingested"] for result in results),
        "results": results,
    }


@dataclass(frozen=True)
class Span:
    """Months from one to another, both included; open where none is named."""

    first: dt.date | None
    last: dt.date | None

    @classmethod
    def of(cls, oldest: str | None, newest: str | None) -> "Span":
        """Raises NotAMonth, and WrongCall where none can lie between."""
        first, last = (parse_month(text) if text else None for text in (oldest, newest))
        if first and last and first > last:
            raise WrongCall(f"{oldest} is after {newest}: swap them")
        return cls(first, last)

    def among(self, published: Sequence[dt.date]) -> list[dt.date]:
        """Those on offer, in their order."""
        first, last = self.first or dt.date.min, self.last or dt.date.max
        return [month for month in published if first <= month <= last]


def parts_of(
    connection: Connection, wanted: Sequence[Area], months: Sequence[dt.date], keep: int | None, *, again: bool
) -> list[Part]:
    """The months of areas that are to come in, newest first. Part of the caller's transaction.

    keep: how many of the newest months are kept; older ones would be deleted again.
    """
    months = kept.among(connection, keep, months)
    held = {} if again else {one.slug: store.releases(connection, one.slug) for one in wanted}
    return without_covered([(one, month) for month in months for one in wanted if month not in held.get(one.slug, {})])


def plan_of(connection: Connection, parts: Sequence[Part], rate: float) -> dict[str, Any]:
    """{months, requests, seconds}: how much it is by what the areas' newest months took; null where none came in."""
    with connection.begin():
        took = {one.slug: _took(connection, one.slug) for one in {area.slug: area for area, _ in parts}.values()}
    known = [took[area.slug] for area, _ in parts if took[area.slug]]
    is_known = len(known) == len(parts)
    requests = sum(one[0] for one in known if one) if is_known else None
    seconds = sum(one[1] for one in known if one) if is_known else None
    if requests is not None and seconds is not None and rate:
        seconds = max(seconds, requests / rate)
    months = sorted({month_text(month) for _, month in parts}, reverse=True)
    return {"months": months, "requests": requests, "seconds": None if seconds is None else round(seconds)}


def _took(connection: Connection, area: str) -> tuple[int, float] | None:
    """Requests and seconds of a month of the area, in the middle of its newest ones."""
    rows = connection.execute(
        select(IngestionRun.requests, IngestionRun.started_at, IngestionRun.ended_at)
        .where(IngestionRun.area == area, IngestionRun.status == "success")
        .order_by(IngestionRun.id.desc())
        .limit(_MOST_LOOKED_AT)
    ).all()
    if not rows:
        return None
    seconds = median((row.ended_at - row.started_at).total_seconds() for row in rows)
    return round(median(row.requests for row in rows)), seconds


def _parts(here: Context, police: Police, span: Span, area: str | None, *, again: bool) -> list[Part]:
    """As the first attempt found them: what comes in meanwhile is no reason for another progress bar."""
    if "parts" in here.state:
        with here.connection.begin():
            there = {one.slug: one for one in areas.all_areas(here.connection)}
        named = [(there.get(slug), parse_month(month)) for slug, month in here.state["parts"]]
        return [(one, month) for one, month in named if one is not None]
    months = span.among(police.months())
    wanted = wanted_areas(here, area)
    with here.connection.begin():
        parts = parts_of(here.connection, wanted, months, here.settings.crime_retention_months, again=again)
    here.checkpoint({"parts": [(one.slug, month_text(month)) for one, month in parts]})
    return parts


def _ingest(here: Context, police: Police, parts: Sequence[Part]) -> list[dict[str, Any]]:
    results = results_so_far(here)
    brought_in = {(result["area"], result["month"]) for result in results}
    # Of this round; the next attempt after a failure tries them again.
    failed: dict[str, str] = dict(here.state.get("failed", {}))
    errors: list[JobError] = []
    has_begun = False
    for done, (area, month) in enumerate(parts):
        name = f"{area.slug} {month_text(month)}"
        here.progress(done, len(parts), name)
        if (area.slug, month.isoformat()) in brought_in or name in failed:
            continue
        if has_begun:
            # Each attempt brings in a month, however much waits.
            here.give_way()
        has_begun = True
        try:
            results.append(ingest_month(here, police, area, month))
        except JobError as error:
            log.error("month_failed", area=area.slug, month=month_text(month), error=str(error))
            errors.append(error)
            failed[name] = str(error)
            here.checkpoint({**here.state, "failed": failed})
    here.progress(len(parts), len(parts))
    if failed:
        here.checkpoint({**here.state, "failed": {}})
        raise failure_of(errors or [JobError(next(iter(failed.values())))], len(parts), len(failed))
    return results
