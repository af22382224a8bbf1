"""The grid's job."""

import datetime as dt
from typing import Annotated, Any

from pydantic import Field

from jobs import cache, context, crimes, results
from jobs.catalogue import FollowUp, job
from jobs.context import Context
from jobs.database import lock, make_room
from jobs.errors import PermanentError
from jobs.grid import generations, store
from jobs.months import add_months, month_text, parse_month
from jobs.parameters import Between, Month
from jobs.regrid import MOST_MONTHS


class NothingIngested(PermanentError):
    """There are no crimes to build a grid from. Run ingest_latest_crime_data first."""

    def __init__(self) -> None:
        super().__init__(str(self.__doc__))


def _check(result: dict[str, Any] | None) -> list[FollowUp]:
    """The health of a grid that has changed; or may have, before the run came to nothing."""
    return [FollowUp("validate_h3_grid_health")] if result is None or result["months_rebuilt"] else []


@job(
    queue="ingestion",
    slug="rebuild-grid",
    # A day after the month's ingestion, for whatever that left undone.
    cron="0 3 3 * *",
    follow_ups=_check,
    remedies={"no_grid": "Rebuild the safety grid", "month_not_built": "Build it"},
    result=results.GridRebuilt,
)
def rebuild_safety_grid(
    # A year, as the grid shows unless it is asked for others.
    months: Annotated[int, Between(1, MOST_MONTHS, "Calendar months to build, counted back from the newest")] = 12,
    until: Annotated[
        Month | None, Field(description="Newest month to build, YYYY-MM. Default: the newest ingested")
    ] = None,
    force: Annotated[bool, Field(description="Also rebuild months that have not changed")] = False,
) -> dict[str, Any]:
    """Rebuild the H3 safety grid of the newest `months` calendar months."""
    here = context.current()
    resolution = here.settings.h3_resolution
    with here.connection.begin():
        newest = parse_month(until) if until else crimes.newest_month(here.connection)
    if newest is None:
        raise NothingIngested
    with here.connection.begin():
        # One build at a time; another waits here and then finds the work done.
        lock(here.connection, "safegrid:grid")
        make_room(here.connection)
        paused = generations.pause(here.connection)
        states = crimes.month_states(here.connection, add_months(newest, 1 - months), newest)
        built = [] if paused else _replace(here, states, force)
        statistics = store.statistics(here.connection, [state.month for state in states])
        # Before the commit: a run that is killed right after it still tells what it built.
        rebuilt = sorted({*here.state.get("months_rebuilt", ()), *(month.isoformat() for month in built)}, reverse=True)
        here.checkpoint({"months_rebuilt": rebuilt})
    # After the commit: before it, a reader would put back what is being replaced.
    cache.drop_snapshots(here.cache)
    return {
        "task": "rebuild_safety_grid",
        "months_processed": months,
        "months_held": [state.month.isoformat() for state in states],
        "months_rebuilt": rebuilt,
        "cells_created": statistics["total_cell_months"],
        "grid_type": here.settings.grid_type,
        "h3_resolution": resolution,
        "cell_size_m": here.settings.cell_size_m,
        "statistics": statistics,
        **({"not_rebuilt": generations.said(paused)} if paused else {}),
    }


def _replace(here: Context, states: list[crimes.MonthState], force: bool) -> list[dt.date]:
    """Take out of the grid what is held no more, and build what changed. Returns the months built."""
    generation = store.next_generation(here.connection)
    dropped = store.drop_unheld(here.connection, generation)
    built = _build(here, states, generation, force)
    if dropped or built:
        store.publish(here.connection, generation, built, dropped)
        generations.forget(here.connection, here.settings.grid_generations)
    store.shape_cells(here.connection, built)
    return built


def _build(here: Context, states: list[crimes.MonthState], generation: int, force: bool) -> list[dt.date]:
    """Build what changed, in one transaction and as one generation. Returns the months built."""
    resolution = here.settings.h3_resolution
    store.check(here.connection, states, resolution)
    before = crimes.built_fingerprints(here.connection)
    changed = [state for state in states if force or before.get(state.month) != state.fingerprint]
    for done, state in enumerate(changed, 1):
        store.build_month(here.connection, state, resolution, generation)
        here.progress(done, len(changed), month_text(state.month))
    return [state.month for state in changed]
