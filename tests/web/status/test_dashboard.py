"""rq-dashboard, to look at only."""

import re
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from rq import Queue, SimpleWorker
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer

from tests.web.conftest import MakeApp, csrf_token, sign_in
from worker.client import Client

BAD = "<img src=x onerror=alert(1)>"


def answer() -> dict[str, str]:
    return {"text": BAD}


def fail() -> None:
    raise ValueError(BAD)


@pytest.fixture
def rq_jobs(client: Client) -> dict[str, Job]:
    """A job of RQ in each state that ours can have."""
    queue = Queue("maintenance", connection=client.redis, serializer=JSONSerializer)
    done = {"finished": queue.enqueue(answer), "failed": queue.enqueue(fail)}
    SimpleWorker([queue], connection=client.redis, serializer=JSONSerializer).work(burst=True, logging_level="CRITICAL")
    waiting = {"queued": queue.enqueue(answer), "started": queue.enqueue(answer, description=f"answer({BAD})")}
    with client.redis.pipeline() as pipeline:
        queue.remove(waiting["started"], pipeline=pipeline)
        waiting["started"].prepare_for_execution("a-worker", pipeline)
        Execution.create(waiting["started"], ttl=60, pipeline=pipeline)
        pipeline.execute()
    return done | waiting


def test_jobs_of_every_state_are_shown(browser: FlaskClient, rq_jobs: dict[str, Job]) -> None:
    for state, job in rq_jobs.items():
        listed = browser.get(f"/rq/0/data/jobs/maintenance/{state}/8/asc/1.json")
        assert [one["id"] for one in listed.json["jobs"]] == [job.id]
        info = browser.get(f"/rq/0/data/job/{job.id}.json")
        assert (info.status_code, info.json["status"]) == (200, state)
        assert browser.get(f"/rq/0/view/job/{job.id}").status_code == 200
        assert browser.get(f"/rq/0/view/jobs/maintenance/{state}/8/asc/1").status_code == 200
    for page in ("", "0/view/workers", "0/view/jobs", "0/data/queues.json", "0/data/workers.json"):
        assert browser.get(f"/rq/{page}").status_code == 200
    # Its templates write what these answer into the page as it is.
    for job in rq_jobs.values():
        assert "<img" not in browser.get(f"/rq/0/data/job/{job.id}.json").text
    told: Any = browser.get(f"/rq/0/data/job/{rq_jobs['finished'].id}.json").json
    assert told["result"]["text"] == "&lt;img src=x onerror=alert(1)&gt;"


def test_nothing_can_be_changed(app: APIFlask, browser: FlaskClient, client: Client, rq_jobs: dict[str, Job]) -> None:
    token = {"X-CSRFToken": csrf_token(browser)}
    failed = rq_jobs["failed"].id
    assert browser.get("/rq/requeue/maintenance").status_code == 403
    for path in (
        "/rq/requeue/maintenance",
        f"/rq/job/{failed}/delete",
        f"/rq/job/{failed}/requeue",
        "/rq/queue/maintenance/queued/empty",
        "/rq/queue/maintenance/failed/empty",
        "/rq/queue/maintenance/compact",
    ):
        assert browser.post(path, headers=token).status_code == 403, path
    assert rq_jobs["failed"].get_status() == "failed"
    assert rq_jobs["queued"].get_status() == "queued"


def test_every_route_that_takes_a_post_is_refused(app: APIFlask, browser: FlaskClient) -> None:
    token = {"X-CSRFToken": csrf_token(browser)}
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/rq/") and "POST" in rule.methods]
    assert len(rules) >= 5
    for rule in rules:
        with app.test_request_context():
            path = app.url_for(rule.endpoint, **dict.fromkeys(rule.arguments, "x"))
        assert browser.post(path, headers=token).status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/rq/0/view/job/nothing",
        "/rq/0/data/job/nothing.json",
        "/rq/1/",
        "/rq/1/data/queues.json",
        "/rq/0/view/jobs/maintenance/nothing/8/asc/1",
        "/rq/0/data/jobs/maintenance/nothing/8/asc/1.json",
        "/rq/0/data/jobs/maintenance/queued/x/asc/1.json",
        "/rq/0/data/jobs/maintenance/queued/0/asc/1.json",
        "/rq/0/data/jobs/maintenance/queued/8/asc/0.json",
        "/rq/0/data/jobs/maintenance/queued/8/up/1.json",
        "/rq/0/data/jobs/maintenance/queued/8/asc/99999999999999999999.json",
        "/rq/0/data/jobs/maintenance/queued/99999999999999999999/asc/1.json",
        "/rq/0/data/jobs/maintenance/queued/8/asc/\u0661.json",
    ],
)
def test_what_is_not_there_is_404(browser: FlaskClient, path: str) -> None:
    assert browser.get(path).status_code == 404


def test_its_policy_is_its_own_and_only_there(browser: FlaskClient) -> None:
    policy = browser.get("/rq/").headers["Content-Security-Policy"]
    assert "'unsafe-eval'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in browser.get("/").headers["Content-Security-Policy"]


def test_only_scripts_of_this_very_response_run(browser: FlaskClient) -> None:
    nonces = set()
    for page in ("/rq/", "/rq/0/view/workers"):
        shown = browser.get(page)
        (nonce,) = set(re.findall("'nonce-([^']+)'", shown.headers["Content-Security-Policy"]))
        found = re.findall("<script[^>]*>", shown.text)
        assert len(found) > 5
        assert all(f'nonce="{nonce}"' in script for script in found)
        nonces.add(nonce)
    assert len(nonces) == 2
    assert not re.search("script-src[^;]*'unsafe-inline'", shown.headers["Content-Security-Policy"])


def test_it_can_be_switched_off(make_app: MakeApp) -> None:
    browser = make_app(rq_dashboard=False).test_client()
    assert sign_in(browser).status_code == 303
    for path in ("/rq", "/rq/", "/rq/0/data/queues.json", "/rq/static/js/jquery-3.5.1.min.js"):
        assert browser.get(path).status_code == 404, path
    assert "/rq" not in browser.get("/").text
