"""No name is taken twice, however it is written, and none looks like somebody else."""

import unicodedata

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from tests.web.conftest import PASSWORD, MakeApp, sign_in
from tests.web.people.test_pages import NIGHT_SHIFT, USERS, press
from tests.web.people.test_sessions import is_in
from web.http.names import comparable
from worker.client import Client

STRASSE = "Stra\u00dfe"
# Ways to write night-shift.
ALIKE = ["NIGHT-SHIFT", "Night-Shift", "\uff4eight-shift", "ni\u210aht-\u017fhift", " night-shift "]


def add(program: FlaskClient, name: str) -> tuple[int, str]:
    answer = program.post(USERS, json={**NIGHT_SHIFT, "name": name})
    return answer.status_code, answer.text


@pytest.mark.parametrize("name", ALIKE)
def test_a_name_is_taken_however_it_is_written(program: FlaskClient, app: APIFlask, name: str) -> None:
    assert add(program, "night-shift")[0] == 201
    status, said = add(program, name)
    assert (status, "The user night-shift exists already" in said) == (422, True)
    browser = app.test_client()
    assert sign_in(browser, NIGHT_SHIFT["password"], name).status_code == 303
    assert 'night-shift <span class="tag">' in browser.get("/account/").text


def test_a_sharp_s_is_two(program: FlaskClient) -> None:
    assert [add(program, name)[0] for name in (STRASSE, "STRASSE", "strasse")] == [201, 422, 422]
    assert program.patch(f"{USERS}/STRASSE", json={"role": "operator"}).json["name"] == STRASSE
    assert program.delete(f"{USERS}/strasse").json == {"changed": True}
    told = [one["target"] for one in program.get("/api/v1/admin/audit").json["entries"]]
    assert told[:2] == [f"the user {STRASSE}, with 0 tokens revoked", f"role (operator) of {STRASSE}"]


def test_the_database_takes_no_name_twice_either(program: FlaskClient, client: Client) -> None:
    add(program, "night-shift")
    with pytest.raises(IntegrityError, match="uq_users_comparable"), client.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO users (name, comparable, password_hash, role, created_by) "
            "VALUES ('NIGHT-SHIFT', 'night-shift', 'x', 'operator', 'x')"
        )


@pytest.mark.parametrize(
    "name",
    [
        *("admin", "ADMIN", "\uff41dmin", "Admin\u2800", "adm\ufe0fin", "admin\u3164", "ad\u200bmin", "\u202enimda"),
        *("system", "Scheduler", "schedule", "api token", "API \uff34oken", "worker", "events"),
        *("token night-shift", "Token\u00a0x", "token:5", "oidc:ann", "OIDC:ann", "\uff4fidc\uff1aann"),
        *("(stranger)", "run 5", "rq enqueue (5)", "worker.submit"),
    ],
)
def test_names_that_look_like_somebody_else_are_refused(program: FlaskClient, name: str) -> None:
    status, said = add(program, name)
    assert status == 422, said
    assert program.get(USERS).json == {"users": []}


@pytest.mark.parametrize(
    "name", ["ann@example.org", "J\u00fcrgen M\u00fcller", "\u5c71\u7530", "o'neil", "token-maker"]
)
def test_names_of_people_are_taken(program: FlaskClient, name: str) -> None:
    assert add(program, name)[0] == 201


def test_the_operator_comes_in_however_their_name_is_written(visitor: FlaskClient) -> None:
    assert sign_in(visitor, PASSWORD, "\uff21DMIN").status_code == 303


def test_a_user_whose_name_has_become_the_operators_is_nobody(
    program: FlaskClient, app: APIFlask, make_app: MakeApp
) -> None:
    add(program, "night-shift")
    browser = app.test_client()
    sign_in(browser, NIGHT_SHIFT["password"], "night-shift")
    after = make_app(admin_username="Night-Shift").test_client()
    cookie = browser.get_cookie("safegrid")
    assert cookie is not None
    after.set_cookie("safegrid", cookie.value)
    assert not is_in(after)
    assert sign_in(after, NIGHT_SHIFT["password"], "night-shift").status_code == 401
    assert sign_in(after, PASSWORD, "night-shift").status_code == 303


@given(st.text(max_size=20))
def test_what_names_are_compared_by_is_compared_by_itself(name: str) -> None:
    once = comparable(name)
    assert comparable(once) == once
    assert comparable(unicodedata.normalize("NFD", name)) == once


def test_a_name_with_a_zero_byte_is_nobodys(program: FlaskClient, browser: FlaskClient) -> None:
    assert program.delete(f"{USERS}/night%00shift").status_code == 404
    assert press(browser, "/people/users/night%00shift/remove").status_code == 404
