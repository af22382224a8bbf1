"""The JSON API under /api/v1/admin."""

import datetime as dt
from typing import Annotated, Any, Self

from apiflask import APIBlueprint, APIFlask
from flask import Response, jsonify
from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field, field_validator, model_validator

from jobs import catalogue
from jobs.catalogue import UnknownJob
from web.http.clients import client
from web.http.schemas import PageSize, Schema, as_json, storable
from web.runs import changes, filters, store
from web.runs.store import RunFilter
from web.runs.tasks import History, State, Task, TaskList, as_history, as_listed, as_task, find

bp = APIBlueprint("runs_api", __name__, url_prefix="/api/v1/admin", tag="Tasks")


def init_app(app: APIFlask) -> None:
    """Add the API."""
    app.register_blueprint(bp)


def _moment(text: Any) -> Any:
    """A plus that an address carries unescaped arrives as a space."""
    try:
        return dt.datetime.fromisoformat(str(text).replace(" ", "+"))
    except ValueError:
        raise ValueError("must be a time such as 2024-05-01T00:00:00Z") from None


# The text of a UUID.
TaskId = Annotated[str, Field(max_length=36)]
Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]


class Filter(Schema):
    """Which tasks are wanted."""

    state: State | None = None
    job: str | None = Field(None, description="Name or slug of a job")
    # Longer than any name that is held.
    queue: str = Field("", max_length=100)
    by: str = Field("", max_length=100, description="Who requested it")
    q: str = Field(
        "", max_length=200, description="Text in the id, parameters, error or names. Only the newest runs are searched"
    )
    since: Moment | None = Field(None, alias="from", description="Requested at this time or later")
    until: Moment | None = Field(None, alias="to", description="Requested before this time")

    @field_validator("queue", "by", "q")
    @classmethod
    def _can_be_held(cls, text: str) -> str:
        return storable(text)

    @field_validator("job")
    @classmethod
    def _name(cls, job: str | None) -> str | None:
        try:
            return job and catalogue.find(job).name
        except UnknownJob as error:
            raise ValueError(str(error)) from None

    @property
    def wanted(self) -> RunFilter:
        """The same for the ledger."""
        return RunFilter(
            state=self.state or "",
            job=self.job or "",
            queue=self.queue,
            who=self.by,
            search=self.q,
            since=self.since,
            until=self.until,
        )


class ListQuery(Filter):
    """Which tasks to list."""

    limit: PageSize = 50
    before: str = Field("", description="Only older entries: the value of `next` from the previous page")


class BatchRequest(Filter):
    """An action for tasks: either for those in `task_ids`, or for all that match the filter."""

    action: changes.Action
    task_ids: list[TaskId] | None = Field(None, min_length=1, max_length=changes.MOST_AT_ONCE)

    @model_validator(mode="after")
    def _chooses(self) -> Self:
        by_filter = self.model_fields_set - {"action", "task_ids"}
        if bool(self.task_ids) == bool(by_filter):
            raise ValueError("must have either task_ids, or at least one of state, job, queue, by, q, from and to")
        return self


class Batch(BaseModel):
    """What was done."""

    done: list[str] = Field(description="Ids of the tasks")
    left: int = Field(description="Tasks that had changed their state and were skipped")


@bp.get("/tasks")
@bp.input(ListQuery, location="query")
@bp.output(TaskList)
@bp.doc(summary="List the latest tasks, newest first", operation_id="listTasks")
def tasks(query_data: ListQuery) -> Response:
    """The latest runs."""
    with client().engine.connect() as connection:
        found = store.page(connection, query_data.wanted, query_data.limit + 1, filters.position(query_data.before))
    rows = found[: query_data.limit]
    older = filters.cursor(rows[-1].created_at, rows[-1].id) if len(found) > len(rows) else None
    return jsonify(tasks=[as_listed(run) for run in rows], next=older)


@bp.post("/tasks/batch")
@bp.input(BatchRequest, arg_name="wanted")
@bp.output(Batch)
@bp.doc(summary="Retry, cancel or discard up to 500 tasks", operation_id="doToTasks")
def batch(wanted: BatchRequest) -> Response:
    """Many runs."""
    chosen = wanted.task_ids or changes.matching(wanted.action, wanted.wanted)
    known = [find(task_id).id for task_id in dict.fromkeys(chosen)]
    done = changes.do(wanted.action, known)
    return as_json(Batch(done=done, left=len(known) - len(done)))


@bp.get("/tasks/<task_id>")
@bp.output(Task)
@bp.doc(summary="Get a task and its result", operation_id="getTask")
def task(task_id: str) -> Response:
    """One run."""
    return jsonify(as_task(find(task_id)))


@bp.get("/tasks/<task_id>/history")
@bp.output(History)
@bp.doc(summary="Get the attempts, log and follow-ups of a task", operation_id="getTaskHistory")
def history(task_id: str) -> Response:
    """One run in full."""
    return as_json(as_history(find(task_id)))


@bp.post("/tasks/<task_id>/cancel")
@bp.output(Task)
@bp.doc(summary="Cancel a task. A task at work is stopped", operation_id="cancelTask")
def cancel(task_id: str) -> Response:
    """Cancel a run."""
    changes.cancel(task_id)
    return jsonify(as_task(find(task_id)))


@bp.post("/tasks/<task_id>/pause")
@bp.output(Task)
@bp.doc(summary="Pause a task. A task at work stops at its next checkpoint", operation_id="pauseTask")
def pause(task_id: str) -> Response:
    """Pause a run."""
    changes.pause(task_id)
    return jsonify(as_task(find(task_id)))


@bp.post("/tasks/<task_id>/resume")
@bp.output(Task)
@bp.doc(summary="Resume a paused task", operation_id="resumeTask")
def resume(task_id: str) -> Response:
    """Resume a run."""
    changes.resume(task_id)
    return jsonify(as_task(find(task_id)))


@bp.post("/tasks/<task_id>/discard")
@bp.output(Task)
@bp.doc(summary="Discard a failed task, so that its failure is no longer a finding", operation_id="discardTask")
def discard(task_id: str) -> Response:
    """Give up a run."""
    changes.discard(task_id)
    return jsonify(as_task(find(task_id)))


@bp.post("/tasks/<task_id>/retry")
@bp.output(Task)
@bp.doc(summary="Retry a failed or cancelled task", operation_id="retryTask")
def retry(task_id: str) -> Response:
    """Retry a run."""
    changes.retry(task_id)
    return jsonify(as_task(find(task_id)))
