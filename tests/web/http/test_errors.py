"""Errors, as programs and as people get them."""

from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from tests.web.conftest import BEARER, TASKS, MakeApp, ask

UNKNOWN = "00000000-0000-4000-8000-000000000000"
Request = dict[str, Any]


def raw(body: str | bytes, content_type: str = "application/json") -> Request:
    return {"method": "POST", "path": f"{TASKS}/rebuild-grid", "data": body, "content_type": content_type}


def to(path: str, method: str = "POST") -> Request:
    return {"method": method, "path": TASKS + path}


@pytest.mark.parametrize(
    ("status", "asked"),
    [
        (400, raw("{")),
        (400, raw("[]")),
        (400, raw('"months"')),
        (400, raw("null")),
        (400, raw(b"\xff\xfe")),
        (400, raw("[" * 50_000)),
        (400, raw('{"months": 1, "months": 12}')),
        (400, raw('{"months": 12}'.encode("utf-16"))),
        (400, raw(f'{{"months": {"9" * 5000}}}')),
        (404, to("/nothing")),
        (404, to("/nothing", "GET")),
        (404, to("/%00", "GET")),
        (404, to(f"/{UNKNOWN}", "GET")),
        (404, to(f"/{UNKNOWN}/cancel")),
        (404, to(f"/{UNKNOWN}/retry")),
        (405, to("/rebuild-grid", "DELETE")),
        (413, raw("[" * 70_000)),
        (415, raw("months=1", "application/x-www-form-urlencoded")),
        (415, raw("months: 1", "application/yaml")),
        (415, raw('{"months": 12}', "application/json; charset=utf-16")),
        (422, to("/rebuild-grid?months=0")),
        (422, to("/rebuild-grid?months=61")),
        (422, to("/rebuild-grid?months=abc")),
        (422, to("/rebuild-grid?months=")),
        (422, to("/rebuild-grid?until=2024-13")),
        (422, to("/rebuild-grid?nothing=1")),
        (422, to("/rebuild-grid?months=1&months=2")),
        (422, to("/ingest-month?year=2024")),
        (422, to("/ingest-latest?area=%00")),
        (422, to("?limit=0", "GET")),
        (422, to("?state=sleeping", "GET")),
        (422, to("?job=nothing", "GET")),
    ],
)
def test_programs_get_a_problem(program: FlaskClient, status: int, asked: Request) -> None:
    answer = program.open(**asked)
    problem = answer.json
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert set(problem) - {"errors"} == {"type", "title", "status", "detail"}
    assert problem["status"] == status
    assert problem["detail"]


def test_a_wrong_value_is_named_by_its_field(program: FlaskClient) -> None:
    problem = program.post(f"{TASKS}/ingest-month", json={"year": "abc", "moon": 1}).json
    assert set(problem["errors"]) == {"year", "month", "moon"}
    assert problem["errors"]["month"] == "is required"


@pytest.mark.parametrize(
    ("method", "path", "asked", "errors"),
    [
        ("POST", f"{TASKS}/rebuild-grid", {"json": {"months": True}}, {"months": "(given: true)"}),
        ("GET", f"{TASKS}?limit=0", {}, {"limit": "must be a whole number from 1 to 500 (given: 0)"}),
        ("GET", f"{TASKS}?moon=1", {}, {"moon": "is not a known field"}),
        ("POST", "/api/v1/routes/safety", {"json": {"route_ids": [1, True]}}, {"route_ids.1": "(given: true)"}),
        ("POST", "/api/v1/routes/safety", {"json": {}}, {"route_ids": "is required"}),
        ("POST", "/api/v1/routes/safety", {"json": ["secret"]}, {"(all)": "(given: a list)"}),
    ],
)
def test_a_wrong_value_is_told_with_what_was_given(
    program: FlaskClient, method: str, path: str, asked: Request, errors: dict[str, str]
) -> None:
    answer = program.open(path, method=method, **asked)
    assert answer.status_code == 422
    assert answer.json["errors"].keys() == errors.keys()
    for name, said in errors.items():
        assert answer.json["errors"][name].endswith(said)


def test_a_password_is_never_repeated(program: FlaskClient) -> None:
    answer = program.post("/api/v1/admin/users", json={"name": "night-shift", "password": "too short"})
    assert answer.status_code == 422
    assert answer.json["errors"]["password"] == "must be text of 12 to 1024 characters"
    assert "too short" not in answer.text


@pytest.mark.parametrize("body", [b"[" * 50_000, b"{", b"\xff", b'{"name": "\\ud800"}'])
def test_what_is_no_json_is_refused_everywhere(program: FlaskClient, body: bytes) -> None:
    for path in ("/api/v1/admin/users", "/api/v1/routes/safety", f"{TASKS}/rebuild-grid"):
        answer = program.post(path, data=body, content_type="application/json")
        assert answer.status_code == 400
        assert "JSON" in answer.json["detail"]


def test_an_unknown_job_is_answered_with_those_there_are(program: FlaskClient) -> None:
    assert "rebuild_safety_grid" in program.post(f"{TASKS}/nothing").json["detail"]


def test_a_method_that_is_not_taken_is_answered_with_those_that_are(program: FlaskClient) -> None:
    assert "POST" in program.delete(f"{TASKS}/rebuild-grid").headers["Allow"]


def test_a_run_in_the_wrong_state_is_409(program: FlaskClient) -> None:
    answer = program.post(f"{TASKS}/{ask(program)}/retry")
    assert (answer.status_code, answer.json["title"]) == (409, "Conflict")


def test_people_get_a_page_with_the_same_words(browser: FlaskClient) -> None:
    page = browser.get(f"/runs/{UNKNOWN}")
    assert page.status_code == 404
    assert page.content_type.startswith("text/html")
    assert "Not Found" in page.text
    assert f"There is no run {UNKNOWN}" in page.text


def test_what_was_asked_is_no_part_of_the_page(browser: FlaskClient) -> None:
    page = browser.get("/runs/?state=<script>alert(1)</script>")
    assert page.status_code == 404
    assert "<script>alert" not in page.text


@pytest.mark.parametrize("path", [TASKS, f"{TASKS}/{UNKNOWN}", "/", "/runs/"])
def test_a_database_that_is_away_is_503(make_app: MakeApp, path: str) -> None:
    app = make_app(database_url="postgresql://somebody:secret@127.0.0.1:9/nothing")
    answer = app.test_client().get(path, headers=BEARER)
    assert answer.status_code == 503
    assert "PostgreSQL" in answer.json["detail"]
    assert answer.headers["Retry-After"] == "5"
    assert "secret" not in answer.text
    assert "127.0.0.1" not in answer.text


def test_a_database_without_our_tables_says_what_to_do(make_app: MakeApp, settings: Any) -> None:
    base = settings.database_url.rpartition("/")[0]
    query = settings.database_url.partition("?")[2]
    app = make_app(database_url=f"{base}/postgres?{query}")
    answer = app.test_client().get(TASKS, headers=BEARER)
    assert answer.status_code == 503
    assert "safegrid migrate" in answer.json["detail"]


def test_redis_away_does_not_keep_requests_from_the_ledger(make_app: MakeApp) -> None:
    program = make_app(redis_url="redis://127.0.0.1:9/0").test_client()
    answer = program.post(f"{TASKS}/cleanup-history", headers=BEARER)
    assert answer.status_code == 202
    told = program.get(f"{TASKS}/{answer.json['task_id']}", headers=BEARER)
    assert (told.status_code, told.json["progress"]) == (200, None)
    assert program.get("/", headers=BEARER).status_code == 200


@pytest.mark.parametrize("long", ["x" * 5000, "x y" * 1500, "'\\n'" * 1500])
def test_of_what_was_given_little_is_repeated(program: FlaskClient, browser: FlaskClient, long: str) -> None:
    answers = [
        program.post(f"{TASKS}/rebuild-grid", json={"months": long}),
        program.post(f"{TASKS}/rebuild-grid", json={long: 1}),
        program.post(f"{TASKS}/ingest-month", json={"year": 2024, "month": 1, "area": long}),
        program.get(f"{TASKS}/{quote(long)}"),
        program.get("/api/v1/grid", query_string={"category": long, "bbox": long}),
        browser.get(f"/data/{quote(long, safe='')}"),
    ]
    for answer in answers:
        assert 400 <= answer.status_code < 500
        assert long[:201] not in answer.get_data(as_text=True), answer.request.path[:50]
        assert len(answer.get_data()) < 5_000, answer.request.path[:50]
