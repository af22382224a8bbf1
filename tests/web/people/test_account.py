"""One's own password."""

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.web.conftest import MakeApp, csrf_token, sign_in
from tests.web.people.test_pages import NIGHT_SHIFT, USERS, press
from tests.web.people.test_sessions import is_in, secret_of
from web.http import limits

OLD, NEW = NIGHT_SHIFT["password"], "a longer password"
FORM = {"old": OLD, "new": NEW, "again": NEW}


def enter(app: APIFlask, password: str = OLD) -> FlaskClient:
    browser = app.test_client()
    assert sign_in(browser, password, "night-shift").status_code == 303
    return browser


@pytest.fixture
def person(app: APIFlask, program: FlaskClient) -> FlaskClient:
    program.post(USERS, json=NIGHT_SHIFT)
    return enter(app)


def test_somebody_changes_their_password_and_stays(app: APIFlask, person: FlaskClient, program: FlaskClient) -> None:
    other, before = enter(app), secret_of(person)
    assert press(person, "/account/password", **FORM).location == "/account/"
    assert (is_in(person), is_in(other)) == (True, False)
    assert secret_of(person) != before
    assert sign_in(app.test_client(), OLD, "night-shift").status_code == 401
    enter(app, NEW)
    told = [(one["who"], one["action"], one["target"]) for one in program.get("/api/v1/admin/audit").json["entries"]]
    assert ("night-shift", "changed", "their own password") in told


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"old": "not the password"}, "not your current password"),
        ({"old": ""}, "not your current password"),
        ({"again": NEW + "x"}, "not the same"),
        ({"new": "short", "again": "short"}, "has fewer than 12 characters"),
        ({"new": "password1234", "again": "password1234"}, "easy to guess"),
        ({"new": "NightShift1!", "again": "NightShift1!"}, "easy to guess"),
        ({"new": "x" * 1025, "again": "x" * 1025}, "at most 1024"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_changes(
    app: APIFlask, person: FlaskClient, wrong: dict[str, str], said: str
) -> None:
    answer = press(person, "/account/password", **{**FORM, **wrong})
    assert answer.status_code == 422
    assert said in answer.text
    assert not [value for value in {**FORM, **wrong}.values() if value and value in answer.text]
    assert is_in(person)
    enter(app)


def test_a_wrong_old_password_is_in_the_audit(person: FlaskClient, program: FlaskClient) -> None:
    press(person, "/account/password", **{**FORM, "old": "wrong"})
    newest = program.get("/api/v1/admin/audit").json["entries"][0]
    assert (newest["who"], newest["action"], newest["target"]) == (
        "night-shift",
        "was refused",
        "a change of their own password",
    )


def test_nobody_guesses_the_password_of_a_browser_that_they_found(
    monkeypatch: pytest.MonkeyPatch, make_app: MakeApp, program: FlaskClient
) -> None:
    program.post(USERS, json=NIGHT_SHIFT)
    monkeypatch.setattr(limits, "SIGN_INS", "1000 per minute")
    found = enter(make_app())
    form = {**FORM, "csrf_token": csrf_token(found)}
    weak = [found.post("/account/password", data={**form, "new": "x", "again": "x"}).status_code for _ in range(25)]
    assert weak == [422] * 25, "what is wrong with the new one costs no try"
    tries = [found.post("/account/password", data={**form, "old": f"guess {n}"}).status_code for n in range(21)]
    assert tries == [422] * 20 + [429]
    assert found.post("/account/password", data=form).status_code == 429


def test_a_change_needs_the_form_of_this_browser(person: FlaskClient) -> None:
    for path in ("/account/password", "/account/sessions/end-others", "/account/sessions/1/end"):
        assert person.post(path, data=FORM).status_code == 403


def test_the_password_of_the_environment_is_changed_there(browser: FlaskClient) -> None:
    assert "ADMIN_PASSWORD" in browser.get("/account/").text
    answer = press(browser, "/account/password", **FORM)
    assert (answer.status_code, "not stored here" in answer.text) == (403, True)
