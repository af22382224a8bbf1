"""A run as the API shows it: a task."""

import datetime as dt
import re
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import Row

from web.http.clients import client
from web.http.schemas import Schema, from_row
from web.runs import store
from worker import attempts
from worker.errors import UnknownRun
from worker.handle import Status, status_of

State = Literal["waiting", "queued", "started", "finished", "failed", "cancelled", "skipped"]
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Progress(Schema):
    """The progress of a run."""

    done: int
    total: int
    note: str
    percent: int = Field(ge=0, le=100)
    rate: float | None = Field(None, description="Steps per second since the attempt started; null at first")


class Submitted(Schema):
    """The accepted task."""

    task_id: str
    task_name: str
    status: Literal["submitted"]
    message: str


class Task(Schema):
    """A task: its state, progress and result."""

    task_id: str
    task_name: str
    status: Status
    ready: bool = Field(description="Whether the task has ended")
    successful: bool
    result: Any = Field(None, description="Result of the job; only with SUCCESS")
    error: str | None = Field(None, description="Error message; only with FAILURE")
    state: State = Field(description="State of the run")
    progress: Progress | None


class ListedTask(Schema):
    """A task in a list: without its result, with its request."""

    task_id: str
    task_name: str
    status: Status
    state: State
    parameters: dict[str, Any]
    requested_by: str
    origin: str
    created_at: dt.datetime
    due_at: dt.datetime = Field(description="When it may start")
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    error: str | None


class TaskList(Schema):
    """The latest tasks, newest first."""

    tasks: list[ListedTask]
    next: str | None = Field(None, description="Value of `before` for the next, older page")


class Attempt(Schema):
    """One attempt at a run."""

    number: int
    worker: str = Field(description="host:pid")
    started_at: dt.datetime
    ended_at: dt.datetime | None
    outcome: str | None = Field(description="finished, failed, lost, stopped or cancelled; null while it runs")
    error: str | None


class Link(Schema):
    """This run, a run that led to it, or a follow-up of it."""

    task_id: str
    task_name: str
    state: State
    created_at: dt.datetime
    depth: int = Field(description="0 for the first run, 1 for its follow-ups, and so on")


class History(Schema):
    """The history of a task."""

    task: ListedTask
    attempts: list[Attempt]
    log: list[dict[str, Any]] = Field(description="The last lines of its log")
    chain: list[Link]


def find(task_id: str) -> Row[Any]:
    """The run of that id. Raises UnknownRun, also for what cannot be an id."""
    if not _ID.fullmatch(task_id):
        raise UnknownRun(task_id)
    return client().run(task_id)


def progress_of(run: Row[Any]) -> Progress | None:
    """How far the run is, as far as is known."""
    known = client().progress(run.id)
    if known is None:
        return None
    done, total = int(known["done"]), int(known["total"])
    percent = max(0, min(100, 100 * done // total)) if total else 0
    seconds = float(known["at"]) - float(known["started"])
    rate = done / seconds if done and seconds > 0 else None
    return Progress(done=done, total=total, note=str(known["note"]), percent=percent, rate=rate)


def as_task(run: Row[Any]) -> dict[str, Any]:
    """The run as JSON, of the shape of Task."""
    status = status_of(run.state)
    progress = progress_of(run)
    outcome = {
        "SUCCESS": {"result": run.result},
        "FAILURE": {"error": error_of(run)},
    }
    return {
        "task_id": run.id,
        "task_name": run.job,
        "status": status,
        "ready": run.ended_at is not None,
        "successful": status == "SUCCESS",
        **outcome.get(status, {}),
        "state": run.state,
        "progress": progress.model_dump() if progress else None,
    }


def as_listed(run: Row[Any]) -> dict[str, Any]:
    """The run as JSON, of the shape of ListedTask. By hand, as lists may be long."""
    status = status_of(run.state)
    return {
        "task_id": run.id,
        "task_name": run.job,
        "status": status,
        "state": run.state,
        "parameters": run.parameters,
        "requested_by": run.requested_by,
        "origin": run.origin,
        "created_at": _time(run.created_at),
        "due_at": _time(run.due_at),
        "started_at": _time(run.started_at),
        "ended_at": _time(run.ended_at),
        "error": error_of(run) if status == "FAILURE" else None,
    }


def as_history(run: Row[Any]) -> History:
    """How the run went."""
    with client().engine.connect() as connection:
        tried = attempts.of(connection, run.id)
        chain = store.chain(connection, run.id)
    return History(
        task=ListedTask(**as_listed(run)),
        attempts=[from_row(Attempt, one) for one in tried],
        log=run.log,
        chain=[
            Link(task_id=one.id, task_name=one.job, state=one.state, created_at=one.created_at, depth=one.depth)
            for one in chain
        ],
    )


def _time(moment: dt.datetime | None) -> str | None:
    return moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z") if moment else None


def error_of(run: Row[Any]) -> str:
    """Why the run came to nothing."""
    if run.state == "cancelled" and run.cancel_requested_by:
        return f"Cancelled by {run.cancel_requested_by}"
    return run.error or f"The run was {run.state}"
