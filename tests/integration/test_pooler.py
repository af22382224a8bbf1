"""PgBouncer in transaction mode: the web and commands work behind it, and workers say that they do not."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import text

from jobs import database
from tests.conftest import settings_at
from tests.gridded import build, hold, scattered
from tests.integration.warm import load_synthetic
from tests.processes import run_command
from tests.servers import DebianPostgres, pgbouncer
from tests.standins.weather import WeatherStandin
from tests.web.conftest import ADMIN, BEARER, SECRETS, TASKS, csrf_token, plain_paths, sign_in
from web import create_app
from web.settings import Settings as WebSettings
from worker import performing, system
from worker.engines import Endpoints
from worker.settings import Settings

TILE = "/api/v1/grid/tiles/12/2032/1372.mvt"
# What says the same whoever asks, and whenever.
STEADY = ["/api/v1/grid?resolution=8", "/api/v1/routes", f"{ADMIN}/data", f"{ADMIN}/data/2024-02", f"{TASKS}"]
Url = Callable[[str], str]


@pytest.fixture(scope="module")
def pooled_url(debian: DebianPostgres) -> Iterator[Url]:
    with pgbouncer(debian) as url:
        yield url


@pytest.fixture
def direct(debian: DebianPostgres, engine_endpoints: Endpoints, tmp_path: Path) -> Iterator[Settings]:
    """Settings of PostgreSQL itself, with crimes, a grid and routes; its own time zone is far from UTC."""
    administration = database.create(settings_at(debian.url(), engine_endpoints.redis_url))
    with administration.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CREATE DATABASE pooled"))
        connection.execute(text("ALTER DATABASE pooled SET timezone = 'Pacific/Auckland'"))
        settings = settings_at(debian.url("pooled"), engine_endpoints.redis_url)
        with Redis.from_url(settings.redis_url) as redis:
            redis.flushall()
        _fill(settings, tmp_path)
        yield settings
        connection.execute(text("DROP DATABASE pooled WITH (FORCE)"))
    administration.dispose()


def _fill(settings: Settings, folder: Path) -> None:
    system.migrate(settings)
    engine = database.create(settings)
    with engine.connect() as connection:
        for month in ("2024-01", "2024-02"):
            hold(connection, month, scattered(month))
        build(connection)
        load_synthetic(connection, folder / "climbing")
    engine.dispose()


@pytest.fixture
def apps(direct: Settings, pooled_url: Url, tmp_path: Path) -> Iterator[tuple[APIFlask, APIFlask]]:
    """The same app behind the pooler, and not."""
    with WeatherStandin() as weather:
        made = []
        for address in (pooled_url("pooled"), direct.database_url):
            values = {"database_url": address, "redis_url": direct.redis_url, "home": tmp_path, **SECRETS}
            sources = {"weather_forecast_url": weather.url, "weather_archive_url": weather.url}
            made.append(create_app(WebSettings(**{**values, **sources})))
        yield made[0], made[1]
        for app in made:
            app.extensions["safegrid_client"].close()


@pytest.fixture
def program(apps: tuple[APIFlask, APIFlask]) -> FlaskClient:
    return _program(apps[0])


def _program(app: APIFlask) -> FlaskClient:
    program = app.test_client(use_cookies=False)
    program.environ_base["HTTP_AUTHORIZATION"] = BEARER["Authorization"]
    return program


def test_every_page_opens_and_forms_are_taken(apps: tuple[APIFlask, APIFlask], direct: Settings) -> None:
    browser = apps[0].test_client()
    assert sign_in(browser).status_code == 303
    asked = browser.post("/jobs/cleanup-history", data={"csrf_token": csrf_token(browser, "/jobs/cleanup-history")})
    assert asked.status_code == 303, asked.text
    run = asked.location
    plain = plain_paths(apps[0])
    assert len(plain) > 25
    for path in (*plain, run, f"{run}/live", "/data/2024-02", "/scores/1", "/jobs/rebuild-grid", "/runs/export.csv"):
        answer = browser.get(path, buffered=True)
        assert answer.status_code in (200, 302, 303), (path, answer.status_code, answer.text)


def test_a_run_is_asked_for_read_cancelled_and_retried(program: FlaskClient, direct: Settings) -> None:
    task = program.post(f"{TASKS}/cleanup-history", json={}).json["task_id"]
    performing.perform(direct, task, "a worker")
    done = program.get(f"{TASKS}/{task}").json
    assert (done["status"], done["result"]["task"]) == ("SUCCESS", "cleanup_old_route_history")
    other = program.post(f"{TASKS}/validate-grid-health", json={}).json["task_id"]
    assert program.post(f"{TASKS}/{other}/cancel").status_code == 200
    assert program.post(f"{TASKS}/{other}/retry").status_code in (200, 202)
    assert program.get(f"{TASKS}/{other}").json["status"] == "PENDING"


def test_times_and_numbers_are_those_of_a_direct_connection(apps: tuple[APIFlask, APIFlask]) -> None:
    pooled, direct = map(_program, apps)
    pooled.post(f"{TASKS}/cleanup-history", json={})
    for path in STEADY:
        seen, wanted = pooled.get(path), direct.get(path)
        assert (seen.status_code, wanted.status_code) == (200, 200), path
        assert seen.json == wanted.json, path
    assert "+00:00" in json.dumps(pooled.get(TASKS).json) or "Z" in json.dumps(pooled.get(TASKS).json)


def test_tiles_scores_metrics_and_health_are_served(program: FlaskClient) -> None:
    tile = program.get(TILE)
    assert tile.status_code == 200
    assert len(tile.data) > 100
    route = program.get("/api/v1/routes").json["routes"][0]["route_id"]
    score = program.get(f"/api/v1/routes/{route}/safety")
    assert score.status_code == 200, score.text
    assert "safegrid_" in program.get("/metrics").text
    assert program.get("/healthz").json == {"status": "ok"}
    assert program.get("/readyz").json == {"status": "ok"}


def test_many_at_once_share_two_sessions_and_mix_nothing_up(apps: tuple[APIFlask, APIFlask]) -> None:
    wanted = {path: _program(apps[1]).get(path).json for path in STEADY}

    def ask(number: int) -> tuple[str, Any]:
        path = STEADY[number % len(STEADY)]
        return path, _program(apps[0]).get(path).json

    with ThreadPoolExecutor(8) as threads:
        for path, seen in threads.map(ask, range(80)):
            assert seen == wanted[path], path


@pytest.mark.parametrize("ignored", ["extra_float_digits", "extra_float_digits,options"])
def test_workers_scheduler_and_migrate_say_that_they_need_postgresql_itself(
    direct: Settings, debian: DebianPostgres, ignored: str
) -> None:
    with pgbouncer(debian, ignore_startup_parameters=ignored) as url:
        pooled = direct.model_copy(update={"database_url": url("pooled")})
        for command in ("worker", "scheduler", "migrate"):
            done = run_command(pooled, command)
            assert done.returncode == 1, (command, done.stderr)
            assert "DATABASE_URL leads to a pooler" in done.stderr, command
            assert "Traceback" not in done.stderr
        with pytest.raises(database.PoolerRefused):
            performing.prepare(pooled)  # by which `rq worker -w worker.rq.SafegridWorker` begins
        found = json.loads(run_command(pooled, "doctor", "--json").stdout)
        accused = [one["words"] for one in found if one["what"] == "PostgreSQL" and not one["fine"]]
        assert "DATABASE_URL leads to a pooler" in accused[0]


def test_commands_that_hold_no_claim_work_behind_a_pooler(direct: Settings, pooled_url: Url) -> None:
    pooled = direct.model_copy(update={"database_url": pooled_url("pooled")})
    for command in (["run", "validate-grid-health"], ["runs"], ["schedule"], ["area", "list"], ["weights"]):
        done = run_command(pooled, *command)
        assert done.returncode == 0, (command, done.stderr)


def test_a_direct_connection_is_not_taken_for_a_pooler(direct: Settings) -> None:
    engine = database.create(direct)
    for _ in range(5):
        database.refuse_pooler(engine)
    engine.dispose()
