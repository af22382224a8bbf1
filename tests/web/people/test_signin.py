"""Signing in and out."""

import re

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.web.conftest import PASSWORD, MakeApp, csrf_token, sign_in
from web.people.entrance import local_path
from web.people.store import passwords


def test_the_right_password_leads_in(visitor: FlaskClient) -> None:
    answer = sign_in(visitor)
    assert (answer.status_code, answer.location) == (303, "/")
    assert visitor.get("/").status_code == 200


@pytest.mark.parametrize(("username", "password"), [("admin", "wrong"), ("admin", ""), ("admin", PASSWORD + " ")])
def test_anything_else_does_not(visitor: FlaskClient, username: str, password: str) -> None:
    answer = sign_in(visitor, password, username)
    assert answer.status_code == 401
    assert "name or password is wrong" in answer.text
    assert visitor.get("/").location == "/sign-in"


def test_the_password_given_is_not_sent_back(visitor: FlaskClient) -> None:
    assert "s3cr3t-guess" not in sign_in(visitor, "s3cr3t-guess").text


def test_the_way_leads_back_to_the_page_that_was_wanted(visitor: FlaskClient) -> None:
    refused = visitor.get("/runs/?state=failed")
    assert refused.location == "/sign-in?next=/runs/?state%3Dfailed"
    assert sign_in(visitor, target="/runs/?state=failed").location == "/runs/?state=failed"


@pytest.mark.parametrize(
    "target",
    [
        "https://elsewhere.example",
        "//elsewhere.example",
        "/\\elsewhere.example",
        "\\/elsewhere.example",
        "/\t/elsewhere.example",
        "/\n/elsewhere.example",
        " //elsewhere.example",
        "javascript:alert(1)",
        "elsewhere.example",
        "",
    ],
)
def test_the_way_never_leads_elsewhere(visitor: FlaskClient, target: str) -> None:
    assert sign_in(visitor, target=target).location == "/"
    assert local_path(target) is None


def test_only_a_post_signs_in(visitor: FlaskClient) -> None:
    form = {"csrf_token": csrf_token(visitor, "/sign-in"), "username": "admin", "password": PASSWORD}
    for method in ("HEAD", "OPTIONS", "GET"):
        answer = visitor.open("/sign-in", method=method, data=form)
        assert (answer.status_code, visitor.get("/").status_code) == (200, 302), method


def test_no_name_is_told_by_the_time_that_its_refusal_takes(
    visitor: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []
    monkeypatch.setattr(passwords, "check_password_hash", lambda _hash, password: bool(checked.append(password)))
    for name in ("admin", "nobody", "no\0body"):
        assert sign_in(visitor, f"guess at {name}", name).status_code == 401
    assert checked == ["guess at admin", "guess at nobody", "guess at no\0body"]


def test_tries_that_fail_are_in_the_audit(browser: FlaskClient, app: APIFlask) -> None:
    sign_in(app.test_client(), "wrong", "signed in\0admin" + "x" * 200)
    page = browser.get("/people/audit").text
    assert re.search(r"\(stranger\).*was refused.*signed in\\x00adminx+<", page, re.DOTALL)
    assert "x" * 65 not in page


def test_signing_in_needs_the_form_of_this_browser(visitor: FlaskClient) -> None:
    answer = visitor.post("/sign-in", data={"username": "admin", "password": PASSWORD})
    assert answer.status_code == 403


def test_signing_out_takes_a_post_and_ends_the_session(browser: FlaskClient) -> None:
    assert browser.get("/sign-out").status_code == 405
    answer = browser.post("/sign-out", data={"csrf_token": csrf_token(browser)})
    assert answer.location == "/sign-in"
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert browser.get("/").location == "/sign-in"


def test_a_session_ends_when_the_password_changes(make_app: MakeApp) -> None:
    before, after = make_app().test_client(), make_app(admin_password="another password").test_client()
    sign_in(before)
    cookie = before.get_cookie("safegrid")
    assert cookie is not None
    after.set_cookie("safegrid", cookie.value)
    assert after.get("/").location == "/sign-in"
