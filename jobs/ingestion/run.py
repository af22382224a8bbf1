"""The ingestion jobs."""

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import structlog
from pydantic import Field

from jobs import areas, cache, context
from jobs.areas import Area
from jobs.catalogue import job
from jobs.context import Context
from jobs.errors import JobError, PermanentError
from jobs.http import SourceUnavailable
from jobs.ingestion import store
from jobs.ingestion.police import Police
from jobs.ingestion.records import Reader, category_counts
from jobs.months import add_months, month_text
from jobs.parameters import Between, OneOf
from jobs.regrid import outdated

log = structlog.get_logger("safegrid.ingestion")

# As many as the grid shows unless it is asked for others.
MONTHS_BACK = 12
# Releases come about once a month; two in one pull are an accident, three are none.
MOST_PULLS = 3
# A revision moves, adds and removes a few of a month's crimes.
LOST = 0.2
# So many of a category, or of a force's crimes without a place, do not come to be none by a revision.
ALWAYS = 10
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


class SmallerMonth(PermanentError):
    """A month that is held came in again with much less. What is held stays."""


class UnpublishedMonth(PermanentError):
    """A month that the source does not offer."""


_LATEST = "Ingest the latest crimes"


@job(
    queue="ingestion",
    slug="ingest-latest",
    cron="0 2 2 * *",
    follow_ups=outdated,
    remedies={"no_crimes": _LATEST, "months_missing": _LATEST},
)
def ingest_latest_crime_data(area: AreaSlug = None) -> dict[str, Any]:
    """Ingest every published month of the last 12 that is not held, and refresh held ones after a release."""
    here = context.current()
    police = Police.of(here.settings)
    published = police.months()
    if not published:
        raise JobError(f"{police.base_url} offers no months at all; try again later")
    oldest = add_months(published[0], 1 - MONTHS_BACK)
    held = [(one, _releases(here, one)) for one in _areas(here, area)]
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
    follow_ups=outdated,
    month=("year", "month"),
    remedies={"month_missing": "Ingest it"},
)
def ingest_month_on_demand(
    # The police publish since December 2010.
    year: Annotated[int, Between(2010, 2100, "Year of the month")],
    month: Annotated[int, Between(1, 12, "Month of the year")],
    area: AreaSlug = None,
    accept_smaller: Annotated[
        bool, Field(description="Hold the month also where it has come to have much less than is held")
    ] = False,
) -> dict[str, Any]:
    """Ingest one month, whether it is held or not: the source revises old months."""
    here = context.current()
    police = Police.of(here.settings)
    wanted = dt.date(year, month, 1)
    published = police.months()
    if wanted not in published:
        offer = f"{month_text(published[-1])} to {month_text(published[0])}" if published else "nothing"
        raise UnpublishedMonth(f"Month {month_text(wanted)} is not on offer: {police.base_url} offers {offer}")
    months = [(one, wanted) for one in _areas(here, area)]
    results = _ingest_all(here, police, months, accept_smaller=accept_smaller)
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
    results = _earlier(here)
    brought_in = {(result["area"], result["month"]) for result in results}
    left = [(area, month) for area, month in wanted if (area.slug, month.isoformat()) not in brought_in]
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
        raise _failure(errors, len(left))
    return results


def _earlier(here: Context) -> list[dict[str, Any]]:
    """The results of what earlier attempts of this run brought in."""
    if here.run_id is None:
        return []
    with here.connection.begin():
        return [_result(**row) for row in store.brought_in(here.connection, here.run_id)]


def _result(area: str, month: dt.date, categories: Mapping[str, int], **row: Any) -> dict[str, Any]:
    """A month that came in, as results have it. `row`: as `store.brought_in` returns it."""
    return {
        "area": area,
        "month": month.isoformat(),
        "records_ingested": row["records"],
        "records_unplaced": row["unplaced"],
        "records_set_aside": row["set_aside"],
        "occupied_cells": row["occupied_cells"],
        "categories": dict(Counter(categories).most_common()),
        "requests": row["requests"],
        "issues": row["issues"],
        "source": row["source"],
        "release": row["release"].isoformat() if row["release"] else None,
        "change": _change(row["difference"]),
        "difference": row["difference"],
        "status": "success",
    }


def _change(difference: Mapping[str, Any] | None) -> str:
    """What became of the month: ingested, refreshed or unchanged."""
    if difference is None:
        return "ingested"
    return "refreshed" if any(difference.values()) else "unchanged"


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


def ingest_month(
    here: Context, police: Police, area: Area, month: dt.date, *, accept_smaller: bool = False
) -> dict[str, Any]:
    """Bring in one month of one area and hold it in place of the old one. Raises JobError and leaves the old.

    accept_smaller: also where it has much less than the old.
    """
    started_at = dt.datetime.now(dt.UTC)
    try:
        _check_forces(police, area)
        snapshot = _pull_of_one_release(here, police, area, month, started_at)
        _refuse_empty(snapshot)
        if not accept_smaller:
            _refuse_smaller(here, snapshot)
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
    difference = store.replace_month(here.connection, snapshot, here.run_id)
    # After the commit: before it, a reader would put back what is being replaced.
    cache.drop_snapshots(here.cache)
    return _result(
        area=area.slug,
        month=month,
        records=len(snapshot.placed),
        unplaced=snapshot.unplaced_count,
        set_aside=snapshot.set_aside,
        occupied_cells=len({crime.h3_cell for crime in snapshot.placed}),
        categories=category_counts(snapshot.placed),
        requests=snapshot.requests,
        issues=snapshot.issues,
        source=snapshot.source,
        release=snapshot.release,
        difference=difference,
    )


def _pull_of_one_release(
    here: Context, police: Police, area: Area, month: dt.date, started_at: dt.datetime
) -> store.Snapshot:
    """What the source has of the month, all of it of one release: a newer one may change places and ids."""
    asked_before = police.asked
    release = police.last_updated()
    for _ in range(MOST_PULLS):
        snapshot = _pull(here, police, area, month, started_at)
        newest = police.last_updated()
        if newest == release:
            return dataclasses.replace(snapshot, release=release, requests=police.asked - asked_before)
        log.warning("release_during_a_pull", area=area.slug, month=month_text(month), release=newest.isoformat())
        release = newest
    raise SourceUnavailable(
        f"{police.base_url} published anew {MOST_PULLS} times while {month_text(month)} of {area.slug} came in: "
        "nothing was changed, try again later"
    )


def _pull(here: Context, police: Police, area: Area, month: dt.date, started_at: dt.datetime) -> store.Snapshot:
    with here.connection.begin():
        known = store.categories(here.connection)
        usual = store.usual_count(here.connection, area.slug, month)
    reader = Reader(month, known, here.settings.h3_resolution)
    placed = []
    for tile, records in police.street_crimes(area, month):
        placed += reader.placed(records, area, tile)
        here.leave_if_stopping()
    unplaced = {force: reader.unplaced(police.unplaced_crimes(force, month)) for force in area.forces}
    if usual and len(placed) < FEW * usual:
        reader.issues.add("far fewer crimes than usual: a force may not have supplied all", usual, len(placed))
    return store.Snapshot(
        area=area,
        month=month,
        resolution=here.settings.h3_resolution,
        source=police.source,
        requests=0,
        started_at=started_at,
        placed=placed,
        unplaced=unplaced,
        set_aside=reader.set_aside,
        issues=reader.issues.as_list(),
    )


def _refuse_smaller(here: Context, snapshot: store.Snapshot) -> None:
    """A force re-supplies a month now and then, and not always whole: what is held is not given up for that."""
    area, month = snapshot.area.slug, month_text(snapshot.month)
    with here.connection.begin():
        held = store.held(here.connection, area, snapshot.month)
    if held and (losses := _losses(held, snapshot)):
        raise SmallerMonth(
            f"{month} of {area} has much less now than is held: {'; '.join(losses)}. What is held stays. If the source "
            f"is right, ingest {month} again with accept_smaller"
        )


def _losses(held: store.Held, snapshot: store.Snapshot) -> list[str]:
    """What is held and has gone, in words with both counts."""
    now = category_counts(snapshot.placed)
    unplaced = {force: len(crimes) for force, crimes in snapshot.unplaced.items()}
    total = sum(now.values()) + sum(unplaced.values())
    lost = held.total - total
    words = [f"{total} crimes of {held.total}"] if lost > max(LOST * held.total, 1) else []
    words += [
        f"no {name} of {count}" for name, count in held.categories.items() if count >= ALWAYS and not now.get(name)
    ]
    words += [
        f"none without a place of {force}, of {count}"
        for force, count in held.unplaced.items()
        if count >= ALWAYS and not unplaced.get(force)
    ]
    return words


def _refuse_empty(snapshot: store.Snapshot) -> None:
    """A published month without a single crime is the source's fault, not peace."""
    if not snapshot.placed:
        raise JobError(
            f"The source has no crimes for {snapshot.area.slug} in {month_text(snapshot.month)}, though it offers the "
            "month: nothing was changed. Try again later, or check that the area lies in England, Wales or "
            "Northern Ireland"
        )
