"""What a run's work makes necessary next. It follows from what is held, so a run that came to nothing asks as well.

A run that finishes asks in the transaction of its end. Of one that failed, was cancelled or lost, the sweep asks.
"""

from collections.abc import Sequence
from typing import Any

import structlog
from sqlalchemy import Connection, select, text, update

from jobs import catalogue, context
from jobs.catalogue import Job
from jobs.models.runs import OWES_FOLLOW_UPS, Run
from worker import attempts
from worker.boundaries import boundary
from worker.settings import Settings

log = structlog.get_logger("safegrid.follow_ups")

MOST_AT_ONCE = 20

NextRuns = Sequence[tuple[Job, Any]]


def asked_for(settings: Settings, job: Job, result: Any) -> NextRuns:
    """The jobs that a run of `job` makes necessary, each with its parameters. Called inside of a job's context.

    result: none for a run that came to nothing. Raises what the declaration raises.
    """
    if not settings.pipelines:
        return []
    return [(catalogue.find(one.job), one.parameters) for one in job.follow_ups(result)]


def ask_for_ended(settings: Settings, connection: Connection) -> int:
    """Ask for what runs that came to nothing made necessary until then. Returns how many runs were asked for."""
    with connection.begin():
        owing = select(Run.id, Run.job).where(text(OWES_FOLLOW_UPS)).order_by(Run.ended_at).limit(MOST_AT_ONCE)
        runs: Sequence[Any] = connection.execute(owing).all()
    asked = 0
    for run in runs:
        with boundary("follow_ups", connection, run_id=run.id, job=run.job):
            asked += _ask(settings, connection, run)
    return asked


def _ask(settings: Settings, connection: Connection, run: Any) -> int:
    job = catalogue.load().get(run.job)
    next_runs: NextRuns = []
    if job is not None:
        # What cannot be told now would not be told at the next sweep either.
        with boundary("follow_ups", run_id=run.id, job=run.job), context.open_context(settings):
            next_runs = asked_for(settings, job, None)
    with connection.begin():
        # One of several sweeps wins.
        won = connection.execute(update(Run).where(Run.id == run.id, text(OWES_FOLLOW_UPS)).values(followed_up=True))
        asked = attempts.ask_next(connection, run.id, next_runs) if won.rowcount else []
    if asked:
        log.info("follow_ups_asked_for", run_id=run.id, runs=asked)
    return len(asked)
