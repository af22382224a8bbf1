"""The job for the day of a bad release: an earlier generation of the grid is published again."""

import getpass
from typing import Annotated, Any

from sqlalchemy import select

from jobs import cache, context, results
from jobs.catalogue import job
from jobs.context import Context
from jobs.database import lock, make_room
from jobs.grid import generations
from jobs.grid.generations import Published
from jobs.models.runs import Run
from jobs.parameters import Between


# Of the queue maintenance: what ingests may be at work for long.
@job(queue="maintenance", slug="publish-grid", result=results.GridPublished)
def publish_grid_generation(
    generation: Annotated[int, Between(1, 2**53, "Its number, as `safegrid grid list` shows it")],
) -> dict[str, Any]:
    """Publish an earlier generation of the grid again, and pause rebuilds until somebody resumes them."""
    here = context.current()
    with here.connection.begin():
        # A rebuild at work ends first, and the next one finds that it is paused.
        lock(here.connection, "safegrid:grid")
        make_room(here.connection)
        if not _is_done(here, generation):
            _publish(here, generation)
    # After the commit: before it, a reader would put back what is being replaced.
    cache.drop_snapshots(here.cache)
    return {"task": "publish_grid_generation", **here.state["published"]}


def _is_done(here: Context, generation: int) -> bool:
    """Whether a former attempt of this run was killed after its commit."""
    former = here.state.get("published")
    return former is not None and generations.published_as(here.connection, generation) == former["generation"]


def _publish(here: Context, generation: int) -> None:
    generations.check(here.connection, generation, here.settings.h3_resolution)
    done = generations.publish(here.connection, generation)
    generations.pause_rebuilds(here.connection, _who(here))
    generations.forget(here.connection, here.settings.grid_generations)
    here.checkpoint({"published": _said(done, generation)})


def _said(done: Published, generation: int) -> dict[str, Any]:
    return {
        "generation": done.generation,
        "restores": generation,
        "months_restored": [month.isoformat() for month in done.restored],
        "months_removed": [month.isoformat() for month in done.removed],
    }


def _who(here: Context) -> str:
    """Who asked for the run."""
    asked = select(Run.requested_by).where(Run.id == here.run_id)
    return here.connection.scalar(asked) or getpass.getuser()
