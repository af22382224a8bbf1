"""The ingestion jobs."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import structlog
from pydantic import Field

from jobs import areas, context, results
from jobs.areas import Area
from jobs.catalogue import FollowUp, job
from jobs.context import Context
from jobs.coverage.unlocated import unlocated
from jobs.errors import JobError, PermanentError
from jobs.ingestion import guards, store
from jobs.ingestion.month import Source, bring_in, results_so_far
from jobs.ingestion.police import Police
from jobs.ingestion.pulling import pull_month
from jobs.ingestion.staging import Pull, Totals
from jobs.months import add_months, month_text
from jobs.parameters import Between, OneOf
from jobs.regrid import outdated
from jobs.retention import kept

log = structlog.get_logger("safegrid.ingestion")

# As many as the grid shows unless it is asked for others.
MONTHS_BACK = 12

AreaSlug = Annotated[
    str | None, OneOf(areas.slugs, left_out="all"), Field(description="Ingest only this area. Default: all areas")
]


class IncompleteIngestion(JobError):
    """Some months came in and some did not. What came in is held; try again for the rest."""


class NoAreas(PermanentError):
    """There is no area to bring crimes in for. Add one with `safegrid area add`; `safegrid migrate` adds the first."""

    def __init__(self) -> None:
        super().__init__(str(self.__doc__))


class UnpublishedMonth(PermanentError):
    """A month that the source does not offer."""


_LATEST = "Ingest the latest crimes"


def follow_ups(_result: Any) -> list[FollowUp]:
    """The grid of the months that changed, and whose land it is where nobody asked yet."""
    return [*outdated(), *unlocated()]


@job(
    queue="ingestion",
    slug="ingest-latest",
    cron="0 2 2 * *",
    follow_ups=follow_ups,
    remedies={"no_crimes": _LATEST, "months_missing": _LATEST},
    result=results.LatestIngested,
)
def ingest_latest_crime_data(area: AreaSlug = None) -> dict[str, Any]:
    """Ingest the missing months of the last 12, and the revised months after a release."""
    here = context.current()
    police = Police.of_run(here)
    published = police.months()
    if not published:
        raise JobError(f"{police.base_url} lists no months. Try again later")
    oldest = add_months(published[0], 1 - MONTHS_BACK)
    held = [(one, _releases(here, one)) for one in wanted_areas(here, area)]
    recent = [month for month in published if month >= oldest]
    wanted = [(one, month) for month in recent for one, months in held if month not in months]
    release = police.last_updated()
    for one, months in held:
        wanted += [(one, month) for month in _outdated(months, published, release, here.settings.refresh_months)]
    results = _ingest_all(here, police, wanted)
    return {
        "task": "ingest_latest_crime_data",
        "total_records": sum(result["records_ingested"] for result in results),
        "results": results,
    }


@job(
    queue="ingestion",
    slug="ingest-month",
    follow_ups=follow_ups,
    month=("year", "month"),
    remedies={"month_missing": "Ingest it"},
    result=results.MonthIngested,
)
def ingest_month_on_demand(
    # The police publish since December 2010.
    year: Annotated[int, Between(2010, 2100, "Year of the month")],
    month: Annotated[int, Between(1, 12, "Month of the year")],
    area: AreaSlug = None,
    accept_smaller: Annotated[
        bool, Field(description="Replace the month even if it has far fewer crimes than before")
    ] = False,
) -> dict[str, Any]:
    """Ingest one month, even if it was ingested before: the source revises old months."""
    here = context.current()
    police = Police.of_run(here)
    wanted = dt.date(year, month, 1)
    published = police.months()
    if wanted not in published:
        offer = f"{month_text(published[-1])} to {month_text(published[0])}" if published else "nothing"
        raise UnpublishedMonth(f"Month {month_text(wanted)} is not published: {police.base_url} has {offer}")
    with here.connection.begin():
        kept.check(here.connection, here.settings.crime_retention_months, wanted)
    months = [(one, wanted) for one in wanted_areas(here, area)]
    results = _ingest_all(here, police, months, accept_smaller=accept_smaller)
    return {
        "task": "ingest_month_on_demand",
        "month": wanted.isoformat(),
        "records_ingested": sum(result["records_ingested"] for result in results),
        "status": "success",
        "results": results,
    }


def wanted_areas(here: Context, slug: str | None) -> list[Area]:
    """The area of that name, or all of them. Raises NoAreas."""
    with here.connection.begin():
        found = [areas.find(here.connection, slug)] if slug else areas.all_areas(here.connection)
    if not found:
        raise NoAreas
    return found


def _releases(here: Context, area: Area) -> dict[dt.date, dt.date | None]:
    with here.connection.begin():
        return store.releases(here.connection, area.slug)


def _outdated(
    held: Mapping[dt.date, dt.date | None], published: Sequence[dt.date], release: dt.date, newest: int
) -> list[dt.date]:
    """Held months to be asked for again: the newest ones, and in rotation one of the others, of an older release."""
    if newest == 0:
        return []
    offered = [month for month in sorted(held, reverse=True) if month in published]
    older = sorted(offered[newest:], key=lambda month: (held[month] or dt.date.min, month))
    return [month for month in (*offered[:newest], *older[:1]) if held[month] != release]


def _ingest_all(
    here: Context, police: Police, wanted: Sequence[tuple[Area, dt.date]], *, accept_smaller: bool = False
) -> list[dict[str, Any]]:
    """Every wanted month is tried, whatever becomes of the others; one that failed fails the run at the end.

    Returns the results of all attempts of this run: what an earlier one brought in is held, and not asked for again.
    """
    results = results_so_far(here)
    brought_in = {(result["area"], result["month"]) for result in results}
    asked = without_covered(wanted)
    left = [(area, month) for area, month in asked if (area.slug, month.isoformat()) not in brought_in]
    errors: list[JobError] = []
    here.progress(0, len(left))
    for done, (area, month) in enumerate(left, 1):
        try:
            results.append(ingest_month(here, police, area, month, accept_smaller=accept_smaller))
        except JobError as error:
            log.error("month_failed", area=area.slug, month=month_text(month), error=str(error))
            errors.append(error)
        here.progress(done, len(left), f"{area.slug} {month_text(month)}")
    if errors:
        raise failure_of(errors, len(left), len(errors))
    return results


def without_covered(wanted: Sequence[tuple[Area, dt.date]]) -> list[tuple[Area, dt.date]]:
    """An area comes in with a larger one that is wanted of the same month, if that has all of its forces."""
    areas_of: dict[dt.date, list[Area]] = {}
    for area, month in sorted(wanted, key=lambda one: -one[0].polygon.area):
        found = areas_of.setdefault(month, [])
        if not any(set(area.forces) <= set(one.forces) and one.polygon.covers(area.polygon) for one in found):
            found.append(area)
    return [(area, month) for area, month in wanted if area in areas_of[month]]


def failure_of(errors: Sequence[JobError], wanted: int, failed: int) -> JobError:
    """The one error of a run whose months failed."""
    if failed == 1 == wanted:
        return errors[0]
    kind = PermanentError if all(isinstance(error, PermanentError) for error in errors) else IncompleteIngestion
    return kind(f"{failed} of {wanted} months failed; the others are ingested. First error: {errors[0]}")


def ingest_month(
    here: Context, police: Police, area: Area, month: dt.date, *, accept_smaller: bool = False
) -> dict[str, Any]:
    """Bring in one month of one area and hold it in place of the old one. Raises JobError and leaves the old.

    accept_smaller: also where it has much less than the old.
    """

    def pull() -> Pull:
        guards.check_forces(police, area)
        return pull_month(here, police, area, month)

    def refuse(pull: Pull, totals: Totals) -> None:
        guards.refuse_empty(police, pull, totals)

    return bring_in(here, area, month, Source(police.source, pull, refuse), accept_smaller=accept_smaller)
