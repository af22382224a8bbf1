"""Users, tokens, what each role may do, and the audit."""

import re
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.web.conftest import TASKS, csrf_token, sign_in
from tests.web.people.test_guard import address
from web.people.guard import _HARMLESS, OPEN
from worker.client import Client

USERS, TOKENS = "/api/v1/admin/users", "/api/v1/admin/tokens"
NIGHT_SHIFT = {"name": "night-shift", "password": "seven grey herons", "role": "viewer"}


def press(browser: FlaskClient, path: str, **form: str) -> Any:
    return browser.post(path, data={"csrf_token": csrf_token(browser), **form})


@pytest.fixture
def viewer(app: APIFlask, program: FlaskClient) -> FlaskClient:
    """A browser in which a viewer is signed in."""
    assert program.post(USERS, json=NIGHT_SHIFT).status_code == 201
    browser = app.test_client()
    assert sign_in(browser, NIGHT_SHIFT["password"], "night-shift").status_code == 303
    return browser


def with_token(app: APIFlask, program: FlaskClient, role: str) -> FlaskClient:
    made = program.post(TOKENS, json={"name": f"a {role}", "role": role}).json
    caller = app.test_client(use_cookies=False)
    caller.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {made['token']}"
    return caller


def test_a_viewer_reads_everything_and_changes_nothing(
    app: APIFlask, viewer: FlaskClient, program: FlaskClient
) -> None:
    token = csrf_token(viewer)
    caller = with_token(app, program, "viewer")
    tried = 0
    for rule in app.url_map.iter_rules():
        if rule.endpoint in (*OPEN, *_HARMLESS):
            continue
        view = app.view_functions[rule.endpoint]
        for method in sorted(rule.methods or ()):
            path = address(app, rule)
            reads = method in ("GET", "HEAD", "OPTIONS") or getattr(view, "asks_by_post", False)
            changes = not reads or getattr(view, "for_operators", False)
            for who, headers in ((viewer, {"X-CSRFToken": token}), (caller, {})):
                answer = who.open(path, method=method, headers=headers)
                answer.close()
                # Which of an address's views is asked for its OPTIONS, Werkzeug chooses.
                is_any = path.startswith("/rq/") or method == "OPTIONS"
                assert (answer.status_code == 403) is changes or is_any, (method, rule, answer.status)
                assert answer.status_code < 500, (method, rule)
                tried += 1
    assert tried > 100


def test_a_viewer_sees_no_button_that_would_be_refused(
    viewer: FlaskClient, client: Client, program: FlaskClient
) -> None:
    run_id = program.post(f"{TASKS}/cleanup-history").json["task_id"]
    for path in (
        "/",
        "/jobs/",
        "/jobs/rebuild-grid",
        "/runs/",
        f"/runs/{run_id}",
        "/schedule/",
        "/queues/",
        "/data/",
        "/areas/",
    ):
        page = viewer.get(path).text
        posts = re.findall(r'<form[^>]*method="post"[^>]*action="([^"]+)"', page)
        buttons = page.count("<button")
        # Signing out, and the filter of the runs.
        assert buttons <= 1 + path.startswith("/runs/"), path
        assert "People" not in page
        assert posts.count("/sign-out") == 1
    assert "viewer" in viewer.get("/").text


def test_a_viewer_is_told_whom_to_ask(viewer: FlaskClient) -> None:
    answer = press(viewer, "/jobs/cleanup-history")
    assert answer.status_code == 403
    assert "night-shift is a viewer and cannot make changes. Ask an operator" in answer.text
    assert viewer.get("/people/").status_code == 403
    assert press(viewer, "/sign-out").location == "/sign-in"


def test_an_operator_of_the_table_may_what_the_first_may(app: APIFlask, program: FlaskClient, client: Client) -> None:
    program.post(USERS, json={**NIGHT_SHIFT, "role": "operator"})
    browser = app.test_client()
    sign_in(browser, NIGHT_SHIFT["password"], "night-shift")
    run = press(browser, "/jobs/cleanup-history").location.removeprefix("/runs/")
    assert client.run(run).requested_by == "night-shift"
    assert browser.get("/people/").status_code == 200


def test_a_session_ends_when_its_user_changes(viewer: FlaskClient, program: FlaskClient, app: APIFlask) -> None:
    assert viewer.get("/").status_code == 200
    assert program.patch(f"{USERS}/night-shift", json={"role": "operator"}).json["role"] == "operator"
    assert viewer.get("/").location == "/sign-in"
    again = app.test_client()
    sign_in(again, NIGHT_SHIFT["password"], "night-shift")
    assert program.delete(f"{USERS}/night-shift").json == {"changed": True}
    assert again.get("/").location == "/sign-in"
    assert sign_in(app.test_client(), NIGHT_SHIFT["password"], "night-shift").status_code == 401


def test_a_token_opens_until_it_is_revoked(app: APIFlask, program: FlaskClient) -> None:
    caller = with_token(app, program, "operator")
    task = caller.post(f"{TASKS}/cleanup-history").json["task_id"]
    assert program.get(f"{TASKS}?limit=1").json["tasks"][0]["requested_by"] == "token a operator"
    assert caller.get(f"{TASKS}/{task}").status_code == 200
    (listed,) = program.get(TOKENS).json["tokens"]
    assert listed["last_used"] is not None
    assert "token_hash" not in listed
    assert program.delete(f"{TOKENS}/{listed['id']}").status_code == 200
    assert program.delete(f"{TOKENS}/{listed['id']}").status_code == 404
    assert caller.get(TASKS).status_code == 401


def test_secrets_are_kept_as_hashes(program: FlaskClient, client: Client) -> None:
    program.post(USERS, json=NIGHT_SHIFT)
    token = program.post(TOKENS, json={"name": "x"}).json["token"]
    with client.engine.begin() as connection:
        stored = str(connection.exec_driver_sql("SELECT * FROM users").all())
        stored += str(connection.exec_driver_sql("SELECT * FROM api_tokens").all())
    assert NIGHT_SHIFT["password"] not in stored
    assert token not in stored


def test_people_are_managed_on_a_page(browser: FlaskClient, app: APIFlask) -> None:
    press(browser, "/people/users", **NIGHT_SHIFT)
    assert 'night-shift</strong> <span class="tag">viewer' in browser.get("/people/").text
    press(browser, "/people/users/night-shift/change", role="operator", password="nine quick otters")
    assert sign_in(app.test_client(), "nine quick otters", "night-shift").status_code == 303
    page = press(browser, "/people/tokens", name="x", role="viewer", days="90").text
    secret = re.search(r'class="secret">(sg_[^<]+)<', page)
    assert secret is not None
    assert secret[1] not in browser.get("/people/").text
    assert app.test_client().get(TASKS, headers={"Authorization": f"Bearer {secret[1]}"}).status_code == 200
    assert press(browser, "/people/users/night-shift/remove").status_code == 303
    assert "night-shift</strong>" not in browser.get("/people/").text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"password": "short"}, "has fewer than 12 characters"),
        ({"password": "qwertyuiop12"}, "easy to guess"),
        ({"password": "night-shift-1"}, "easy to guess"),
        ({"password": "changeme-changeme"}, "is a placeholder"),
        ({"name": " "}, "1 to 64 printable"),
        ({"name": "night-shift/x"}, "no slash"),
        ({"name": "admin"}, "name of the operator set in the environment"),
        ({"role": "king"}, "viewer or operator"),
        ({"name": "night-shift\0"}, "1 to 64 printable"),
    ],
)
def test_what_is_wrong_with_a_new_user_is_said(browser: FlaskClient, wrong: dict[str, str], said: str) -> None:
    answer = press(browser, "/people/users", **{**NIGHT_SHIFT, **wrong})
    assert answer.status_code == 422
    assert said in answer.text
    assert NIGHT_SHIFT["password"] not in answer.text


def test_a_name_is_taken_once(browser: FlaskClient) -> None:
    press(browser, "/people/users", **NIGHT_SHIFT)
    assert "The user night-shift exists already" in press(browser, "/people/users", **NIGHT_SHIFT).text


def test_the_audit_says_who_changed_what(browser: FlaskClient, program: FlaskClient) -> None:
    press(browser, "/people/users", **NIGHT_SHIFT)
    task = program.post(f"{TASKS}/cleanup-history").json["task_id"]
    program.post(f"{TASKS}/{task}/cancel")
    program.post(f"{TASKS}/{task}/retry")
    for path in ("/queues/cache/pause", "/queues/cache/resume", "/queues/cache/purge", "/schedule/watch-release/pause"):
        press(browser, path)
        program.post("/api/v1/admin" + path)
    told = program.get("/api/v1/admin/audit").json["entries"]
    assert [(one["who"], one["action"]) for one in told][::-1] == [
        ("admin", "signed in"),
        ("admin", "added"),
        ("api token", "asked for"),
        ("api token", "cancelled"),
        ("api token", "retried"),
        ("admin", "paused"),
        ("admin", "resumed"),
        ("admin", "purged"),
        ("api token", "purged"),
        ("admin", "paused"),
    ]
    assert task in told[-3]["target"]
    assert "the viewer night-shift" in browser.get("/people/audit").text
    first = program.get("/api/v1/admin/audit?limit=4").json
    rest = program.get(f"/api/v1/admin/audit?before={first['next']}").json
    assert first["entries"] + rest["entries"] == told
    assert rest["next"] is None
