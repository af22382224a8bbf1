"""What the OpenAPI document says that APIFlask cannot know: an operation for each job, errors, how to come in."""

from collections.abc import Collection
from typing import Any, cast

from apiflask import APIFlask
from flask import current_app

from jobs import catalogue
from jobs.catalogue import Job
from web.grid import schemas as grid
from web.http.clients import settings_of
from web.people import guard
from web.runs.tasks import Submitted
from worker import due

Spec = dict[str, Any]

PREFIX = "/api/v1/admin/tasks"
_SCHEMAS = "#/components/schemas/"
_DESCRIPTION = (
    "Start jobs, and read their results and the data. If an equal task is still waiting, a request returns "
    "that task. Errors are `application/problem+json` (RFC 9457). A request with a session cookie "
    "instead of a token needs the CSRF token of the page in `X-CSRFToken`."
)
_PROBLEM = {
    "type": "object",
    "title": "Problem",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "With 422: what is wrong, by field",
        },
    },
}
_FOR_OPERATORS = tuple(f"/api/v1/admin/{name}" for name in ("users", "tokens", "audit", "subscribers"))
_AREAS = "/api/v1/admin/areas"
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "For a day, the same key with the same request returns the same task",
}
_DUE_AT = {
    "name": due.PARAMETER,
    "in": "query",
    "required": False,
    "schema": {"type": "string", "examples": ["2024-05-01T03:00Z"]},
    "description": "When to start, at most a year ahead. Default: at once. An equal task that is planned for later "
    "starts then. May be in the body instead",
}
_ERRORS = {
    "400": "The body is not a JSON object",
    "401": "Not signed in, and no valid token",
    "403": "Only an operator may do this, or the CSRF token of the session is missing",
    "404": "Not found",
    "409": "The state of the task or generation does not allow this, or another number of crimes would be deleted",
    "413": "The request body is too large",
    "415": "The body is not application/json",
    "422": "A value is not valid; `errors` says which",
    "429": "Too many requests. Wait for Retry-After seconds",
    "503": "PostgreSQL or Redis does not respond",
}


def init_app(app: APIFlask) -> None:
    """Make the document that /openapi.json serves."""
    app.config.update(
        OPENAPI_VERSION="3.1.0",
        # The host would be that of whoever asked first.
        AUTO_SERVERS=False,
        AUTO_404_RESPONSE=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        DESCRIPTION=_DESCRIPTION,
        SECURITY_SCHEMES={
            "token": {"type": "http", "scheme": "bearer", "description": "ADMIN_API_TOKEN"},
            "session": {"type": "apiKey", "in": "cookie", "name": _cookie(app)},
        },
    )
    guard.reads_grid(app.view_functions["openapi.spec"])
    # Typed as if it might be YAML, which nobody asks for.
    app.spec_processor(_complete)  # type: ignore[arg-type]


def document() -> Spec:
    """The document of the current app; made once, as it takes a while."""
    app = cast(APIFlask, current_app)
    made = app.extensions.setdefault("safegrid_document", {})
    if not made:
        made.update(app.spec)
    return cast(Spec, made)


def _cookie(app: APIFlask) -> str:
    return "__Host-safegrid" if settings_of(app).production else "safegrid"


def _complete(spec: Spec) -> Spec:
    spec["security"] = [{"token": []}, {"session": []}]
    schemas = spec.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM
    schemas["Submitted"] = Submitted.model_json_schema()
    schemas |= grid.schemas(f"{_SCHEMAS}{{model}}")
    for job in catalogue.load().values():
        schemas |= _parameters(job) | _result(job)
        spec["paths"][f"{PREFIX}/{job.slug}"] = {"post": _operation(job)}
    schemas["Task"]["properties"]["result"]["anyOf"] = _results(catalogue.load().values())
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            _add_errors(path, method, operation)
    return spec


def _parameters(job: Job) -> Spec:
    """The schema of the job's parameters by its name, and of what they are made of."""
    schema = job.parameters.model_json_schema(ref_template=f"{_SCHEMAS}{job.name}.{{model}}")
    parts = {f"{job.name}.{name}": part for name, part in schema.pop("$defs", {}).items()}
    return {job.name: schema, **parts}


def _result(job: Job) -> Spec:
    """The schema of what the job returns, and of its parts."""
    if job.result is None:
        return {}
    schema = job.result.model_json_schema(ref_template=f"{_SCHEMAS}{{model}}")
    parts = schema.pop("$defs", {})
    return {f"{job.name}.result": schema, **parts}


def _results(jobs: Collection[Job]) -> list[Spec]:
    """Those of all jobs. What is added to the catalogue may declare none."""
    free: list[Spec] = [{}] if any(job.result is None for job in jobs) else []
    return [*({"$ref": f"{_SCHEMAS}{job.name}.result"} for job in jobs if job.result), {"type": "null"}, *free]


def _operation(job: Job) -> Spec:
    query = [_in_query(name, part) for name, part in job.properties.items()]
    result = f". Its result is a `{job.name}.result`" if job.result else ""
    return {
        "tags": ["Jobs"],
        "operationId": job.name,
        "summary": job.summary,
        "parameters": [*query, _DUE_AT, _KEY],
        "requestBody": {"content": {"application/json": {"schema": {"$ref": f"{_SCHEMAS}{job.name}"}}}},
        "responses": {
            "202": {
                "description": f"The task is accepted{result}",
                "content": {"application/json": {"schema": {"$ref": f"{_SCHEMAS}Submitted"}}},
            }
        },
    }


def _in_query(name: str, schema: Spec) -> Spec:
    # A list is one text with commas: a parameter that is given twice is refused.
    explode = {"explode": False} if schema.get("type") == "array" else {}
    said = {"required": False, "schema": schema, "description": "May be in the body instead"}
    return {"name": name, "in": "query", **said, **explode}


def _add_errors(path: str, method: str, operation: Spec) -> None:
    """Only the errors that the operation can have."""
    possible = {"401", "503"}
    asks_for_run = operation["tags"] == ["Jobs"]
    if method != "get" or path.startswith(_FOR_OPERATORS):
        possible |= {"403"}
    if "requestBody" in operation and path.startswith(_AREAS):
        possible |= {"413"}
    if "requestBody" in operation:
        possible |= {"400", "415", "422"}
    if "{" in path or asks_for_run:
        possible |= {"404"}
    if path.endswith(("/cancel", "/retry", "/discard", "/publish")) or (path.startswith(_AREAS) and method != "post"):
        possible |= {"409"}
    if asks_for_run or path.endswith(("/retry", "/grid/export")) or path.startswith(_AREAS):
        possible |= {"429"}
    if any(one["in"] == "query" for one in operation.get("parameters", ())):
        possible |= {"422"}
    content = {"application/problem+json": {"schema": {"$ref": f"{_SCHEMAS}Problem"}}}
    for status in sorted(possible):
        operation["responses"].setdefault(status, {"description": _ERRORS[status], "content": content})
