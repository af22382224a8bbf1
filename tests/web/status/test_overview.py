"""The first page: is all well, and what to do if not."""

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from flask.testing import FlaskClient
from rq import Worker
from rq.serializers import JSONSerializer

from jobs import catalogue
from tests.browser.scene import paint
from tests.integration.crimes import change
from tests.integration.findings.looking import look_again
from tests.integration.transitions import put
from tests.web.conftest import MakeApp, csrf_token, sign_in
from tests.web.jobs.test_pages import send
from worker import pauses, pulses
from worker.client import Client


@contextmanager
def at_work(client: Client) -> Iterator[None]:
    """A worker of each queue and a scheduler are there."""
    with ExitStack() as gone:
        for name in catalogue.queues():
            worker = Worker([name], connection=client.redis, serializer=JSONSerializer)
            worker.register_birth()
            gone.callback(worker.register_death)
        with client.engine.connect() as connection:
            pulses.beat(connection, "scheduler")
        yield


def look(browser: FlaskClient, client: Client) -> str:
    """The page, with everything looked at now."""
    with client.engine.connect() as connection:
        look_again(connection)
    return browser.get("/").text


def test_nothing_wrong_is_nothing_said(browser: FlaskClient, client: Client) -> None:
    with client.engine.connect() as connection:
        paint(connection, dt.datetime.now(dt.UTC))
        # Its months are made up, and what became of older runs is no matter here.
        change(connection, "UPDATE held_months SET fingerprint = ''")
        change(connection, "UPDATE grid_months SET fingerprint = ''")
        change(connection, "DELETE FROM grid_months WHERE month NOT IN (SELECT month FROM held_months)")
        change(connection, "DELETE FROM area_months WHERE area = 'winchester'")
        change(connection, "DELETE FROM areas WHERE slug = 'winchester'")
        change(connection, "DELETE FROM runs WHERE job = 'watch_for_release'")
        change(connection, "UPDATE runs SET acknowledged_by = 'somebody' WHERE state = 'failed'")
    with at_work(client):
        page = look(browser, client)
        assert "All is well." in page, re.findall(r'class="says">(.*?)<', page)
        assert "made good" not in page
        with client.engine.connect() as connection:
            pauses.pause(connection, "queue", "cache", "night-shift")
        assert re.search(r'class="verdict warn".*?The queue cache is paused since', look(browser, client), re.DOTALL)


def test_findings_without_number_are_counted(browser: FlaskClient, client: Client) -> None:
    with client.engine.connect() as connection:
        for number in range(200):
            put(connection, "failed", f"attempt = 1, error = 'fault {number}'", number=number)
    page = look(browser, client)
    assert page.count("do_nothing(number=") < 30
    assert re.search(r'href="/findings/">19\d more', page)
    everything = browser.get("/findings/").text
    assert all(f"fault {number}" in everything for number in range(200))


def test_the_page_leads_with_the_verdict(browser: FlaskClient) -> None:
    page = browser.get("/").text
    assert re.search(r'class="verdict bad".*?No worker is running', page, re.DOTALL)
    assert "<code>safegrid worker</code>" in page
    assert "No crimes are ingested yet" in page
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
    assert "PostgreSQL does not respond" in page.text
    assert "DATABASE_URL" in page.text
    assert browser.get("/live").headers["X-Open"] == "0"


def test_redis_that_is_away_is_said(make_app: MakeApp) -> None:
    browser = make_app(redis_url="redis://127.0.0.1:9/0").test_client()
    sign_in(browser)
    page = browser.get("/")
    assert page.status_code == 200
    assert "Redis (queues) does not respond" in page.text


def test_a_job_that_failed_is_said_until_it_succeeds(browser: FlaskClient, client: Client, perform: Any) -> None:
    run = send(browser, "rebuild-grid").location
    with pytest.raises(Exception, match="no crimes"):
        perform(run.removeprefix("/runs/"))
    page = browser.get("/").text
    assert "rebuild_safety_grid(months=12, force=no) failed" in page
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
