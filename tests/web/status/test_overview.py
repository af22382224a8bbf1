"""The first page: is all well, and what to do if not."""

import datetime as dt
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from rq import Worker
from rq.serializers import JSONSerializer

from tests.web.conftest import MakeApp, csrf_token, sign_in
from tests.web.jobs.test_pages import send
from web.data.store import SourceState
from web.scores.store import Warming
from web.status import verdict
from web.status.verdict import Seen
from worker.client import Client
from worker.overview import QueueState

NOW = dt.datetime(2024, 8, 1, 3, tzinfo=dt.UTC)


class Row:
    """A row of a query."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


def well(**values: Any) -> Seen:
    """All as it should be, but for `values`."""
    month = dt.date(2024, 5, 1)
    fine: dict[str, Any] = {
        "workers": {"ingestion": 1, "maintenance": 1, "cache": 1},
        "schedulers": 1,
        "queues": [QueueState(name) for name in ("ingestion", "maintenance", "cache")],
        "cadences": {"rebuild_safety_grid": Row(next_due=NOW + dt.timedelta(days=2), paused=False)},
        "last": {"rebuild_safety_grid": Row(id="x", state="finished", ended_at=NOW, error=None)},
        "newest_held": month,
        "source": SourceState(month, (), NOW, "healthy"),
        "warming": Warming("x", NOW, "success", 1400, 0, 100),
    }
    return Seen(NOW, **{**fine, **values})


def test_nothing_wrong_is_nothing_said() -> None:
    assert verdict.findings(well()) == []


@pytest.mark.parametrize(
    ("wrong", "level", "text", "remedy"),
    [
        ({"postgresql": False}, "bad", "PostgreSQL does not answer", "Start PostgreSQL"),
        ({"redis": False, "workers": None}, "bad", "Redis does not answer", "Start Redis"),
        ({"workers": {}}, "bad", "No worker is running.", "`safegrid worker`"),
        (
            {"workers": {}, "queues": [QueueState("cache", waiting=3)]},
            "bad",
            "No worker is running; 3 runs waiting.",
            "`safegrid worker`",
        ),
        ({"workers": {"ingestion": 1, "maintenance": 1}}, "warn", "cache has no worker", "`safegrid worker cache`"),
        ({"queues": [QueueState("cache", waiting=1, oldest_s=1800)]}, "bad", "waits for 30 min", "start them again"),
        ({"schedulers": 0}, "warn", "No scheduler is running", "`safegrid scheduler`"),
        (
            {"cadences": {"rebuild_safety_grid": Row(next_due=NOW - dt.timedelta(minutes=3), paused=False)}},
            "bad",
            "Rebuild safety grid is overdue",
            "`safegrid scheduler`",
        ),
        (
            {"last": {"rebuild_safety_grid": Row(id="x", state="failed", ended_at=NOW, error="it broke")}},
            "bad",
            "Rebuild safety grid failed now: it broke",
            "retry it",
        ),
        ({"newest_held": None}, "warn", "No crimes are held yet", "Bring them in"),
        ({"source": None}, "warn", "Nobody has asked yet", "checked"),
        (
            {"source": SourceState(dt.date(2024, 6, 1), (dt.date(2024, 6, 1),), NOW, "degraded")},
            "warn",
            "Published and not held: 2024-06.",
            "Bring them in",
        ),
        (
            {"source": SourceState(dt.date(2024, 5, 1), (), NOW, "degraded", ("9 cells are wrong",), "x")},
            "bad",
            "9 cells are wrong",
            "check again",
        ),
        (
            {"warming": Warming("x", NOW, "degraded", 1400, 0, 1200)},
            "warn",
            "1,200 of 1,400 route scores were computed without weather now",
            "log of its run",
        ),
        ({"queues": [QueueState("cache", paused_by="night-shift")]}, "warn", "paused by night-shift", "Resume"),
        (
            {"cadences": {"rebuild_safety_grid": Row(next_due=NOW, paused=True)}},
            "warn",
            "Paused in the schedule: Rebuild safety grid",
            "Resume",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_remedy(wrong: dict[str, Any], level: str, text: str, remedy: str) -> None:
    (found,) = verdict.findings(well(**wrong))
    assert found.level == level
    assert text in found.text
    assert remedy in found.remedy


def test_the_worst_comes_first() -> None:
    found = verdict.findings(well(newest_held=None, workers={}))
    assert [one.level for one in found] == ["bad", "warn"]


def test_the_page_leads_with_the_verdict(browser: FlaskClient) -> None:
    page = browser.get("/").text
    assert re.search(r'class="verdict bad".*?No worker is running', page, re.DOTALL)
    assert "<code>safegrid worker</code>" in page
    assert "No crimes are held yet" in page
    assert 'href="/jobs/ingest-latest"' in page


def test_workers_that_are_there_are_counted(browser: FlaskClient, client: Client) -> None:
    workers = [
        Worker([name], connection=client.redis, serializer=JSONSerializer)
        for name in ("ingestion", "maintenance", "cache")
    ]
    for worker in workers:
        worker.register_birth()
    page = browser.get("/").text
    assert "No worker is running" not in page
    assert page.count("<dd>1 worker</dd>") == 3
    for worker in workers:
        worker.register_death()


def test_a_database_that_is_away_is_said_first(make_app: MakeApp) -> None:
    browser = make_app(database_url="postgresql://somebody:secret@127.0.0.1:9/nothing").test_client()
    assert sign_in(browser).status_code == 303
    page = browser.get("/")
    assert page.status_code == 503
    assert "PostgreSQL does not answer" in page.text
    assert "DATABASE_URL" in page.text
    assert browser.get("/live").headers["X-Open"] == "0"


def test_redis_that_is_away_is_said(make_app: MakeApp) -> None:
    browser = make_app(redis_url="redis://127.0.0.1:9/0").test_client()
    sign_in(browser)
    page = browser.get("/")
    assert page.status_code == 200
    assert "Redis does not answer" in page.text


def test_a_job_that_failed_is_said_until_it_succeeds(browser: FlaskClient, client: Client, perform: Any) -> None:
    run = send(browser, "rebuild-grid").location
    with pytest.raises(Exception, match="no crimes"):
        perform(run.removeprefix("/runs/"))
    page = browser.get("/").text
    assert "Rebuild safety grid failed" in page
    assert "There are no crimes" in page
    assert f'href="{run}">Its run</a>' in page
    assert "Failed since yesterday" in page


def test_without_runs_the_page_says_what_to_do(browser: FlaskClient) -> None:
    assert "No runs yet" in browser.get("/").text


def test_the_last_runs_are_listed_in_words(browser: FlaskClient) -> None:
    run = send(browser, "cleanup-history", retention_days="30").location
    page = browser.get("/").text
    assert f'href="{run}">Cleanup old route history</a>' in page
    assert "retention_days=30" in page
    assert re.search(r'class="state queued"><svg.*?</svg>queued', page)
    assert '<time datetime="' in page


def test_the_live_part_says_whether_more_will_come(browser: FlaskClient) -> None:
    assert browser.get("/live").headers["X-Open"] == "0"
    run = send(browser, "cleanup-history").location
    live = browser.get("/live")
    assert live.headers["X-Open"] == "1"
    assert "<html" not in live.text
    assert 'content="10"' in browser.get("/").text
    browser.post(f"{run}/cancel", data={"csrf_token": csrf_token(browser)})
    assert browser.get("/live").headers["X-Open"] == "0"
    assert 'content="60"' in browser.get("/").text
