"""Errors as people and programs read them: HTML for pages, problem+json (RFC 9457) for the API, the same words."""

import json
import math
import re
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

import apiflask
import psycopg2.errors
import sqlalchemy.exc
import structlog
from flask import Flask, current_app, make_response, render_template, request
from flask_limiter import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from pydantic import ValidationError
from redis import RedisError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from jobs.catalogue import UnknownJob
from jobs.errors import ParameterError
from jobs.problems import problems_of
from worker.errors import UnknownFinding, UnknownRun, WrongState
from worker.logs import hide_secrets

log = structlog.get_logger("safegrid.web")

# An engine that restarts is back by then.
RETRY_AFTER_S = 5
# Characters of what was given that a response repeats.
LONGEST = 200
_LONG_WORD = re.compile(rf"\S{{{LONGEST + 1},}}")
# Fields of requests that no response repeats.
_SECRET = ("password",)
_DETAILS = {
    400: "The request cannot be read. The body must be JSON in UTF-8.",
    404: "There is nothing at this address. Check it, or go back to the overview.",
    405: "This address does not accept {method} requests.",
    413: "The request is larger than {largest} KiB. Send a smaller one.",
    500: "An unexpected error occurred. The log of the web process has the details.",
}


@dataclass(frozen=True)
class Problem:
    """What went wrong, as a response."""

    status: int
    detail: str
    errors: dict[str, str] = field(default_factory=dict)
    headers: list[tuple[str, str]] = field(default_factory=list)

    @property
    def title(self) -> str:
        return HTTPStatus(self.status).phrase

    def as_json(self) -> dict[str, object]:
        """RFC 9457, with `errors` by field where fields are wrong."""
        body = {"type": "about:blank", "title": self.title, "status": self.status, "detail": self.detail}
        return body | ({"errors": self.errors} if self.errors else {})


def init_app(app: Flask) -> None:
    """Answer every error in our words."""
    for known, problem_of in _PROBLEMS.items():
        app.register_error_handler(known, lambda error, problem_of=problem_of: respond(problem_of(error)))


def sends_token() -> bool:
    """Whether the request means to come in by a token; other schemes may be those of a proxy in front of us."""
    return request.headers.get("Authorization", "").lower().startswith("bearer")


def wants_problem() -> bool:
    """Whether a program is asking."""
    if request.path.startswith(("/api/", "/openapi.json", "/metrics")) or sends_token():
        return True
    best = request.accept_mimetypes.best_match(["text/html", "application/json", "application/problem+json"])
    return best is not None and best != "text/html"


# What somebody who tries things out meets.
_TELLING = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS)


def respond(problem: Problem) -> Response:
    """The problem in the form that the asker reads."""
    problem = _in_brief(problem)
    if problem.status in _TELLING:
        log.warning(
            "request_refused",
            status=problem.status,
            method=request.method,
            path=request.path,
            address=request.remote_addr,
            reason=problem.detail,
        )
    if wants_problem():
        response = make_response(json.dumps(problem.as_json()))
        response.content_type = "application/problem+json"
    else:
        response = make_response(render_template("error.html", problem=problem))
    response.status_code = problem.status
    for name, value in problem.headers:
        response.headers[name] = value
    return response


def _in_brief(problem: Problem) -> Problem:
    """The problem, repeating the first LONGEST characters at most of whatever was given."""
    try:
        long = {text for text in _given() if len(text) > LONGEST}
    except HTTPException:
        # What cannot be read is not repeated.
        long = set()
    repeated = sorted((form for text in long for form in (text, repr(text)[1:-1])), key=len, reverse=True)

    def brief(text: str) -> str:
        for one in repeated:
            text = text.replace(one, _cut(one))
        return _LONG_WORD.sub(lambda word: _cut(word[0]), text)

    errors = {brief(name): brief(said) for name, said in problem.errors.items()}
    return replace(problem, detail=brief(problem.detail), errors=errors)


def _given() -> Iterator[str]:
    """Texts of the request: those of its address, its form and its JSON."""
    yield from map(str, (request.view_args or {}).values())
    for fields in (request.args, request.form):
        for name, value in fields.items(multi=True):
            yield from (name, value)
    yield from _texts(request.get_json(silent=True) if request.is_json else None)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        yield from _texts(list(value.values()))
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def _cut(text: str) -> str:
    return f"{text[:LONGEST]}…"


def _http(error: HTTPException) -> Problem:
    status = error.code or 500
    headers = [(name, value) for name, value in error.get_headers() if name != "Content-Type"]
    # The library's own words are kept only where a view has chosen them.
    chosen = error.description if error.description != type(error).description else None
    detail = chosen or _DETAILS.get(status, error.description or "").format(
        method=request.method, largest=(request.max_content_length or 0) // 1024
    )
    return Problem(status, detail if status != 500 else _DETAILS[500], headers=headers)


def _csrf(error: CSRFError) -> Problem:
    hint = "Reload the page and try again. Programs send an API token instead."
    return Problem(403, f"{error.description} {hint}")


def too_many(error: RateLimitExceeded) -> Problem:
    """Somebody asks more often than they may."""
    current = current_app.extensions["safegrid_limiter"].current_limit
    seconds = max(1, math.ceil(current.reset_at - time.time())) if current else 60
    detail = f"More than {error.description}. Try again in {seconds} s."
    return Problem(429, detail, headers=[("Retry-After", str(seconds))])


def _api_input(error: apiflask.HTTPError) -> Problem:
    """What APIFlask found wrong. Its own words are pydantic's, so pydantic's error is read."""
    cause = error.__cause__
    errors = _problems(cause, error.detail) if isinstance(cause, ValidationError) else {}
    wrong = "; ".join(f"{name}: {said}" for name, said in errors.items())
    return Problem(error.status_code, wrong or error.message or "", errors)


def _problems(error: ValidationError, locations: Collection[str]) -> dict[str, str]:
    """By field. locations: whether the query or the body was wrong; the view has a model for each."""
    declared = getattr(current_app.view_functions[request.endpoint or ""], "_spec", {})
    parts = [*declared.get("args", ()), (declared.get("body"), "json")]
    model = next(model for model, location in parts if location in locations)
    return problems_of(model, error, known="known field", secret=_SECRET)


def _parameters(error: ParameterError) -> Problem:
    return Problem(422, str(error), error.problems)


def _unknown(error: UnknownJob | UnknownRun | UnknownFinding) -> Problem:
    return Problem(404, str(error))


def _wrong_state(error: WrongState) -> Problem:
    return Problem(409, str(error))


def _database(error: sqlalchemy.exc.DBAPIError) -> Problem:
    if isinstance(error, sqlalchemy.exc.OperationalError | sqlalchemy.exc.InterfaceError):
        return _away("PostgreSQL", error)
    if isinstance(error.orig, psycopg2.errors.UndefinedTable | psycopg2.errors.UndefinedColumn):
        log.error("schema_out_of_date", error=str(error.orig).splitlines()[0])
        return Problem(503, "The database tables do not match this version: run `safegrid migrate`.")
    if isinstance(error, sqlalchemy.exc.DataError):
        return Problem(422, "The database cannot store one of the values, such as a text with a NUL character.")
    raise error


def _pool(error: sqlalchemy.exc.TimeoutError) -> Problem:
    return _away("PostgreSQL", error)


def _redis(error: RedisError) -> Problem:
    return _away("Redis", error)


def _away(what: str, error: Exception) -> Problem:
    log.warning("engine_is_away", engine=what, error=hide_secrets(str(error).splitlines()[0]))
    detail = f"{what} does not respond. Try again in a few seconds."
    return Problem(503, detail, headers=[("Retry-After", str(RETRY_AFTER_S))])


_PROBLEMS = {
    HTTPException: _http,
    CSRFError: _csrf,
    RateLimitExceeded: too_many,
    apiflask.HTTPError: _api_input,
    ParameterError: _parameters,
    UnknownJob: _unknown,
    UnknownRun: _unknown,
    UnknownFinding: _unknown,
    WrongState: _wrong_state,
    sqlalchemy.exc.DBAPIError: _database,
    sqlalchemy.exc.TimeoutError: _pool,
    RedisError: _redis,
}
