"""The page of queues and workers."""

import datetime as dt
from typing import Any

import pytest
from flask.testing import FlaskClient
from rq import Worker
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer
from sqlalchemy import func, update

from jobs.models.runs import Run
from tests.web.conftest import ADMIN, MakeApp, csrf_token, sign_in
from worker import overview
from worker.client import Client
from worker.ledger import Requester


def press(browser: FlaskClient, path: str, **form: str) -> Any:
    return browser.post(path, data={"csrf_token": csrf_token(browser), **form}, follow_redirects=True)


def asked(client: Client, days: int) -> str:
    return client.submit("cleanup_old_route_history", {"retention_days": days}, Requester("cli", "somebody")).run_id


def test_what_waits_and_what_is_at_work_is_counted(browser: FlaskClient, client: Client) -> None:
    for days in (1, 2, 3):
        asked(client, days)
    with client.engine.begin() as connection:
        connection.execute(
            update(Run)
            .where(Run.parameters["retention_days"].as_integer() == 1)
            .values(state="started", started_at=func.now())
        )
    page = browser.get("/queues/").text
    assert "<strong>2</strong> waiting" in page
    assert "<strong>1</strong> at work" in page
    assert "Runs waiting in maintenance over the last 24 hours: 2 now" in page
    assert "No worker is running" in page


def test_the_depth_of_a_day_is_that_of_the_ledger(client: Client) -> None:
    now = dt.datetime.now(dt.UTC)

    def at(hours: float) -> dt.datetime:
        return now - dt.timedelta(hours=24 - hours)

    # due, begun: with an hour a step, it waits at the end of every hour between.
    times = [(2.5, 5.5), (4.5, 5.2), (-3.0, 1.5), (20.5, None)]
    for days, (due, begun) in enumerate(times, 1):
        values: dict[str, Any] = {"created_at": at(due), "due_at": at(due)}
        if begun:
            values |= {"state": "finished", "started_at": at(begun), "ended_at": at(begun)}
        with client.engine.begin() as connection:
            connection.execute(update(Run).where(Run.id == asked(client, days)).values(values))
    with client.engine.connect() as connection:
        depths = overview.depths(connection, now, steps=24)
    expected = [1, 0, 1, 1, 2] + [0] * 15 + [1] * 4
    assert depths == {"ingestion": [0] * 24, "maintenance": expected, "cache": [0] * 24, "events": [0] * 24}


def test_a_worker_shows_what_it_does(browser: FlaskClient, client: Client) -> None:
    run_id = asked(client, 1)
    worker = Worker(["maintenance"], connection=client.redis, serializer=JSONSerializer)
    worker.register_birth()
    with client.redis.pipeline() as pipeline:
        job = Job.fetch(f"{run_id}_1", connection=client.redis, serializer=JSONSerializer)
        Execution.create(job, ttl=60, pipeline=pipeline, worker_name=worker.name)
        pipeline.execute()
    page = browser.get("/queues/").text
    assert f'href="/runs/{run_id}"' in page
    assert f":{worker.pid}<" in page
    worker.register_death()


def test_a_queue_is_paused_resumed_and_purged(browser: FlaskClient, client: Client) -> None:
    run_id = asked(client, 1)
    assert "paused by admin" in press(browser, "/queues/maintenance/pause").text
    assert "paused by" not in press(browser, "/queues/maintenance/resume").text
    assert "1 waiting run of maintenance cancelled" in press(browser, "/queues/maintenance/purge").text
    assert client.run(run_id).state == "cancelled"


@pytest.mark.parametrize("verb", ["pause", "resume", "purge"])
def test_an_unknown_queue_is_404(browser: FlaskClient, verb: str) -> None:
    assert press(browser, f"/queues/nothing/{verb}").status_code == 404


def test_without_redis_the_ledger_is_still_shown(make_app: MakeApp) -> None:
    browser = make_app(redis_url="redis://127.0.0.1:9/0").test_client()
    sign_in(browser)
    page = browser.get("/queues/")
    assert page.status_code == 200
    assert "Redis does not respond" in page.text


def test_workers_of_a_queue_are_chosen_on_its_page_and_by_programs(browser: FlaskClient, program: FlaskClient) -> None:
    def chosen() -> dict[str, int | None]:
        return {one["name"]: one["workers"] for one in program.get(f"{ADMIN}/queues").json["queues"]}

    assert "supervisor of cache will have 3 workers" in press(browser, "/queues/cache/workers", workers="3").text
    assert chosen() == {"ingestion": None, "maintenance": None, "cache": 3}
    assert program.put(f"{ADMIN}/queues/maintenance/workers", json={"workers": 2}).json == {"changed": True}
    press(browser, "/queues/cache/workers", workers="")
    assert chosen() == {"ingestion": None, "maintenance": 2, "cache": None}
    for wrong in ("0", "65", "many", "1.5"):
        assert press(browser, "/queues/cache/workers", workers=wrong).status_code == 422
    assert program.put(f"{ADMIN}/queues/cache/workers", json={"workers": 65}).status_code == 422
    assert program.put(f"{ADMIN}/queues/nothing/workers", json={"workers": 1}).status_code == 404


def test_what_ended_is_shown_over_time_and_by_job(browser: FlaskClient, program: FlaskClient, client: Client) -> None:
    now = dt.datetime.now(dt.UTC)
    ends = [
        ("finished", 0.5),
        ("finished", 0.6),
        ("failed", 2.5),
        ("finished", 30),
        ("cancelled", 0.5),
        ("failed", 900),
    ]
    for days, (state, hours) in enumerate(ends, 1):
        ended = now - dt.timedelta(hours=hours)
        run_id = asked(client, days)
        with client.engine.begin() as connection:
            values = {"state": state, "ended_at": ended, "created_at": ended}
            connection.execute(update(Run).where(Run.id == run_id).values(**values))
    day, month = (program.get(f"{ADMIN}/throughput", query_string={"days": days}).json for days in (1, 30))
    assert [(one["finished"], one["failed"]) for one in day["steps"][-4:]] == [(0, 0), (0, 1), (0, 0), (2, 0)]
    assert (len(day["steps"]), day["step_s"], day["jobs"][0]["failed"]) == (24, 3600, 1)
    assert [(one["finished"], one["failed"]) for one in month["steps"][-2:]] == [(1, 0), (2, 1)]
    page = browser.get("/queues/").text
    assert "Ended runs, at most 2 per hour: 2 finished and 1 failed in all" in page
    assert "<td>33 %</td>" in page
    assert "2 runs per hour" in page
    assert "Ended runs, at most 3 per day: 3 finished and 1 failed in all" in browser.get("/queues/?days=30").text
