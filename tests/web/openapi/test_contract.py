"""Whatever is sent to the API, its answers are those that the OpenAPI document promises."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import h3
import pytest
import schemathesis
from apiflask import APIFlask
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.specs.openapi.checks import allow_header_conformance, ignored_auth, positive_data_acceptance
from sqlalchemy import Connection

from tests.conftest import empty_safegrid
from tests.gridded import build, hold, scattered
from tests.integration.warm import load_synthetic
from tests.standins.weather import WeatherStandin
from tests.web.conftest import BEARER, SECRETS, TASKS
from web import create_app
from web.settings import Settings
from worker.client import Client
from worker.engines import Endpoints

GRID = "/api/v1/grid"
CRIMES = {month: scattered(month) for month in ("2024-01", "2024-02")}
CELL = h3.latlng_to_cell(CRIMES["2024-02"][0].lat, CRIMES["2024-02"][0].lng, 9)
JSON = "application/json"
# The client of the checks does not unpack.
OPERATOR = {**BEARER, "Accept-Encoding": "identity"}
# The app of the tests; until they begin, one without engines tells what it promises.
current = create_app(
    Settings(_env_file=None, database_url="postgresql://nowhere/x", redis_url="redis://nowhere/0", **SECRETS)
)


def app_of_the_tests(environ: Any, start_response: Any) -> Any:
    return current(environ, start_response)


promised = schemathesis.openapi.from_wsgi("/openapi.json", app_of_the_tests, headers=BEARER)
strangers = schemathesis.openapi.from_wsgi("/openapi.json", app_of_the_tests, headers=BEARER)
# They are turned away before anybody looks at what they send.
strangers.config.phases.coverage.enabled = False


def examples(count: int) -> settings:
    """So many made-up requests to an operation, always the same, beside those at the bounds of what is allowed."""
    # Nothing that a test changes is in the way of its next request.
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much]
    return settings(max_examples=count, deadline=None, derandomize=True, database=None, suppress_health_check=checks)


@pytest.fixture(scope="module")
def app(
    administration: Connection, template: str, engine_endpoints: Endpoints, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[APIFlask]:
    """An app with crimes, routes and a run, on engines of its own."""
    folder = tmp_path_factory.mktemp("contract")
    with empty_safegrid(administration, template, engine_endpoints) as given, WeatherStandin() as weather:
        addresses = {"weather_forecast_url": weather.url, "weather_archive_url": weather.url}
        asked = {**given.model_dump(), **addresses, **SECRETS, "weather_minute_calls": 1e6, "home": folder}
        app = create_app(Settings(_env_file=None, **asked))
        # More is asked here in a minute than anybody may.
        app.extensions["safegrid_limiter"].enabled = False
        with closing(app.extensions["safegrid_client"]) as client, pytest.MonkeyPatch.context() as patch:
            fill(client, folder / "climbing")
            patch.setattr("tests.web.openapi.test_contract.current", app)
            yield app


def fill(client: Client, folder: Any) -> None:
    with client.engine.connect() as connection:
        for month, crimes in CRIMES.items():
            hold(connection, month, crimes)
        build(connection)
        load_synthetic(connection, folder)


def left_out(case: Case) -> list[Any]:
    # No document can say all: that a name is taken already, or that the east of a box lies east of its west.
    cannot_be_said = [positive_data_acceptance]
    # `POST tasks/{slug}` and `GET tasks/{task_id}` are one pattern, so OPTIONS allows both there.
    return cannot_be_said + ([allow_header_conformance] if case.path.startswith(f"{TASKS}/") else [])


@promised.parametrize()
@examples(5)
def test_an_operator_is_answered_as_promised(case: Case, app: APIFlask) -> None:
    case.call_and_validate(headers=OPERATOR, excluded_checks=left_out(case))


@strangers.parametrize()
@examples(1)
def test_somebody_without_a_token_is_turned_away_as_promised(case: Case, app: APIFlask) -> None:
    # That check would come in by a token of its own.
    response = case.call_and_validate(excluded_checks=[*left_out(case), ignored_auth])
    assert response.status_code == 401


KNOWN = [
    ("GET", GRID, {}),
    ("GET", GRID, {"query": {"bbox": "50.88,-1.42,50.92,-1.38", "category": "drugs,burglary", "recency": "true"}}),
    ("GET", f"{GRID}/cells/{{h3}}", {"path_parameters": {"h3": CELL}}),
    ("POST", f"{GRID}/cells", {"body": {"cells": [CELL], "points": [[-1.4, 50.9]]}, "media_type": JSON}),
    ("GET", f"{GRID}/style.json", {}),
    ("GET", f"{GRID}/tiles/{{z}}/{{x}}/{{y}}.mvt", {"path_parameters": {"z": 0, "x": 0, "y": 0}}),
    ("GET", "/api/v1/routes/{route_id}/safety", {"path_parameters": {"route_id": 5}}),
    ("GET", "/api/v1/routes/{route_id}/safety/explain", {"path_parameters": {"route_id": 5}}),
    ("POST", "/api/v1/routes/safety", {"body": {"route_ids": [1, 2, 999]}, "media_type": JSON}),
    ("POST", "/api/v1/routes/scores", {"body": {"route_ids": [1, 2, 999]}, "media_type": JSON}),
    ("GET", "/api/v1/routes/geojson", {"query": {"limit": 3}}),
    ("GET", "/api/v1/admin/data", {}),
    ("GET", "/api/v1/admin/health", {}),
    ("GET", "/api/v1/admin/audit", {"query": {"limit": 1}}),
    ("POST", "/api/v1/admin/queues/{name}/pause", {"path_parameters": {"name": "cache"}}),
    ("POST", "/api/v1/admin/queues/{name}/resume", {"path_parameters": {"name": "cache"}}),
    ("POST", "/api/v1/admin/schedule/{slug}/pause", {"path_parameters": {"slug": "warm-cache"}}),
    ("POST", "/api/v1/admin/schedule/{slug}/resume", {"path_parameters": {"slug": "warm-cache"}}),
    ("GET", "/api/v1/admin/schedule", {}),
    ("GET", "/api/v1/admin/queues", {}),
    ("GET", "/api/v1/admin/scores", {}),
    ("GET", "/api/v1/admin/data/{month}", {"path_parameters": {"month": "2024-02"}}),
    ("GET", "/api/v1/areas", {}),
    ("GET", "/api/v1/areas/{slug}", {"path_parameters": {"slug": "southampton-core"}}),
    (
        "PUT",
        "/api/v1/admin/areas/{slug}",
        {
            "path_parameters": {"slug": "southampton-core"},
            "query": {"dry_run": "true"},
            "body": {"box": [50.85, -1.5, 51.0, -1.3]},
            "media_type": JSON,
        },
    ),
    (
        "DELETE",
        "/api/v1/admin/areas/{slug}",
        {"path_parameters": {"slug": "southampton-core"}, "query": {"dry_run": "true"}},
    ),
    ("GET", "/api/v1/routes", {"query": {"q": "5", "limit": 3}}),
]


@pytest.mark.parametrize(("method", "path", "asked"), KNOWN)
def test_what_is_there_is_answered_as_promised(app: APIFlask, method: str, path: str, asked: dict[str, Any]) -> None:
    response = promised[path][method].Case(**asked).call_and_validate(headers=OPERATOR)
    assert response.status_code == 200


def test_a_task_is_told_as_promised_from_its_request_to_its_end(app: APIFlask) -> None:
    def call(method: str, path: str, **asked: Any) -> Any:
        case = promised[path][method].Case(**asked)
        return case.call_and_validate(headers=OPERATOR, excluded_checks=left_out(case)).json()

    task = call("POST", f"{TASKS}/cleanup-history", body={"retention_days": 77}, media_type=JSON)["task_id"]
    known = {"path_parameters": {"task_id": task}}
    assert call("GET", f"{TASKS}/{{task_id}}", **known)["state"] == "queued"
    assert call("POST", f"{TASKS}/{{task_id}}/cancel", **known)["state"] == "cancelled"
    assert call("POST", f"{TASKS}/{{task_id}}/retry", **known)["state"] == "queued"
    assert call("GET", f"{TASKS}/{{task_id}}/history", **known)["chain"]
    assert call("GET", TASKS, query={"limit": 1, "job": "cleanup-history"})["tasks"]


def test_a_person_is_told_as_promised_from_coming_to_going(app: APIFlask) -> None:
    def call(method: str, path: str, **asked: Any) -> Any:
        return promised[path][method].Case(**asked).call_and_validate(headers=OPERATOR).json()

    users, one = "/api/v1/admin/users", "/api/v1/admin/users/{name}"
    body = {"name": "night-shift", "password": "seven grey herons"}
    assert call("POST", users, body=body, media_type=JSON)["role"] == "viewer"
    known = {"path_parameters": {"name": "night-shift"}}
    assert call("PATCH", one, **known, body={"role": "operator"}, media_type=JSON)["role"] == "operator"
    assert "night-shift" in {user["name"] for user in call("GET", users)["users"]}
    assert call("DELETE", one, **known)["changed"]


ODD_BODIES = {
    "deep": b"[" * 50_000,
    "deep in a field": b'{"date": ' + b"[" * 50_000,
    "no UTF-8": b'{"date": "\xff\xfe"}',
    "a lone surrogate": b'{"name": "\\ud800", "date": "\\ud800", "area": "\\ud800", "until": "\\ud800"}',
    "a zero byte": b'{"name": "\\u0000", "date": "\\u0000", "area": "\\u0000", "until": "\\u0000"}',
    "a huge number": b'{"route_ids": [' + b"9" * 5_000 + b'], "months": ' + b"9" * 5_000 + b"}",
    "no number": b'{"route_ids": [NaN, Infinity, 1e999], "months": NaN, "retention_days": 1e999}',
    "a flag": b'{"route_ids": [true], "months": true, "retention_days": true, "year": true, "name": true}',
    "no object": b"[1, 2]",
    "empty": b"",
    "a text": b"months=1",
}
ODD_QUERIES = (
    "a=1&a=2",
    "%00=%00",
    "date=%ff",
    "limit=" + "9" * 5_000,
    "date=%00",
    "bbox=nan,nan,nan,nan",
    "category=%00",
)


def operations(method: str) -> list[str]:
    found = (result.ok() for result in promised.get_all_operations())
    return [one.path for one in found if one.method.upper() == method]


def as_promised(app: APIFlask, method: str, path: str, **asked: Any) -> None:
    """An answer with a documented status, and not the app's fault."""
    answer = app.test_client(use_cookies=False).open(path, method=method, headers=OPERATOR, **asked)
    documented = promised[path][method].definition.raw["responses"]
    assert answer.status_code < 500
    assert str(answer.status_code) in documented, answer.text
    assert answer.content_type in documented[str(answer.status_code)].get("content", {})


@pytest.mark.parametrize("body", ODD_BODIES.values(), ids=list(ODD_BODIES))
def test_an_odd_body_is_answered_as_promised(app: APIFlask, body: bytes) -> None:
    for path in operations("POST"):
        if "{" not in path:
            as_promised(app, "POST", path, data=body, content_type=JSON)


@pytest.mark.parametrize("query", ODD_QUERIES)
def test_an_odd_query_is_answered_as_promised(app: APIFlask, query: str) -> None:
    for path in operations("GET"):
        if "{" not in path and promised[path]["GET"].definition.raw.get("parameters"):
            as_promised(app, "GET", path, query_string=query)
