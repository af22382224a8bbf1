"""Many tasks at once."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.web.conftest import ADMIN, TASKS, ask
from worker.client import Client

BATCH = f"{TASKS}/batch"
UNKNOWN = "00000000-0000-4000-8000-000000000000"


def states(client: Client, *ids: str) -> list[str]:
    return [client.run(id_).state for id_ in ids]


def test_the_tasks_of_a_filter_are_cancelled_and_retried(program: FlaskClient, client: Client) -> None:
    one, other = ask(program, retention_days=31), ask(program, retention_days=32)
    told = program.post(BATCH, json={"action": "cancel", "queue": "maintenance"}).json
    assert (set(told["done"]), told["left"]) == ({one, other}, 0)
    assert states(client, one, other) == ["cancelled"] * 2
    assert program.post(BATCH, json={"action": "retry", "q": 'days": 31'}).json["done"] == [one]
    assert states(client, one, other) == ["queued", "cancelled"]
    changes = program.get(f"{ADMIN}/audit").json["entries"]
    assert (changes[0]["action"], changes[0]["target"], changes[0]["who"]) == ("retried 1 run", one, "api token")


def test_chosen_tasks_that_have_ended_are_left(program: FlaskClient, client: Client) -> None:
    one, other = ask(program, retention_days=31), ask(program, retention_days=32)
    client.cancel(other, "night-shift")
    told = program.post(BATCH, json={"action": "cancel", "task_ids": [one, other]}).json
    assert told == {"done": [one], "left": 1}


def test_with_an_unknown_task_nothing_is_done(program: FlaskClient, client: Client) -> None:
    one = ask(program)
    answer = program.post(BATCH, json={"action": "cancel", "task_ids": [one, UNKNOWN]})
    assert answer.status_code == 404
    assert states(client, one) == ["queued"]


@pytest.mark.parametrize(
    "body",
    [
        {"action": "cancel"},
        {"action": "cancel", "task_ids": []},
        {"action": "cancel", "task_ids": [UNKNOWN], "queue": "cache"},
        {"action": "purge", "queue": "cache"},
        {"queue": "cache"},
        {"action": "cancel", "job": "nothing"},
    ],
)
def test_what_is_not_to_be_done_is_refused(program: FlaskClient, client: Client, body: dict[str, Any]) -> None:
    one = ask(program)
    assert program.post(BATCH, json=body).status_code == 422
    assert states(client, one) == ["queued"]


def test_failed_tasks_are_discarded_and_others_are_not(program: FlaskClient, client: Client) -> None:
    bad, worse, good = (ask(program, retention_days=days) for days in (31, 32, 33))
    with client.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE runs SET state = 'failed', ended_at = now(), error = 'it broke' "
            "WHERE parameters->>'retention_days' IN ('31', '32')"
        )
    assert program.post(f"{TASKS}/{bad}/discard").json["state"] == "cancelled"
    assert program.post(f"{TASKS}/{good}/discard").status_code == 409
    told = program.post(BATCH, json={"action": "discard", "job": "cleanup-history"}).json
    assert told == {"done": [worse], "left": 0}
    assert states(client, bad, worse, good) == ["cancelled", "cancelled", "queued"]
