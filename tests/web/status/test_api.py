"""The rest of the JSON API: each page's facts and deeds."""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from jobs import catalogue
from jobs.scores.days import DAYS, today
from tests.browser.scene import paint
from tests.integration.warm import load_synthetic
from tests.web.conftest import ADMIN, BEARER, TASKS, MakeApp, ask
from worker import occurrences
from worker.client import Client


def test_the_verdict_is_told(program: FlaskClient) -> None:
    told = program.get(f"{ADMIN}/health").json
    assert told["is_well"] is False
    assert told["findings"][0]["level"] == "bad"
    assert "`safegrid worker`" in told["findings"][0]["remedy"]


def test_the_schedule_is_told_and_changed(program: FlaskClient, client: Client) -> None:
    with client.engine.connect() as connection:
        occurrences.reconcile(connection, catalogue.load(), dt.datetime.now(dt.UTC))
    assert program.post(f"{ADMIN}/schedule/rebuild-grid/pause").json == {"changed": True}
    assert program.post(f"{ADMIN}/schedule/rebuild-grid/pause").json == {"changed": False}
    told = {one["job"]: one for one in program.get(f"{ADMIN}/schedule").json["cadences"]}
    assert told["rebuild_safety_grid"]["paused"] is True
    assert told["rebuild_safety_grid"]["cron"] == "0 3 3 * *"
    assert told["rebuild_safety_grid"]["next_due"]
    assert program.post(f"{ADMIN}/schedule/rebuild-grid/resume").json == {"changed": True}
    assert program.post(f"{ADMIN}/schedule/ingest-month/pause").status_code == 404


def test_queues_are_told_and_changed(program: FlaskClient) -> None:
    ask(program)
    program.post(f"{ADMIN}/queues/maintenance/pause")
    told = {one["name"]: one for one in program.get(f"{ADMIN}/queues").json["queues"]}
    assert (told["maintenance"]["waiting"], told["maintenance"]["paused_by"]) == (1, "api token")
    assert program.post(f"{ADMIN}/queues/maintenance/purge").json == {"cancelled": 1}
    assert program.post(f"{ADMIN}/queues/nothing/purge").status_code == 404


def test_how_long_queues_were_is_told(program: FlaskClient) -> None:
    ask(program)
    told = {one["name"]: one for one in program.get(f"{ADMIN}/queues").json["queues"]}
    assert len(told["maintenance"]["waited"]) == 96
    assert told["maintenance"]["waited"][-1] == 1
    assert told["cache"]["waited"][-1] == 0


def test_a_month_is_told_by_category(program: FlaskClient, client: Client) -> None:
    with client.engine.connect() as connection:
        paint(connection, dt.datetime(2024, 8, 20, 3, tzinfo=dt.UTC))
    told = program.get(f"{ADMIN}/data/2024-05").json
    assert told["month"] == "2024-05-01"
    first = told["categories"][0]
    assert (first["area"], first["category"], first["name"]) == (
        "southampton-core",
        "violent-crime",
        "Violence and sexual offences",
    )
    assert {one["area"] for one in told["tries"] if one["current"]} == {"southampton-core", "winchester"}
    assert program.get(f"{ADMIN}/data/2024-13").status_code == 404


def test_what_is_warm_is_told(program: FlaskClient, client: Client, tmp_path: Path) -> None:
    with client.engine.connect() as connection:
        load_synthetic(connection, tmp_path)
    score = {
        "route_id": 1,
        "target_date": str(today()),
        "risk_score": 12.5,
        "color_code": "green",
        "computed_at": "2024-01-01T00:00:00+00:00",
    }
    client.redis.set(f"safety_score:1:{today()}", json.dumps(score), ex=100)
    told = program.get(f"{ADMIN}/scores").json
    assert told["routes_held"] == told["routes_looked_up"] > 0
    assert told["redis"] is True
    days = {one["day"]: one for one in told["days"]}
    assert len(days) == DAYS
    assert (days[str(today())]["held"], days[str(today())]["wanted"]) == (1, told["routes_kept_warm"])
    assert 0 < days[str(today())]["shortest_s"] <= 100


def test_workers_and_data_are_told(program: FlaskClient) -> None:
    assert program.get(f"{ADMIN}/workers").json == {"workers": [], "schedulers": 0}
    told = program.get(f"{ADMIN}/data").json
    assert told["areas"] == ["southampton-core"]
    assert (told["newest_held"], told["months"]) == (None, [])


def test_tasks_come_in_pages(program: FlaskClient) -> None:
    asked = [ask(program, retention_days=days) for days in range(1, 6)][::-1]
    seen, before = [], ""
    while before is not None:
        page = program.get(TASKS, query_string={"limit": 2, "before": before}).json
        seen += [one["task_id"] for one in page["tasks"]]
        before = page["next"]
    assert seen == asked
    assert program.get(f"{TASKS}?before=x").status_code == 422


def test_a_key_used_twice_is_one_task_even_after_it_ended(program: FlaskClient) -> None:
    def send(key: str, days: int = 30) -> tuple[int, str]:
        answer = program.post(
            f"{TASKS}/cleanup-history", json={"retention_days": days}, headers={"Idempotency-Key": key}
        )
        return answer.status_code, answer.json.get("task_id", answer.json.get("detail"))

    first = send("one")
    program.post(f"{TASKS}/{first[1]}/cancel")
    assert send("one") == first
    assert [one["task_id"] for one in program.get(TASKS).json["tasks"]] == [first[1]]
    assert send("two")[1] != first[1]
    status, detail = send("one", days=31)
    assert status == 422
    assert "another request" in detail
    assert send("x" * 256)[0] == 422


def test_keys_are_kept_for_a_day_and_apart_for_each_caller(program: FlaskClient, client: Client) -> None:
    program.post(f"{TASKS}/cleanup-history", headers={"Idempotency-Key": "one"})
    (name,) = client.redis.scan_iter("safegrid:idempotency:*")
    assert 86_000 < client.redis.ttl(name) <= 86_400
    token = program.post(f"{ADMIN}/tokens", json={"name": "other", "role": "operator"}).json["token"]
    headers = {"Idempotency-Key": "one", "Authorization": f"Bearer {token}"}
    answer = program.post(f"{TASKS}/cleanup-history", json={"retention_days": 7}, headers=headers)
    assert answer.status_code == 202


def test_redis_away_a_key_does_no_harm(make_app: MakeApp) -> None:
    program = make_app(redis_url="redis://127.0.0.1:9/0").test_client()
    headers = {**BEARER, "Idempotency-Key": "one"}
    first, second = (program.post(f"{TASKS}/cleanup-history", headers=headers) for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json["task_id"] == second.json["task_id"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_the_platform_may_ask_without_a_sign_in(visitor: FlaskClient, path: str) -> None:
    assert visitor.get(path).json == {"status": "ok"}


def test_old_tables_are_not_ready(visitor: FlaskClient, client: Client) -> None:
    with client.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    answer = visitor.get("/readyz")
    assert answer.status_code == 503
    assert "safegrid migrate" in answer.json["detail"]
    assert visitor.get("/healthz").status_code == 200


def test_tasks_are_found_as_the_page_finds_runs(program: FlaskClient) -> None:
    one, other = ask(program, retention_days=31), ask(program, retention_days=32)

    def found(**query: str) -> list[str]:
        return [task["task_id"] for task in program.get(TASKS, query_string=query).json["tasks"]]

    assert found(q='days": 31') == [one]
    assert found(queue="maintenance", by="api token") == [other, one]
    assert found(queue="cache") == found(by="nobody") == []
    assert found(**{"from": "2020-01-01T00:00:00Z", "to": "2020-02-01T00:00:00+01:00"}) == []
    assert found(**{"from": "2020-01-01T00:00:00Z"}) == [other, one]


@pytest.mark.parametrize("query", ["from=2024-05-01", "to=0.5", "to=noon", "q=%00", "queue=%00"])
def test_what_tasks_cannot_be_found_by_is_refused(program: FlaskClient, query: str) -> None:
    answer = program.get(f"{TASKS}?{query}")
    assert answer.status_code == 422
    assert query.partition("=")[0] in answer.json["errors"]


def test_how_a_task_went_is_told(program: FlaskClient, perform: Callable[[str], Any]) -> None:
    task = ask(program, retention_days=31)
    perform(task)
    told = program.get(f"{TASKS}/{task}/history").json
    assert (told["task"]["task_id"], told["task"]["parameters"]) == (task, {"retention_days": 31, "dry_run": False})
    assert [(one["number"], one["outcome"]) for one in told["attempts"]] == [(1, "finished")]
    assert [(one["task_id"], one["depth"]) for one in told["chain"]] == [(task, 0)]
    assert program.get(f"{TASKS}/nothing/history").status_code == 404
