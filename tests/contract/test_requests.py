"""The requests of the documents, as they stand there: paths, parameters, defaults and answers."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from jobs import catalogue
from tests.contract import documents
from tests.web.conftest import BEARER, SECRETS
from web import create_app
from web.settings import Settings as WebSettings
from worker.settings import Settings

# heading of the task in the document: its parameters and their defaults
TASKS: dict[str, tuple[str, dict[str, Any]]] = {
    "Ingest Latest Crime Data": ("ingest_latest_crime_data", {}),
    "Rebuild H3 Safety Grid": ("rebuild_safety_grid", {"months": 12}),
    "Cleanup Old Route History": ("cleanup_old_route_history", {"retention_days": 90}),
    "Ingest Month On-Demand": ("ingest_month_on_demand", {}),
    "Validate H3 Grid Health": ("validate_h3_grid_health", {}),
}
SCHEDULES = {
    "2nd of each month at 2:00 AM UTC": "0 2 2 * *",
    "3rd of each month at 3:00 AM UTC": "0 3 3 * *",
    "Every Sunday at 4:00 AM UTC": "0 4 * * 0",
}


@pytest.fixture
def program(settings: Settings, tmp_path: Any) -> Iterator[FlaskClient]:
    given = {"database_url": settings.database_url, "redis_url": settings.redis_url, "home": tmp_path}
    app = create_app(WebSettings(**{**given, **SECRETS}))
    client = app.test_client(use_cookies=False)
    client.environ_base["HTTP_AUTHORIZATION"] = BEARER["Authorization"]
    yield client
    app.extensions["safegrid_client"].close()


def curls() -> list[list[str]]:
    return [words for words in documents.shell_commands(documents.read("saferoute")) if words[0] == "curl"]


def test_every_request_of_the_document_is_taken(program: FlaskClient) -> None:
    asked = curls()
    assert len(asked) >= 6
    for words in asked:
        address = urlsplit(next(word for word in words if word.startswith("http")))
        body = json.loads(words[words.index("-d") + 1]) if "-d" in words else None
        answer = (
            program.post(f"{address.path}?{address.query}", json=body)
            if body
            else program.post(f"{address.path}?{address.query}")
        )
        assert answer.status_code == 202, (words, answer.text)
        told = answer.json
        assert told.keys() == {"task_id", "task_name", "status", "message"}
        assert told["status"] == "submitted"
        seen = program.get(f"/api/v1/admin/tasks/{told['task_id']}").json
        assert {"task_id", "task_name", "status", "ready", "successful"} <= seen.keys()


def test_every_task_has_the_name_queue_schedule_and_parameters_of_the_document() -> None:
    sections = documents.sections(documents.read("saferoute"))
    assert sections.keys() == TASKS.keys()
    for heading, (name, defaults) in TASKS.items():
        job, text = catalogue.find(name), sections[heading]
        assert f"app.tasks.ingestion_tasks.{job.name}`" in text
        named = set(re.findall(r"^- `(\w+)` \(int\)", text, re.M))
        assert named <= set(job.parameters.model_fields)
        assert {parameter: job.parameters.model_fields[parameter].default for parameter in defaults} == defaults
        assert all(
            f"`{parameter}` (int)" in text and f"default: {value})" in text for parameter, value in defaults.items()
        )
        if queue := re.search(r"\*\*Queue:\*\* `(\w+)`", text):
            assert job.queue == queue[1]
        said = re.search(r"\*\*Schedule:\*\* (.+)", text)
        assert said
        assert job.cron == SCHEDULES.get(said[1].strip())


def test_warming_has_the_name_schedule_and_extent_of_the_document() -> None:
    text = documents.read("safeascent")
    job = catalogue.find("warm_popular_routes_cache")
    assert f"app.tasks.cache_warming.{job.name}`" in text
    assert (job.queue, job.cron) == ("cache", "0 */6 * * *")
    assert "(at 00:00, 06:00, 12:00, 18:00 UTC)" in text
    assert "Top 200 routes" in text
    assert Settings().warm_routes == 200


def test_workers_have_the_limits_of_the_document() -> None:
    text = documents.read("saferoute")
    engines = {"database_url": "postgresql://u:p@h/d", "redis_url": "redis://h"}
    development, production = Settings(**engines), Settings(app_env="production", **engines)
    assert "**Autoscale**: 1-4 (dev) / 2-8 (prod)" in text
    assert (development.workers[1], production.workers) == (4, (2, 8))
    assert "**Max tasks per child**: 50 (dev) / 100 (prod)" in text
    assert (development.jobs_per_worker, production.jobs_per_worker) == (50, 100)
    assert "(3600s)" in text
    assert "(3300s)" in text
    assert {
        (job.soft_limit_s, job.hard_limit_s) for name, job in catalogue.load().items() if not name.startswith("_")
    } >= {(3300, 3600)}
