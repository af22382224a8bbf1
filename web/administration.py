"""What goes on as JSON: the verdict, the schedule, queues and workers."""

import datetime as dt
from typing import Literal

from apiflask import APIBlueprint, APIFlask
from flask import Response
from pydantic import Field

from web import queues, rests, schedule
from web.answers import Changed, Told, answer
from web.clients import client
from web.overview import look
from web.verdict import findings
from worker import occurrences, overview

bp = APIBlueprint("administration", __name__, url_prefix="/api/v1/admin", tag="Administration")


class Problem(Told):
    """What is not as it should be."""

    level: Literal["bad", "warn"]
    text: str
    remedy: str


class Health(Told):
    """Whether all is well."""

    is_well: bool
    findings: list[Problem] = Field(description="The worst first")


class Occurrence(Told):
    """A time of a cadence and what became of it."""

    task_id: str
    occurrence: dt.datetime
    state: str


class Cadence(Told):
    """When a job starts by itself."""

    job: str
    slug: str
    cron: str = Field(description="UTC")
    next_due: dt.datetime | None
    paused: bool
    occurrences: list[Occurrence] = Field(description="The last 30, newest first")


class Schedule(Told):
    """All cadences."""

    cadences: list[Cadence]


class QueueState(Told):
    """What stands in a queue."""

    name: str
    waiting: int
    later: int = Field(description="Waiting for a time of their own")
    started: int
    oldest_s: float | None = Field(description="Seconds for which the longest-waiting run has been due")
    paused_by: str | None
    waited: list[int] = Field(
        description="Runs that were due and had not begun, at the end of each quarter of an hour of the last day"
    )


class Queues(Told):
    """All queues."""

    queues: list[QueueState]


class Purged(Told):
    """How many runs were cancelled."""

    cancelled: int


class WorkerState(Told):
    """A worker that is there."""

    name: str
    host: str
    pid: int
    queues: list[str]
    state: str
    task_id: str | None
    since: dt.datetime | None
    done: int
    failed: int


class Workers(Told):
    """All workers."""

    workers: list[WorkerState]
    schedulers: int


def init_app(app: APIFlask) -> None:
    """Add the API."""
    app.register_blueprint(bp)


@bp.get("/health")
@bp.output(Health)
@bp.doc(summary="Is all well, and what to do if not", operation_id="getHealth")
def health() -> Response:
    """The verdict of the first page."""
    seen, _ = look()
    found = [Problem(level=one.level, text=one.text, remedy=one.remedy) for one in findings(seen)]
    return answer(Health(is_well=not found, findings=found))


@bp.get("/schedule")
@bp.output(Schedule)
@bp.doc(summary="The cadences with their last occurrences", operation_id="getSchedule")
def cadences() -> Response:
    """The schedule."""
    told = []
    with client().engine.connect() as connection:
        stored = overview.cadences(connection)
        for name, job in overview.scheduled().items():
            row = stored.get(name)
            last = [
                Occurrence(task_id=one.id, occurrence=one.occurrence, state=one.state)
                for one in occurrences.history(connection, name, schedule.DOTS)
            ]
            told.append(
                Cadence(
                    job=name,
                    slug=job.slug,
                    cron=str(job.cron),
                    next_due=row.next_due if row else None,
                    paused=bool(row and row.paused),
                    occurrences=last,
                )
            )
    return answer(Schedule(cadences=told))


@bp.post("/schedule/<slug>/pause")
@bp.output(Changed)
@bp.doc(summary="Let a cadence rest", operation_id="pauseCadence")
def pause_cadence(slug: str) -> Response:
    """Pause a cadence."""
    return answer(Changed(changed=rests.pause("cadence", schedule.with_cadence(slug).name)))


@bp.post("/schedule/<slug>/resume")
@bp.output(Changed)
@bp.doc(summary="Go on with a cadence", operation_id="resumeCadence")
def resume_cadence(slug: str) -> Response:
    """Resume a cadence."""
    return answer(Changed(changed=rests.resume("cadence", schedule.with_cadence(slug).name)))


@bp.get("/queues")
@bp.output(Queues)
@bp.doc(summary="What stands in the queues", operation_id="getQueues")
def queue_states() -> Response:
    """The queues."""
    with client().engine.connect() as connection:
        waited = overview.depths(connection, dt.datetime.now(dt.UTC))
        found = [QueueState(**vars(one), waited=waited[one.name]) for one in overview.queues(connection)]
    return answer(Queues(queues=found))


@bp.post("/queues/<name>/pause")
@bp.output(Changed)
@bp.doc(summary="Let a queue rest; runs at work go on", operation_id="pauseQueue")
def pause_queue(name: str) -> Response:
    """Pause a queue."""
    return answer(Changed(changed=rests.pause("queue", queues.known(name))))


@bp.post("/queues/<name>/resume")
@bp.output(Changed)
@bp.doc(summary="Go on with a queue", operation_id="resumeQueue")
def resume_queue(name: str) -> Response:
    """Resume a queue."""
    return answer(Changed(changed=rests.resume("queue", queues.known(name))))


@bp.post("/queues/<name>/purge")
@bp.output(Purged)
@bp.doc(summary="Cancel what waits in a queue", operation_id="purgeQueue")
def purge_queue(name: str) -> Response:
    """Purge a queue."""
    return answer(Purged(cancelled=rests.purge(queues.known(name))))


@bp.get("/workers")
@bp.output(Workers)
@bp.doc(summary="The workers and what each does", operation_id="getWorkers")
def workers() -> Response:
    """The workers."""
    found = []
    for one in overview.workers(client().redis):
        values = vars(one)
        found.append(WorkerState(**{k: v for k, v in values.items() if k != "run_id"}, task_id=one.run_id))
    return answer(Workers(workers=found, schedulers=overview.schedulers(client().redis)))
