"""A month of an area comes in: staged, looked at, and held in place of the old one, whatever its source."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jobs import cache
from jobs.areas import Area
from jobs.context import Context
from jobs.errors import JobError
from jobs.ingestion import guards, staging, store
from jobs.ingestion.staging import NewerHeld, Pull, Totals


@dataclass(frozen=True)
class Source:
    """Where a month comes from."""

    name: str
    """For people."""
    pull: Callable[[], Pull]
    """Stages all that it has of the month. Raises JobError."""
    refuse: Callable[[Pull, Totals], None]
    """Raises JobError where what it has cannot be all of the month."""


def bring_in(
    here: Context, area: Area, month: dt.date, source: Source, *, accept_smaller: bool = False
) -> dict[str, Any]:
    """Bring in the month and hold it in place of the old one. Raises JobError, notes it, and leaves the old.

    accept_smaller: also where it has much less than the old.
    """
    started_at = dt.datetime.now(dt.UTC)
    try:
        with staging.alone(here, area.slug, month):
            row = _swapped(here, source, accept_smaller=accept_smaller)
    except JobError as error:
        tried = {
            "run_id": here.run_id,
            "area": area.slug,
            "month": month,
            "h3_resolution": here.settings.h3_resolution,
            "source": source.name,
            "started_at": started_at,
            "status": "superseded" if isinstance(error, NewerHeld) else "failed",
            "error": str(error),
        }
        store.record(here.connection, tried)
        raise
    # After the commit: before it, a reader would put back what is being replaced.
    cache.drop_snapshots(here.cache)
    return result_of(**row)


def _swapped(here: Context, source: Source, *, accept_smaller: bool) -> dict[str, Any]:
    """Stage the month, look at it, and hold it."""
    pull = source.pull()
    with here.connection.begin():
        totals = staging.totals(here.connection, pull)
    try:
        guards.refuse_lost_records(pull, totals)
        source.refuse(pull, totals)
        guards.refuse_widened(pull, totals)
        if not accept_smaller:
            guards.refuse_smaller(here, pull, totals)
    except JobError:
        # Of no use to the next try, which has to find something else.
        with here.connection.begin():
            staging.drop(here.connection, pull)
        raise
    return store.replace_month(here.connection, pull, totals, here.run_id, here.settings.h3_resolution)


def results_so_far(here: Context) -> list[dict[str, Any]]:
    """The results of what earlier attempts of this run brought in."""
    if here.run_id is None:
        return []
    with here.connection.begin():
        return [result_of(**row) for row in store.brought_in(here.connection, here.run_id)]


def result_of(area: str, month: dt.date, categories: Mapping[str, int], **row: Any) -> dict[str, Any]:
    """A month that came in, as results have it. `row`: as `store.brought_in` returns it."""
    return {
        "area": area,
        "month": month.isoformat(),
        "records_ingested": row["records"],
        "records_unplaced": row["unplaced"],
        "records_outside": row["outside"],
        "records_set_aside": row["set_aside"],
        "records_collapsed": row["collapsed"],
        "occupied_cells": row["occupied_cells"],
        "categories": dict(Counter(categories).most_common()),
        "requests": row["requests"],
        "issues": row["issues"],
        "source": row["source"],
        "release": row["release"].isoformat() if row["release"] else None,
        "change": _change(row),
        "difference": row["difference"],
        "status": "success",
    }


def _change(row: Mapping[str, Any]) -> str:
    """What became of the month: ingested, refreshed, unchanged, or partial where a category was not known."""
    if row["is_partial"]:
        return "partial"
    if row["difference"] is None:
        return "ingested"
    return "refreshed" if any(row["difference"].values()) else "unchanged"
