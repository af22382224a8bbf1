"""Sessions: listed, ended, and worth nothing once they are."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from apiflask import APIFlask
from flask.sessions import SecureCookieSessionInterface
from flask.testing import FlaskClient
from sqlalchemy import text

from tests.web.conftest import MakeApp, csrf_token, sign_in
from tests.web.people.test_pages import NIGHT_SHIFT, USERS, press
from web.people import accounts
from web.people.devices import named
from web.people.store import sessions, users
from web.people.store.sessions import Device
from worker.client import Client

SESSIONS = "/api/v1/admin/sessions"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"


def copy_of(browser: FlaskClient, app: APIFlask) -> FlaskClient:
    """Another browser with the same cookie, as a thief has it."""
    thief = app.test_client()
    cookie = browser.get_cookie("safegrid")
    assert cookie is not None
    thief.set_cookie("safegrid", cookie.value)
    return thief


def secret_of(browser: FlaskClient) -> str:
    with browser.session_transaction() as session:
        return str(session["_user_id"])


def is_in(browser: FlaskClient) -> bool:
    answer = browser.get("/docs")
    assert answer.status_code in (200, 302)
    return bool(answer.status_code == 200)


def execute(client: Client, statement: str) -> Any:
    with client.engine.begin() as connection:
        return connection.execute(text(statement))


@pytest.fixture
def person(app: APIFlask, program: FlaskClient) -> Iterator[FlaskClient]:
    """A browser in which a viewer is signed in."""
    assert program.post(USERS, json=NIGHT_SHIFT).status_code == 201
    browser = app.test_client()
    assert sign_in(browser, NIGHT_SHIFT["password"], "night-shift").status_code == 303
    return browser


def test_a_copied_cookie_is_worthless_after_the_sign_out(app: APIFlask, browser: FlaskClient) -> None:
    thief = copy_of(browser, app)
    assert is_in(thief)
    press(browser, "/sign-out")
    assert not is_in(thief)
    assert not is_in(browser)


def test_a_session_moves_with_its_browser_to_other_addresses_and_versions(browser: FlaskClient) -> None:
    for address, agent in (("192.0.2.1", FIREFOX), ("2001:db8::1", "Mozilla/5.0 Firefox/134.0")):
        asked = {"REMOTE_ADDR": address, "HTTP_USER_AGENT": agent}
        assert browser.get("/docs", environ_overrides=asked).status_code == 200


def test_each_sign_in_has_a_session_of_its_own_and_ends_that_before(app: APIFlask, browser: FlaskClient) -> None:
    thief, before = copy_of(browser, app), secret_of(browser)
    form = {"csrf_token": csrf_token(browser), "username": "admin", "password": "correct horse battery"}
    assert browser.post("/sign-in", data=form).status_code == 303
    assert secret_of(browser) != before
    assert is_in(browser)
    assert not is_in(thief)


def test_what_somebody_put_into_the_browser_before_is_no_session_after(app: APIFlask, visitor: FlaskClient) -> None:
    csrf_token(visitor, "/sign-in")
    planted = copy_of(visitor, app)
    sign_in(visitor)
    assert is_in(visitor)
    assert not is_in(planted)


def test_only_a_hash_of_the_secret_is_kept(browser: FlaskClient, client: Client) -> None:
    (row,) = execute(client, "SELECT * FROM sessions").all()
    assert secret_of(browser) not in str(row)
    assert len(row.secret_hash) == 64


@pytest.mark.parametrize("column", ["last_seen", "expires_at"])
def test_a_session_ends_by_idling_and_by_its_age(browser: FlaskClient, client: Client, column: str) -> None:
    execute(client, f"UPDATE sessions SET {column} = {column} - interval '55 minutes'")
    assert is_in(browser)
    execute(client, f"UPDATE sessions SET {column} = {column} - interval '12 hours'")
    assert not is_in(browser)
    sign_in(browser)
    assert execute(client, "SELECT count(*) FROM sessions").scalar() == 1, "the ended one is gone"


def test_activity_is_written_once_a_minute_and_none_for_what_a_page_does_by_itself(
    browser: FlaskClient, client: Client
) -> None:
    def last_seen() -> Any:
        return execute(client, "SELECT last_seen FROM sessions").scalar()

    first = last_seen()
    browser.get("/docs")
    assert last_seen() == first
    execute(client, "UPDATE sessions SET last_seen = last_seen - interval '2 minutes'")
    old = last_seen()
    assert browser.get("/live", headers={"X-Background": "1"}).status_code == 200
    assert last_seen() == old
    browser.get("/docs")
    assert last_seen() > first


@pytest.mark.parametrize("value", ["", "x", ".", "a.b.c", "\x7f\xff", "e30.Z.x", "=" * 3000, ".eJw.Zz.x"])
def test_a_cookie_that_is_none_of_ours_is_nobody(visitor: FlaskClient, value: str) -> None:
    visitor.set_cookie("safegrid", value)
    assert not is_in(visitor)
    assert sign_in(visitor).status_code == 303


@pytest.mark.parametrize("known", ["", "x", "\0", "a" * 5000, "0123abcd:night-shift", "null"])
def test_a_secret_that_nobody_has_is_nobody(app: APIFlask, visitor: FlaskClient, known: str) -> None:
    signer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert signer is not None
    visitor.set_cookie("safegrid", signer.dumps({"_user_id": known}))
    assert not is_in(visitor)


def test_people_see_and_end_their_own_sessions(app: APIFlask, person: FlaskClient) -> None:
    other = app.test_client()
    sign_in(other, NIGHT_SHIFT["password"], "night-shift")
    other.get("/", headers={"User-Agent": FIREFOX})
    page = person.get("/account/").text
    assert page.count("at the latest") == 2
    (other_id,) = re.findall(r"/account/sessions/(\d+)/end", page)
    assert press(person, f"/account/sessions/{other_id}/end").status_code == 303
    assert not is_in(other)
    assert is_in(person)
    third = app.test_client()
    sign_in(third, NIGHT_SHIFT["password"], "night-shift")
    press(person, "/account/sessions/end-others")
    assert (is_in(person), is_in(third)) == (True, False)


def test_nobody_ends_the_session_of_another_by_guessing_its_number(
    app: APIFlask, person: FlaskClient, program: FlaskClient
) -> None:
    admin = app.test_client()
    sign_in(admin)
    listed = {one["name"]: one["id"] for one in program.get(SESSIONS).json["sessions"]}
    assert press(person, f"/account/sessions/{listed['admin']}/end").status_code == 404
    assert press(person, f"/people/sessions/{listed['admin']}/end").status_code == 403
    headers = {"X-CSRFToken": csrf_token(person)}
    assert person.delete(f"{SESSIONS}/{listed['admin']}", headers=headers).status_code == 403
    assert press(admin, f"/account/sessions/{listed['night-shift']}/end").status_code == 404
    press(person, "/account/sessions/end-others")
    press(admin, "/account/sessions/end-others")
    assert is_in(admin)
    assert is_in(person)


def test_a_token_has_no_sessions_to_end(person: FlaskClient, program: FlaskClient) -> None:
    # Its id may be that of a user.
    (one,) = program.get(SESSIONS).json["sessions"]
    made = program.post("/api/v1/admin/tokens", json={"name": "x", "role": "operator"}).json
    for bearer in (program.environ_base["HTTP_AUTHORIZATION"], f"Bearer {made['token']}"):
        headers = {"Authorization": bearer}
        own = (f"sessions/{one['id']}/end", "sessions/end-others", "password")
        for path in own:
            assert person.post(f"/account/{path}", headers=headers, data={"new": "x", "again": "x"}).status_code == 403
        assert person.get("/account/", headers=headers).status_code == 200
    assert is_in(person)


def test_an_operator_ends_anybodys_session(app: APIFlask, person: FlaskClient, program: FlaskClient) -> None:
    admin = app.test_client()
    sign_in(admin)
    page = admin.get("/people/sessions").text
    assert "night-shift" in page
    assert "this browser" in page
    (number,) = re.findall(r"/people/sessions/(\d+)/end", page)
    press(admin, f"/people/sessions/{number}/end")
    assert not is_in(person)
    sign_in(person, NIGHT_SHIFT["password"], "night-shift")
    listed = program.get(SESSIONS).json["sessions"]
    assert {(one["name"], one["role"]) for one in listed} == {("admin", "operator"), ("night-shift", "viewer")}
    for one in listed:
        assert program.delete(f"{SESSIONS}/{one['id']}").json == {"changed": True}
    assert (is_in(person), is_in(admin)) == (False, False)
    assert program.delete(f"{SESSIONS}/{listed[0]['id']}").status_code == 404
    told = [(one["action"], one["target"]) for one in program.get("/api/v1/admin/audit").json["entries"]]
    assert ("ended", f"the session {number} of night-shift") in told


@pytest.mark.parametrize("change", [{"password": "nine quick otters"}, {"role": "operator"}, None])
def test_a_change_of_somebody_ends_their_sessions_and_no_others(
    app: APIFlask, person: FlaskClient, program: FlaskClient, client: Client, change: dict[str, str] | None
) -> None:
    admin = app.test_client()
    sign_in(admin)
    path = f"{USERS}/night-shift"
    assert (program.patch(path, json=change) if change else program.delete(path)).status_code == 200
    assert execute(client, "SELECT count(*) FROM sessions WHERE user_id IS NOT NULL").scalar() == 0
    assert (is_in(person), is_in(admin)) == (False, True)


def test_somebody_of_the_same_name_is_somebody_else(app: APIFlask, person: FlaskClient, program: FlaskClient) -> None:
    program.delete(f"{USERS}/night-shift")
    program.post(USERS, json={**NIGHT_SHIFT, "role": "operator"})
    assert not is_in(person)


def test_a_sign_in_that_a_change_of_the_password_overtakes_has_no_session(
    app: APIFlask, person: FlaskClient, client: Client
) -> None:
    policy = accounts.policy(app.extensions["safegrid_settings"])
    with client.engine.connect() as connection:
        read = users.by_password(connection, "night-shift", NIGHT_SHIFT["password"])
        assert read is not None
        users.change(connection, "night-shift", password="nine quick otters")
        assert sessions.begin(connection, read, Device("192.0.2.1", "x"), policy) is None
        assert not sessions.lasting(connection, policy)


def test_a_change_of_the_operators_password_ends_and_hides_their_sessions(
    browser: FlaskClient, make_app: MakeApp
) -> None:
    assert "this browser" in browser.get("/account/").text
    after = make_app(admin_password="another password").test_client()
    cookie = browser.get_cookie("safegrid")
    assert cookie is not None
    after.set_cookie("safegrid", cookie.value)
    assert not is_in(after)
    sign_in(after, "another password")
    assert after.get("/account/").text.count("at the latest") == 1


def test_with_postgresql_away_the_first_operator_sees_that_and_nothing_more(
    make_app: MakeApp, browser: FlaskClient, app: APIFlask
) -> None:
    away = make_app(database_url="postgresql://somebody:secret@127.0.0.1:9/nothing")
    seeing = copy_of(browser, away)
    assert "PostgreSQL does not respond" in seeing.get("/").text
    token = csrf_token(seeing, "/")
    for path in ("/docs", "/runs/", "/rq/", "/people/", "/account/", "/api/v1/admin/tasks"):
        assert seeing.get(path).status_code == 503, path
    assert seeing.post("/queues/cache/pause", data={"csrf_token": token}).status_code == 503
    entered = away.test_client()
    assert sign_in(entered).status_code == 303
    assert entered.get("/").status_code == 503
    assert entered.post("/sign-out", data={"csrf_token": csrf_token(entered, "/")}).location == "/sign-in"
    sign_in(entered)
    # Once it is back, they have no session.
    assert not is_in(copy_of(entered, app))


def test_with_postgresql_away_nobody_else_comes_in(make_app: MakeApp, person: FlaskClient) -> None:
    away = make_app(database_url="postgresql://somebody:secret@127.0.0.1:9/nothing")
    seeing = copy_of(person, away)
    for path in ("/", "/live", "/docs", "/sign-in"):
        answer = seeing.get(path)
        assert (answer.status_code, "127.0.0.1" in answer.text) == (503, False), path


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (FIREFOX, "Firefox on Linux"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605 Version/18.1 Safari/605.1.15",
            "Safari on macOS",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537 Chrome/131.0 Safari/537.36 Edg/131.0", "Edge on Windows"),
        ("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537 Chrome/131.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.9\0" + "x" * 100, "curl/8.9\\x00" + "x" * 48),
        ("", "unknown"),
    ],
)
def test_browsers_are_named_as_people_know_them(agent: str, name: str) -> None:
    assert named(agent) == name
