"""What goes on as JSON: the verdict, the schedule, queues and workers."""

import datetime as dt
from typing import Literal

from apiflask import APIBlueprint, APIFlask
from flask import Response
from pydantic import Field

from web.findings import store as findings
from web.http.clients import client
from web.http.schemas import Changed, Schema, as_json
from web.status import pauses, store
from worker import liveness, staffing

bp = APIBlueprint("status_api", __name__, url_prefix="/api/v1/admin", tag="Administration")


class Problem(Schema):
    """A finding, in short."""

    level: Literal["bad", "warn"]
    text: str
    remedy: str
    kind: str = Field(description="Kind of the finding, as in `GET /findings`, which has all details")
    subject: str


class Health(Schema):
    """Whether all is well."""

    is_well: bool
    findings: list[Problem] = Field(description="Findings, the worst first")


class Occurrence(Schema):
    """A time at which a cadence was due, and its run."""

    task_id: str
    occurrence: dt.datetime
    state: str


class Cadence(Schema):
    """The cadence of a job."""

    job: str
    slug: str
    cron: str = Field(description="Cron expression, in UTC")
    next_due: dt.datetime | None
    paused: bool
    catch_up_s: float = Field(
        description="After a pause of the system, the newest missed occurrence still runs up to this many seconds late"
    )
    overlap: Literal["skip", "wait"] = Field(description="What happens to an occurrence while a run of the job is open")
    occurrences: list[Occurrence] = Field(description="The last 30 occurrences, newest first")


class Schedule(Schema):
    """All cadences."""

    cadences: list[Cadence]


class QueueState(Schema):
    """A queue."""

    name: str
    waiting: int
    later: int = Field(description="Runs that are planned for later")
    started: int
    oldest_s: float | None = Field(description="For how many seconds the oldest waiting run has been due")
    paused_by: str | None
    waited: list[int] = Field(
        description="Due runs that had not started, at the end of each quarter of an hour of the last day"
    )
    workers: int | None = Field(description="Workers per supervisor, if set; null for the default number")


class ChosenWorkers(Schema):
    """How many workers of a queue each supervisor gets."""

    workers: int | None = Field(
        ge=1, le=staffing.MOST, description="Workers per supervisor; null for the default number"
    )


class Queues(Schema):
    """All queues."""

    queues: list[QueueState]


class Purged(Schema):
    """How many runs were cancelled."""

    cancelled: int


class WorkerState(Schema):
    """A running worker."""

    name: str
    host: str
    pid: int
    queues: list[str]
    state: str
    task_id: str | None
    since: dt.datetime | None
    done: int
    failed: int
    heard_s: float = Field(description="Seconds since its last heartbeat, by the clock of Redis")


class Workers(Schema):
    """All workers."""

    workers: list[WorkerState]
    schedulers: int


class ThroughputQuery(Schema):
    """Of how many days."""

    days: int = Field(1, ge=1, le=365, description="Last days to count: per hour for one day, per day for more")


class Step(Schema):
    """Ended runs of an hour or day."""

    begins: dt.datetime
    finished: int
    failed: int


class JobEnds(Schema):
    """Ended runs of a job."""

    job: str
    finished: int
    failed: int


class Throughput(Schema):
    """Ended runs, over time and by job."""

    step_s: float
    steps: list[Step] = Field(description="Hours or days, the oldest first")
    jobs: list[JobEnds]


def init_app(app: APIFlask) -> None:
    """Add the API."""
    app.register_blueprint(bp)


@bp.get("/health")
@bp.output(Health)
@bp.doc(summary="Show whether all is well, and how to fix what is not", operation_id="getHealth")
def health() -> Response:
    """The verdict of the first page."""
    wrong = [one for one in findings.now() if findings.is_wrong(one)]
    found = [
        Problem(
            level="bad" if one.severity == "critical" else "warn",
            text=one.cause,
            remedy=one.remedy,
            kind=one.kind,
            subject=one.subject,
        )
        for one in wrong
    ]
    return as_json(Health(is_well=not found, findings=found))


@bp.get("/schedule")
@bp.output(Schedule)
@bp.doc(summary="List the cadences with their last occurrences", operation_id="getSchedule")
def cadences() -> Response:
    """The schedule."""
    return as_json(Schedule(cadences=[_cadence(one) for one in store.schedule()]))


def _cadence(stored: store.Cadence) -> Cadence:
    return Cadence(
        job=stored.job.name,
        slug=stored.job.slug,
        cron=str(stored.job.cron),
        next_due=stored.next_due,
        paused=stored.paused,
        catch_up_s=stored.job.catch_up.total_seconds(),
        overlap="wait" if stored.job.overlaps else "skip",
        occurrences=[
            Occurrence(task_id=one.id, occurrence=one.occurrence, state=one.state) for one in stored.occurrences
        ],
    )


@bp.post("/schedule/<slug>/pause")
@bp.output(Changed)
@bp.doc(summary="Pause a cadence", operation_id="pauseCadence")
def pause_cadence(slug: str) -> Response:
    """Pause a cadence."""
    return as_json(Changed(changed=pauses.pause("cadence", store.with_cadence(slug).name)))


@bp.post("/schedule/<slug>/resume")
@bp.output(Changed)
@bp.doc(summary="Resume a cadence", operation_id="resumeCadence")
def resume_cadence(slug: str) -> Response:
    """Resume a cadence."""
    return as_json(Changed(changed=pauses.resume("cadence", store.with_cadence(slug).name)))


@bp.get("/queues")
@bp.output(Queues)
@bp.doc(summary="List the queues", operation_id="getQueues")
def queue_states() -> Response:
    """The queues."""
    found = [QueueState(**vars(one.state), waited=one.waited, workers=one.workers) for one in store.queues()]
    return as_json(Queues(queues=found))


@bp.post("/queues/<name>/pause")
@bp.output(Changed)
@bp.doc(summary="Pause a queue. Runs at work continue", operation_id="pauseQueue")
def pause_queue(name: str) -> Response:
    """Pause a queue."""
    return as_json(Changed(changed=pauses.pause("queue", store.known_queue(name))))


@bp.post("/queues/<name>/resume")
@bp.output(Changed)
@bp.doc(summary="Resume a queue", operation_id="resumeQueue")
def resume_queue(name: str) -> Response:
    """Resume a queue."""
    return as_json(Changed(changed=pauses.resume("queue", store.known_queue(name))))


@bp.put("/queues/<name>/workers")
@bp.input(ChosenWorkers, arg_name="wanted")
@bp.output(Changed)
@bp.doc(summary="Set how many workers of a queue each supervisor has", operation_id="chooseWorkers")
def choose_workers(name: str, wanted: ChosenWorkers) -> Response:
    """Change a queue's workers."""
    pauses.choose_workers(store.known_queue(name), wanted.workers)
    return as_json(Changed(changed=True))


@bp.post("/queues/<name>/purge")
@bp.output(Purged)
@bp.doc(summary="Cancel all runs of a queue that have not started", operation_id="purgeQueue")
def purge_queue(name: str) -> Response:
    """Purge a queue."""
    return as_json(Purged(cancelled=pauses.purge(store.known_queue(name))))


@bp.get("/throughput")
@bp.input(ThroughputQuery, location="query", arg_name="wanted")
@bp.output(Throughput)
@bp.doc(summary="Count finished and failed runs per hour or day, and per job", operation_id="getThroughput")
def throughput(wanted: ThroughputQuery) -> Response:
    """What ended."""
    found = store.throughput(wanted.days)
    steps = [
        Step(begins=found.begins + index * found.step, finished=finished, failed=failed)
        for index, (finished, failed) in enumerate(zip(found.finished, found.failed, strict=True))
    ]
    jobs = [JobEnds(job=job, finished=of[0], failed=of[1]) for job, of in found.jobs.items()]
    return as_json(Throughput(step_s=found.step.total_seconds(), steps=steps, jobs=jobs))


@bp.get("/workers")
@bp.output(Workers)
@bp.doc(summary="List the workers and what each does", operation_id="getWorkers")
def workers() -> Response:
    """The workers."""
    found = []
    for one in liveness.workers(client().redis):
        values = {name: value for name, value in vars(one).items() if name in WorkerState.model_fields}
        found.append(WorkerState(**values, task_id=one.run_id))
    return as_json(Workers(workers=found, schedulers=liveness.schedulers(client().redis)))
