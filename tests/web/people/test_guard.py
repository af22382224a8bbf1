"""Closed by default."""

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from tests.web.conftest import BEARER, TASKS, TOKEN, MakeApp, csrf_token, sign_in
from web.people.guard import OPEN, reads_grid
from worker.client import Client

VALUES = {"instance_number": 0, "page": 1, "per_page": 8}
NUMBERS = (
    "route_id",
    "finding_id",
    "token_id",
    "session_id",
    "gap_id",
    "subscriber_id",
    "z",
    "x",
    "y",
    "resolution",
    "generation",
)


def address(app: APIFlask, rule: Rule) -> str:
    values = {name: VALUES.get(name, 1 if name in NUMBERS else "x") for name in rule.arguments}
    with app.test_request_context():
        return app.url_for(rule.endpoint, **values)


def test_every_route_is_closed_without_a_sign_in(app: APIFlask, visitor: FlaskClient) -> None:
    tried = 0
    for rule in app.url_map.iter_rules():
        if rule.endpoint in OPEN:
            continue
        for method in sorted(rule.methods or ()):
            answer = visitor.open(address(app, rule), method=method)
            assert answer.status_code in (302, 401), (method, rule)
            assert answer.status_code == 401 or answer.location.startswith("/sign-in"), (method, rule)
            tried += 1
    assert tried > 60


def test_what_has_ended_opens_no_route(app: APIFlask, program: FlaskClient, client: Client) -> None:
    left, idle, stranger = app.test_client(), app.test_client(), app.test_client(use_cookies=False)
    sign_in(left)
    kept = left.get_cookie("safegrid")
    assert kept is not None
    left.post("/sign-out", data={"csrf_token": csrf_token(left)})
    left.set_cookie("safegrid", kept.value)
    sign_in(idle)
    made = [program.post("/api/v1/admin/tokens", json={"name": "x", "role": "operator"}).json for _ in range(2)]
    program.delete(f"/api/v1/admin/tokens/{made[0]['id']}")
    with client.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE sessions SET last_seen = last_seen - interval '61 minutes'")
        connection.exec_driver_sql("UPDATE api_tokens SET expires_at = now()")
    app.extensions["safegrid_limiter"].enabled = False
    asking = [(left, {}), (idle, {}), *((stranger, {"Authorization": f"Bearer {one['token']}"}) for one in made)]
    for rule in app.url_map.iter_rules():
        for method in sorted(rule.methods or ()) if rule.endpoint not in OPEN else ():
            for who, headers in asking:
                assert who.open(address(app, rule), method=method, headers=headers).status_code in (302, 401), rule


def test_what_does_not_exist_is_closed_too(visitor: FlaskClient) -> None:
    assert visitor.get("/nothing").location == "/sign-in?next=/nothing"
    assert visitor.get("/api/v1/nothing").status_code == 401


def test_what_is_open_is_little(app: APIFlask, visitor: FlaskClient) -> None:
    assert set(OPEN) <= {rule.endpoint for rule in app.url_map.iter_rules()}
    with visitor.get("/static/app.css") as style:
        assert style.status_code == 200
    assert visitor.get("/sign-in").status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        "Bearer",
        "Bearer ",
        "Bearer tök",
        f"Basic {TOKEN}",
        f"Token {TOKEN}",
        TOKEN,
        "",
    ],
)
def test_a_wrong_token_is_refused(visitor: FlaskClient, authorization: str) -> None:
    answer = visitor.get(TASKS, headers={"Authorization": authorization.encode().decode("latin-1")})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.content_type == "application/problem+json"


def test_no_token_configured_is_no_token_accepted(make_app: MakeApp) -> None:
    visitor = make_app(admin_api_token="").test_client()
    for authorization in ("Bearer ", "Bearer", "Bearer x"):
        assert visitor.get(TASKS, headers={"Authorization": authorization}).status_code == 401


def test_a_wrong_token_is_refused_in_a_browser_that_is_signed_in(browser: FlaskClient) -> None:
    assert browser.get(TASKS).status_code == 200
    assert browser.get(TASKS, headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_the_password_of_a_proxy_in_front_does_not_shut_people_out(browser: FlaskClient) -> None:
    basic = {"Authorization": "Basic c29tZWJvZHk6c2VjcmV0"}
    assert browser.get("/", headers=basic).status_code == 200
    assert browser.post("/sign-out", headers=basic).status_code == 403


def test_a_program_with_a_token_needs_no_csrf_token(visitor: FlaskClient) -> None:
    assert visitor.post(f"{TASKS}/cleanup-history", headers=BEARER).status_code == 202


@pytest.mark.parametrize(
    "path", [f"{TASKS}/cleanup-history", f"{TASKS}/x/cancel", f"{TASKS}/x/retry", "/jobs/cleanup-history", "/sign-out"]
)
def test_a_session_alone_changes_nothing(browser: FlaskClient, path: str) -> None:
    assert browser.post(path).status_code == 403
    assert browser.post(path, data={"csrf_token": "wrong"}).status_code == 403


def test_a_session_with_the_csrf_token_in_the_header_may_use_the_api(browser: FlaskClient) -> None:
    answer = browser.post(f"{TASKS}/cleanup-history", headers={"X-CSRFToken": csrf_token(browser)})
    assert answer.status_code == 202


@pytest.mark.parametrize("public", [True, False])
def test_public_read_opens_what_reads_the_grid_and_nothing_else(make_app: MakeApp, public: bool) -> None:
    app = make_app(public_read=public)

    @app.route("/grid", methods=["GET", "POST"])
    @reads_grid
    def grid() -> str:
        return "the grid"

    visitor = app.test_client()
    assert (visitor.get("/grid").status_code == 200) is public
    assert visitor.post("/grid").status_code == 302
    assert visitor.get("/").location == "/sign-in"
    assert visitor.get(TASKS).status_code == 401


def test_the_ledger_says_who_has_asked(app: APIFlask, program: FlaskClient) -> None:
    browser = app.test_client()
    sign_in(browser)
    program.post(f"{TASKS}/cleanup-history?retention_days=1")
    browser.post(f"{TASKS}/cleanup-history?retention_days=2", headers={"X-CSRFToken": csrf_token(browser)})
    browser.post("/jobs/cleanup-history", data={"retention_days": "3", "csrf_token": csrf_token(browser)})
    listed = program.get(TASKS).json["tasks"]
    assert [(one["requested_by"], one["origin"]) for one in listed] == [
        ("admin", "form"),
        ("admin", "api"),
        ("api token", "api"),
    ]
