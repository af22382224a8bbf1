"""The audit cannot be imitated by a name, and only grows."""

from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from tests.docs.blocks import blocks
from tests.web.conftest import TASKS, sign_in
from tests.web.people.test_pages import NIGHT_SHIFT, TOKENS, USERS, press
from web.people.signin import tried_name
from worker.client import Client

AUDIT = "/api/v1/admin/audit"


def told(program: FlaskClient) -> list[dict[str, Any]]:
    return list(program.get(AUDIT).json["entries"])


def test_each_kind_of_account_is_told_with_its_id(app: APIFlask, browser: FlaskClient, program: FlaskClient) -> None:
    program.post(USERS, json={**NIGHT_SHIFT, "role": "operator"})
    person = app.test_client()
    sign_in(person, "wrong", "night-shift")
    sign_in(person, NIGHT_SHIFT["password"], "night-shift")
    made = program.post(TOKENS, json={"name": "night-shift", "role": "operator"}).json
    caller = app.test_client(use_cookies=False)
    caller.post(f"{TASKS}/cleanup-history", headers={"Authorization": f"Bearer {made['token']}"})
    entries = {(one["who"], one["kind"], one["account_id"]) for one in told(program)}
    assert entries == {
        ("admin", "operator", "environment"),
        ("api token", "token", "environment"),
        ("(stranger)", "stranger", ""),
        ("night-shift", "person", "1"),
        ("token night-shift", "token", str(made["id"])),
    }
    assert "person 1" in browser.get("/people/audit").text


def test_somebody_who_takes_the_name_of_another_has_another_id(app: APIFlask, program: FlaskClient) -> None:
    for _ in range(2):
        program.post(USERS, json={**NIGHT_SHIFT, "role": "operator"})
        person = app.test_client()
        sign_in(person, NIGHT_SHIFT["password"], "night-shift")
        press(person, "/jobs/cleanup-history")
        program.delete(f"{USERS}/night-shift")
    ids = [one["account_id"] for one in told(program) if one["action"] == "signed in"]
    assert ids == ["2", "1"]


@pytest.mark.parametrize(
    "statement",
    [
        *("UPDATE audit SET who = 'night-shift'", "DELETE FROM audit", "TRUNCATE audit"),
        *("UPDATE audit SET who = 'x' WHERE false", "DELETE FROM audit WHERE id = -1"),
        "INSERT INTO audit (id, who, action, target) SELECT id, 'x', 'x', 'x' FROM audit "
        "ON CONFLICT (id) DO UPDATE SET who = 'x'",
        "MERGE INTO audit USING (VALUES (1)) AS one ON true WHEN MATCHED THEN DELETE",
    ],
)
def test_no_entry_is_changed_or_deleted(browser: FlaskClient, client: Client, statement: str) -> None:
    with pytest.raises(ProgrammingError, match="only grows"), client.engine.begin() as connection:
        connection.execute(text(statement))
    with client.engine.begin() as connection:
        assert connection.execute(text("SELECT who, action FROM audit")).all() == [("admin", "signed in")]


def test_its_owner_deletes_old_entries_as_the_docs_say(browser: FlaskClient, client: Client) -> None:
    (block,) = [one.text for one in blocks() if one.file == "docs/people.md" and "DELETE FROM audit" in one.text]
    with client.engine.begin() as connection:
        connection.execute(text("INSERT INTO audit (who, action, target, at) VALUES ('x', 'x', 'x', '2001-01-01')"))
    with client.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(block)
        assert connection.execute(text("SELECT who FROM audit")).all() == [("admin",)]
        with pytest.raises(ProgrammingError, match="only grows"):
            connection.execute(text("DELETE FROM audit"))


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("ann\nadmin signed in", "ann\\nadmin signed in"),
        ("\u202eann", "\\u202eann"),
        ("\0", "\\x00"),
        ("b\u00e9a", "b\u00e9a"),
    ],
)
def test_a_tried_name_stays_in_its_place(given: str, shown: str) -> None:
    assert tried_name(given) == shown
