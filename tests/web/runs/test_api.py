"""The JSON API."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from jobs import catalogue
from tests.web.conftest import TASKS, ask
from web.runs.tasks import Submitted, Task, TaskList
from worker.client import Client
from worker.progress import Reporter

Perform = Callable[[str], Any]


def test_a_request_is_answered_with_its_task(program: FlaskClient) -> None:
    answer = program.post(f"{TASKS}/rebuild-grid", json={"months": 1})
    assert answer.status_code == 202
    assert set(answer.json) == {"task_id", "task_name", "status", "message"}
    assert answer.json["task_name"] == "rebuild_safety_grid"
    assert answer.json["status"] == "submitted"
    assert answer.headers["Location"] == f"{TASKS}/{answer.json['task_id']}"
    Submitted.model_validate(answer.json)


@pytest.mark.parametrize("query", ["", "?retention_days=90"])
@pytest.mark.parametrize("body", [{}, {"json": {}}, {"data": "", "content_type": "application/json"}])
def test_a_request_may_leave_parameters_out(
    program: FlaskClient, client: Client, query: str, body: dict[str, Any]
) -> None:
    answer = program.post(f"{TASKS}/cleanup-history{query}", **body)
    assert answer.status_code == 202
    assert client.run(answer.json["task_id"]).parameters == {"retention_days": 90, "dry_run": False}


def test_parameters_may_come_in_the_query_string(program: FlaskClient, client: Client) -> None:
    answer = program.post(f"{TASKS}/rebuild-grid?months=3&force=true&until=2024-05")
    assert client.run(answer.json["task_id"]).parameters == {"months": 3, "force": True, "until": "2024-05"}


def test_parameters_may_come_in_both(program: FlaskClient, client: Client) -> None:
    answer = program.post(f"{TASKS}/ingest-month?year=2024", json={"month": 5})
    parameters = client.run(answer.json["task_id"]).parameters
    assert (parameters["year"], parameters["month"]) == (2024, 5)


def test_the_same_parameter_in_both_is_refused(program: FlaskClient) -> None:
    answer = program.post(f"{TASKS}/rebuild-grid?months=1", json={"months": 2})
    assert answer.json["errors"] == {"months": "must be given only once"}


def test_the_same_request_twice_is_one_task(program: FlaskClient) -> None:
    first = program.post(f"{TASKS}/rebuild-grid", json={"months": 2})
    second = program.post(f"{TASKS}/rebuild-grid?months=2")
    other = program.post(f"{TASKS}/rebuild-grid?months=3")
    assert first.json["task_id"] == second.json["task_id"] != other.json["task_id"]
    assert second.status_code == 202
    assert "already" in second.json["message"]


def test_every_job_is_in_the_catalogue(program: FlaskClient) -> None:
    told = {entry["slug"]: entry for entry in program.get("/api/v1/admin/jobs").json["jobs"]}
    assert set(told) == {job.slug for job in catalogue.load().values()}
    rebuild = told["rebuild-grid"]
    assert (rebuild["name"], rebuild["queue"], rebuild["cadence"]) == ("rebuild_safety_grid", "ingestion", "0 3 3 * *")
    assert rebuild["parameters"]["properties"]["months"]["maximum"] == 60


ALWAYS = {"task_id", "task_name", "status", "ready", "successful", "state", "progress"}


def test_a_task_that_waits_is_pending(program: FlaskClient) -> None:
    task_id = ask(program)
    task = program.get(f"{TASKS}/{task_id}").json
    assert task == {
        "task_id": task_id,
        "task_name": "cleanup_old_route_history",
        "status": "PENDING",
        "ready": False,
        "successful": False,
        "state": "queued",
        "progress": None,
    }


def test_a_task_that_is_done_has_its_result(program: FlaskClient, perform: Perform) -> None:
    task_id = ask(program, retention_days=30)
    perform(task_id)
    task = program.get(f"{TASKS}/{task_id}").json
    assert set(task) == ALWAYS | {"result"}
    assert (task["status"], task["ready"], task["successful"], task["state"]) == ("SUCCESS", True, True, "finished")
    assert task["result"]["records_deleted"] == 0
    Task.model_validate(task)


def test_a_task_that_failed_has_its_error(program: FlaskClient, perform: Perform) -> None:
    task_id = ask(program, "rebuild-grid")
    with pytest.raises(Exception, match="no crimes"):
        perform(task_id)
    task = program.get(f"{TASKS}/{task_id}").json
    assert set(task) == ALWAYS | {"error"}
    assert (task["status"], task["ready"], task["successful"], task["state"]) == ("FAILURE", True, False, "failed")
    assert "no crimes" in task["error"]


def test_a_task_tells_how_far_it_is(program: FlaskClient, client: Client) -> None:
    task_id = ask(program)
    Reporter(client.redis, task_id)(5, 12, "2024-05")
    task = program.get(f"{TASKS}/{task_id}").json
    assert task["progress"] | {"rate": None} == {
        "done": 5,
        "total": 12,
        "note": "2024-05",
        "percent": 41,
        "rate": None,
    }


def test_a_task_can_be_cancelled_and_tried_again(program: FlaskClient) -> None:
    task_id = ask(program)
    cancelled = program.post(f"{TASKS}/{task_id}/cancel").json
    assert (cancelled["status"], cancelled["state"]) == ("FAILURE", "cancelled")
    assert cancelled["error"] == "Cancelled by api token"
    assert program.post(f"{TASKS}/{task_id}/cancel").status_code == 409
    assert program.post(f"{TASKS}/{task_id}/retry").json["status"] == "PENDING"


def test_the_latest_tasks_come_newest_first(program: FlaskClient) -> None:
    asked = [ask(program, retention_days=days) for days in (1, 2, 3)]
    program.post(f"{TASKS}/{asked[0]}/cancel")
    ask(program, "rebuild-grid")

    def listed(query: str) -> list[str]:
        answer = program.get(f"{TASKS}{query}")
        return [task.task_id for task in TaskList.model_validate(answer.json).tasks]

    assert listed("?job=cleanup-history") == asked[::-1]
    assert listed("?job=cleanup_old_route_history&limit=2") == asked[:0:-1]
    assert listed("?state=cancelled") == asked[:1]
    assert len(listed("")) == 4
