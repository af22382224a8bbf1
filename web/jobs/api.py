"""The catalogue as JSON, and asking for a run of a job."""

from collections.abc import Mapping
from typing import Any

from apiflask import APIBlueprint, APIFlask
from flask import Response, current_app, jsonify, request, url_for
from pydantic import BaseModel, Field
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from jobs import catalogue
from jobs.errors import ParameterError
from web.http.reading import GIVEN_TWICE
from web.jobs import idempotency, submission
from web.runs.tasks import Submitted
from worker import due, transport

bp = APIBlueprint("jobs_api", __name__, url_prefix="/api/v1/admin", tag="Tasks")


def init_app(app: APIFlask) -> None:
    """Add the API."""
    app.register_blueprint(bp)


class Entry(BaseModel):
    """A job of the catalogue."""

    name: str
    slug: str
    queue: str
    cadence: str | None = Field(description="Cron expression, in UTC")
    summary: str
    parameters: dict[str, Any] = Field(description="JSON schema")


class Catalogue(BaseModel):
    """All jobs."""

    jobs: list[Entry]


@bp.get("/jobs")
@bp.output(Catalogue)
@bp.doc(summary="List the jobs and their parameters", operation_id="listJobs")
def jobs() -> Response:
    """The catalogue."""
    entries = [
        Entry(
            name=job.name,
            slug=job.slug,
            queue=job.queue,
            cadence=job.cron,
            summary=job.summary,
            parameters=job.parameters.model_json_schema(),
        )
        for job in catalogue.load().values()
    ]
    return jsonify(Catalogue(jobs=entries).model_dump())


@bp.post("/tasks/<slug>")
@bp.doc(hide=True)  # In the document each job has an operation of its own, see web.openapi.
def submit(slug: str) -> tuple[Response, int, dict[str, str]]:
    """Ask for a run."""
    job = catalogue.find(slug)
    given = _parameters(job.name)
    due_at = due.time(job.name, str(given.pop(due.PARAMETER, None) or ""))
    parameters = job.validate(given)
    call = transport.describe(job.name, parameters)
    asked = {"job": job.name, "parameters": parameters} | ({due.PARAMETER: due_at.isoformat()} if due_at else {})
    made = idempotency.once(asked, lambda: submission.submit(job, parameters, "api", due_at))
    is_known = f"{call} was asked for already: this is its run{', which begins sooner now' if made.is_sooner else ''}"
    message = f"{call} is on its way" if made.is_new else is_known
    accepted = Submitted(task_id=made.run_id, task_name=job.name, status="submitted", message=message)
    return jsonify(accepted.model_dump()), 202, {"Location": url_for("runs_api.task", task_id=made.run_id)}


def _parameters(job: str) -> dict[str, Any]:
    """From the JSON object of the body and from the query string. Raises ParameterError, BadRequest."""
    body, query = _json_object(), request.args.to_dict()
    if twice := [name for name in query if name in body]:
        raise ParameterError(job, dict.fromkeys(twice, GIVEN_TWICE))
    return {**query, **body}


def _json_object() -> Mapping[str, Any]:
    if request.form or request.files or (request.get_data() and not request.is_json):
        raise UnsupportedMediaType("Send the parameters as application/json or in the query string.")
    if not request.get_data():
        return {}
    try:
        body = current_app.json.loads(request.get_data())
    except ValueError as error:
        raise BadRequest(f"The body cannot be read as JSON in UTF-8: {error}.") from None
    if not isinstance(body, dict):
        raise BadRequest(f"The body must be a JSON object such as {{}}, not {type(body).__name__}.")
    return body
