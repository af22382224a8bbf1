"""Tokens: for how long they work, whose they are, and when they were used."""

import datetime as dt
import re
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from sqlalchemy import text

from tests.web.conftest import TASKS, sign_in
from tests.web.people.test_pages import NIGHT_SHIFT, TOKENS, USERS, press
from web.people.store import tokens
from web.people.store.errors import UnknownPerson
from worker.client import Client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def make(program: FlaskClient, headers: dict[str, str] | None = None, **values: Any) -> str:
    answer = program.post(TOKENS, json={"name": "x", **values}, headers=headers)
    assert answer.status_code == 201, answer.json
    return str(answer.json["token"])


def execute(client: Client, statement: str) -> Any:
    with client.engine.begin() as connection:
        return connection.execute(text(statement))


def opens(visitor: FlaskClient, token: str) -> bool:
    answer = visitor.get(TASKS, headers=bearer(token))
    assert answer.status_code in (200, 401)
    return bool(answer.status_code == 200)


def of_night_shift(app: APIFlask, program: FlaskClient, role: str = "operator") -> FlaskClient:
    program.post(USERS, json={**NIGHT_SHIFT, "role": role})
    browser = app.test_client()
    sign_in(browser, NIGHT_SHIFT["password"], "night-shift")
    return browser


def made_on_the_page(browser: FlaskClient, **form: str) -> str:
    page = press(browser, "/people/tokens", **{"name": "x", "role": "operator", "days": "90", **form}).text
    return page.partition('class="secret">')[2].partition("<")[0]


@pytest.mark.parametrize(("given", "days"), [({}, 90), ({"days": 7}, 7), ({"days": None}, None)])
def test_a_token_expires_unless_somebody_says_that_it_never_does(
    program: FlaskClient, given: dict[str, Any], days: int | None
) -> None:
    make(program, **given)
    (listed,) = program.get(TOKENS).json["tokens"]
    if days is None:
        assert listed["expires_at"] is None
    else:
        lasts = dt.datetime.fromisoformat(listed["expires_at"]) - dt.datetime.fromisoformat(listed["created_at"])
        assert abs(lasts - dt.timedelta(days=days)) < dt.timedelta(seconds=5)


@pytest.mark.parametrize("days", [0, -1, 3651, "x", True, 1.5])
def test_a_number_of_days_beyond_reason_is_refused(program: FlaskClient, days: object) -> None:
    assert program.post(TOKENS, json={"name": "x", "days": days}).status_code == 422


@pytest.mark.parametrize("days", ["", "0", "-1", "99999", "Never", "\u0663\u0660", "1e3"])
def test_a_form_without_a_life_makes_no_token(browser: FlaskClient, program: FlaskClient, days: str) -> None:
    answer = press(browser, "/people/tokens", name="x", role="viewer", days=days)
    assert (answer.status_code, "1 to 3650 days, or without end" in answer.text) == (422, True)
    assert program.get(TOKENS).json == {"tokens": []}


def test_an_expired_token_is_refused_and_says_so(program: FlaskClient, visitor: FlaskClient, client: Client) -> None:
    token = make(program)
    assert opens(visitor, token)
    execute(client, "UPDATE api_tokens SET expires_at = '2024-03-05 12:00Z', last_used = '2024-03-01'")
    refused = visitor.get(TASKS, headers=bearer(token))
    assert refused.status_code == 401
    assert "expired on 2024-03-05 at 12:00 UTC" in refused.json["detail"]
    (listed,) = program.get(TOKENS).json["tokens"]
    assert listed["last_used"].startswith("2024-03-01")


def test_the_page_says_when_a_token_was_used_and_ends(browser: FlaskClient, visitor: FlaskClient) -> None:
    token = made_on_the_page(browser, days="30")
    assert "never used; expires in 30 days" in browser.get("/people/").text
    assert opens(visitor, token)
    assert re.search(r"; used (now|\d+ s ago); expires in 30 days", browser.get("/people/").text)
    made_on_the_page(browser, days="never")
    assert "never used; never expires" in browser.get("/people/").text


def test_a_use_is_written_once_a_minute(program: FlaskClient, visitor: FlaskClient, client: Client) -> None:
    def last_used() -> Any:
        return execute(client, "SELECT last_used FROM api_tokens").scalar()

    token = make(program)
    opens(visitor, token)
    first = last_used()
    opens(visitor, token)
    assert last_used() == first
    execute(client, "UPDATE api_tokens SET last_used = last_used - interval '2 minutes'")
    opens(visitor, token)
    assert last_used() > first


def test_the_tokens_of_somebody_are_revoked_with_them_and_those_that_these_made(
    app: APIFlask, program: FlaskClient, visitor: FlaskClient
) -> None:
    browser = of_night_shift(app, program)
    first = made_on_the_page(browser)
    second = make(visitor, bearer(first), name="by the first", role="operator")
    third = make(visitor, bearer(second), name="by the second")
    others = make(program)
    assert all(opens(visitor, token) for token in (first, second, third, others))
    program.delete(f"{USERS}/night-shift")
    assert [opens(visitor, token) for token in (first, second, third, others)] == [False, False, False, True]
    newest = program.get("/api/v1/admin/audit").json["entries"][0]
    assert newest["target"] == "the user night-shift, with 3 tokens revoked"


def test_a_token_does_no_more_than_its_owner(app: APIFlask, program: FlaskClient, visitor: FlaskClient) -> None:
    token = made_on_the_page(of_night_shift(app, program))
    assert visitor.post(f"{TASKS}/cleanup-history", headers=bearer(token)).status_code == 202
    program.patch(f"{USERS}/night-shift", json={"role": "viewer"})
    assert visitor.post(f"{TASKS}/cleanup-history", headers=bearer(token)).status_code == 403
    assert visitor.post(TOKENS, json={"name": "y", "role": "operator"}, headers=bearer(token)).status_code == 403
    assert opens(visitor, token)


def test_somebody_who_is_being_removed_makes_no_token(app: APIFlask, program: FlaskClient, client: Client) -> None:
    of_night_shift(app, program)
    owner = execute(client, "SELECT id FROM users").scalar()
    program.delete(f"{USERS}/night-shift")
    with client.engine.connect() as connection, pytest.raises(UnknownPerson, match="night-shift no longer exists"):
        tokens.add(connection, "x", "viewer", 90, who="night-shift", owner_id=owner)
