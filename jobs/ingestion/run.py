"""The ingestion jobs."""

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Any

import structlog
from pydantic import Field

from jobs import areas, cache, context
from jobs.areas import Area
from jobs.catalogue import FollowUp, job
from jobs.context import Context
from jobs.errors import JobError, PermanentError
from jobs.ingestion import store
from jobs.ingestion.police import Police
from jobs.ingestion.records import Reader, category_counts
from jobs.months import add_months, month_text, months_between
from jobs.parameters import Between, OneOf

log = structlog.get_logger("safegrid.ingestion")

# As many as the grid shows unless it is asked for others.
MONTHS_BACK = 12
# Fewer crimes than this part of the usual count is worth a person's look.
FEW = 0.5

AreaSlug = Annotated[
    str | None, OneOf(areas.slugs, left_out="all"), Field(description="Only this area; all areas when left out")
]


class IncompleteIngestion(JobError):
    """Some months came in and some did not. What came in is held; try again for the rest."""


class NoAreas(PermanentError):
    """There is no area to bring crimes in for. Add one with `safegrid area add`; `safegrid migrate` adds the first."""

    def __init__(self) -> None:
        super().__init__(str(self.__doc__))


class UnpublishedMonth(PermanentError):
    """A month that the source does not offer."""


def _regrid(result: dict[str, Any]) -> list[FollowUp]:
    """The grid of the months that came in."""
    months = sorted({dt.date.fromisoformat(month["month"]) for month in result["results"]})
    if not months:
        return []
    oldest, newest = months[0], months[-1]
    span = months_between(oldest, newest) + 1
    return [FollowUp("rebuild_safety_grid", {"months": span, "until": month_text(newest)})]


_LATEST = "Ingest the latest crimes"


@job(
    queue="ingestion",
    slug="ingest-latest",
    cron="0 2 2 * *",
    follow_ups=_regrid,
    remedies={"no_crimes": _LATEST, "months_missing": _LATEST},
)
def ingest_latest_crime_data(area: AreaSlug = None) -> dict[str, Any]:
    """Ingest every published month of the last 12 that is not held, newest first."""
    here = context.current()
    police = Police.of(here.settings)
    published = police.months()
    if not published:
        raise JobError(f"{police.base_url} offers no months at all; try again later")
    oldest = add_months(published[0], 1 - MONTHS_BACK)
    held = [(one, _held(here, one)) for one in _areas(here, area)]
    recent = [month for month in published if month >= oldest]
    wanted = [(one, month) for month in recent for one, months in held if month not in months]
    results = _ingest_all(here, police, wanted)
    return {
        "task": "ingest_latest_crime_data",
        "total_records": sum(result["records_ingested"] for result in results),
        "results": results,
    }


@job(
    queue="ingestion",
    slug="ingest-month",
    follow_ups=_regrid,
    month=("year", "month"),
    remedies={"month_missing": "Ingest it"},
)
def ingest_month_on_demand(
    # The police publish since December 2010.
    year: Annotated[int, Between(2010, 2100, "Year of the month")],
    month: Annotated[int, Between(1, 12, "Month of the year")],
    area: AreaSlug = None,
) -> dict[str, Any]:
    """Ingest one month, whether it is held or not: the source revises old months."""
    here = context.current()
    police = Police.of(here.settings)
    wanted = dt.date(year, month, 1)
    published = police.months()
    if wanted not in published:
        offer = f"{month_text(published[-1])} to {month_text(published[0])}" if published else "nothing"
        raise UnpublishedMonth(f"Month {month_text(wanted)} is not on offer: {police.base_url} offers {offer}")
    results = _ingest_all(here, police, [(one, wanted) for one in _areas(here, area)])
    return {
        "task": "ingest_month_on_demand",
        "month": wanted.isoformat(),
        "records_ingested": sum(result["records_ingested"] for result in results),
        "status": "success",
        "results": results,
    }


def _areas(here: Context, slug: str | None) -> list[Area]:
    with here.connection.begin():
        found = [areas.find(here.connection, slug)] if slug else areas.all_areas(here.connection)
    if not found:
        raise NoAreas
    return found


def _held(here: Context, area: Area) -> set[dt.date]:
    with here.connection.begin():
        return set(store.held_months(here.connection, area.slug))


def _ingest_all(here: Context, police: Police, wanted: Sequence[tuple[Area, dt.date]]) -> list[dict[str, Any]]:
    """Every wanted month is tried, whatever becomes of the others; one that failed fails the run at the end."""
    results = []
    errors: list[JobError] = []
    here.progress(0, len(wanted))
    for done, (area, month) in enumerate(wanted, 1):
        try:
            results.append(ingest_month(here, police, area, month))
        except JobError as error:
            log.error("month_failed", area=area.slug, month=month_text(month), error=str(error))
            errors.append(error)
        here.progress(done, len(wanted), f"{area.slug} {month_text(month)}")
    if errors:
        raise _failure(errors, len(wanted))
    return results


def _failure(errors: list[JobError], wanted: int) -> JobError:
    if len(errors) == 1 == wanted:
        return errors[0]
    kind = PermanentError if all(isinstance(error, PermanentError) for error in errors) else IncompleteIngestion
    return kind(f"{len(errors)} of {wanted} months failed, the others are held. First error: {errors[0]}")


def _check_forces(police: Police, area: Area) -> None:
    """The source answers for an unknown force as if it had no crimes."""
    if area.forces and (unknown := set(area.forces) - police.forces):
        raise PermanentError(
            f"The source knows no force {', '.join(sorted(unknown))}: remove area {area.slug} and add it "
            "with the right forces"
        )


def ingest_month(here: Context, police: Police, area: Area, month: dt.date) -> dict[str, Any]:
    """Bring in one month of one area and hold it in place of the old one. Raises JobError and leaves the old."""
    started_at = dt.datetime.now(dt.UTC)
    try:
        _check_forces(police, area)
        snapshot = _pull(here, police, area, month, started_at)
        _refuse_empty(here, snapshot)
    except JobError as error:
        failed = {
            "run_id": here.run_id,
            "area": area.slug,
            "month": month,
            "h3_resolution": here.settings.h3_resolution,
            "source": police.source,
            "started_at": started_at,
        }
        store.record_failure(here.connection, failed, str(error))
        raise
    store.replace_month(here.connection, snapshot, here.run_id)
    # After the commit: before it, a reader would put back what is being replaced.
    cache.drop_snapshots(here.cache)
    return {
        "area": area.slug,
        "month": month.isoformat(),
        "records_ingested": len(snapshot.placed),
        "records_unplaced": snapshot.unplaced_count,
        "records_set_aside": snapshot.set_aside,
        "occupied_cells": len({crime.h3_cell for crime in snapshot.placed}),
        "categories": category_counts(snapshot.placed),
        "requests": snapshot.requests,
        "issues": snapshot.issues,
        "source": snapshot.source,
        "status": "success",
    }


def _pull(here: Context, police: Police, area: Area, month: dt.date, started_at: dt.datetime) -> store.Snapshot:
    asked_before = police.asked
    with here.connection.begin():
        known = store.categories(here.connection)
        usual = store.usual_count(here.connection, area.slug, month)
    reader = Reader(month, known, here.settings.h3_resolution)
    placed = []
    for tile in police.street_crimes(area, month):
        placed += reader.placed(tile, area)
        here.leave_if_stopping()
    unplaced = {force: reader.unplaced(police.unplaced_crimes(force, month)) for force in area.forces}
    if usual and len(placed) < FEW * usual:
        reader.issues.add("far fewer crimes than usual: a force may not have supplied all", usual, len(placed))
    return store.Snapshot(
        area=area,
        month=month,
        resolution=here.settings.h3_resolution,
        source=police.source,
        requests=police.asked - asked_before,
        started_at=started_at,
        placed=placed,
        unplaced=unplaced,
        set_aside=reader.set_aside,
        issues=reader.issues.as_list(),
    )


def _refuse_empty(here: Context, snapshot: store.Snapshot) -> None:
    """A published month without a single crime is the source's fault, not peace."""
    if not snapshot.placed:
        raise JobError(
            f"The source has no crimes for {snapshot.area.slug} in {month_text(snapshot.month)}, though it offers the "
            "month: nothing was changed. Try again later, or check that the area lies in England, Wales or "
            "Northern Ireland"
        )
