"""Publishing an earlier generation and resuming rebuilds: done and audited, for pages and programs alike."""

from jobs import catalogue
from jobs.grid import generations
from web.http.clients import client, settings
from web.jobs import submission
from web.people import audit, guard
from worker import rebuilds
from worker.rebuilds import Resumed


def publish(generation: int, origin: str) -> str:
    """Ask for the run that publishes it. Returns the run's id. Raises GenerationRefused."""
    with client().engine.begin() as connection:
        generations.check(connection, generation, settings().h3_resolution)
    job = catalogue.find("publish_grid_generation")
    return submission.submit(job, {"generation": generation}, origin).run_id


def resume(origin: str) -> Resumed:
    """Resume rebuilds, and ask for those of the months that changed meanwhile."""
    done = rebuilds.resume(client(), settings().h3_resolution, guard.requester(origin))
    if done.was_paused:
        audit.note("resumed", "rebuilds of the grid")
    return done
