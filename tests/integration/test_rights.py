"""With the rights that the docs name, and no more, everything works. The test reads them from the docs."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from flask.testing import FlaskClient
from redis import Redis
from redis.exceptions import NoPermissionError
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from jobs import database
from tests.conftest import settings_at
from tests.docs.blocks import blocks
from tests.faults.house import EFFECTS
from tests.integration.crimes import MONTH, scattered
from tests.integration.warm import load_synthetic
from tests.processes import REQUESTER, run_command, safegrid, until
from tests.servers import DebianPostgres, valkey
from tests.standins.police import PoliceStandin, Records
from tests.standins.weather import WeatherStandin
from tests.web.conftest import ADMIN, BEARER, SECRETS, TASKS, csrf_token, plain_paths, sign_in
from web import create_app
from web.settings import Settings as WebSettings
from worker import system
from worker.client import Client
from worker.settings import Settings

PAGE = "docs/deploy.md"
ROLES = ("safegrid_owner", "safegrid")
# A month that is not kept where twelve are.
OLD = "2022-12"
# RQ asks for its own address by it, and does without.
REFUSED_TO_RQ = {"client|list"}


def documented(kind: str, beginning: str) -> str:
    """The one block of the page that begins so."""
    found = [one.text for one in blocks() if (one.file, one.kind) == (PAGE, kind) and one.text.startswith(beginning)]
    assert len(found) == 1, found
    return found[0]


@dataclass(frozen=True)
class Limited:
    """Settings of somebody with few rights, and what sees everything."""

    settings: Settings
    redis: Redis
    owner_url: str


@pytest.fixture
def limited(debian: DebianPostgres, tmp_path: Path) -> Iterator[Limited]:
    with valkey() as address, Redis.from_url(address, decode_responses=True) as redis:
        redis.execute_command(*documented("text", "ACL SETUSER").split())
        _make_database(debian)
        owner = debian.url("safegrid", "safegrid_owner")
        _migrate(settings_at(owner, address), tmp_path)
        user = address.replace("redis://", "redis://safegrid:PASSWORD@")
        try:
            yield Limited(settings_at(debian.url("safegrid", "safegrid"), user), redis, owner)
        finally:
            _as_superuser(debian, "postgres", "DROP DATABASE safegrid WITH (FORCE)", *(f"DROP ROLE {r}" for r in ROLES))


def _make_database(debian: DebianPostgres) -> None:
    roles = [f"CREATE ROLE {role} LOGIN" for role in ROLES]
    _as_superuser(debian, "postgres", *roles, "CREATE DATABASE safegrid OWNER safegrid_owner")
    _as_superuser(debian, "safegrid", documented("sql", "REVOKE"))


def _as_superuser(debian: DebianPostgres, name: str, *statements: str) -> None:
    connection = psycopg2.connect(host=str(debian.folder), port=debian.port, user="postgres", dbname=name)
    connection.autocommit = True
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    connection.close()


def _migrate(owner: Settings, folder: Path) -> None:
    system.migrate(owner)
    engine = database.create(owner)
    with engine.begin() as connection:
        connection.execute(text(EFFECTS))
        connection.execute(text(documented("sql", "-- as safegrid_owner")))
    with engine.connect() as connection:
        load_synthetic(connection, folder / "climbing")
    engine.dispose()


def test_everything_works_with_the_rights_that_are_documented(limited: Limited, tmp_path: Path) -> None:
    records = Records([*scattered(), *scattered(OLD)])
    with PoliceStandin(records, published=[MONTH, OLD]) as police, WeatherStandin() as weather:
        sources = {
            "police_api_base_url": police.url,
            "weather_forecast_url": weather.url,
            "weather_archive_url": weather.url,
        }
        settings = limited.settings.model_copy(update=sources)
        told = {f"SAFEGRID_WEATHER_{kind}_URL": weather.url for kind in ("FORECAST", "ARCHIVE")}
        with (
            safegrid(settings, "worker", log=tmp_path / "worker", **told),
            safegrid(settings, "scheduler", log=tmp_path / "scheduler"),
            Client(settings) as client,
        ):
            _do_runs(client)
            _cancel_one(client)
            until(lambda: limited.redis.zcard("rq:scheduler:scheduled_jobs"), "the scheduler shows its entries")
            _open_pages(settings, tmp_path)
            _ask_doctor(settings)
    refused = [entry for entry in limited.redis.acl_log() if entry["object"] not in REFUSED_TO_RQ]
    assert not refused, refused
    for log in ("worker", "scheduler"):
        assert "permission" not in (tmp_path / log).read_text()


def _do_runs(client: Client) -> None:
    asked: list[tuple[str, dict[str, Any]]] = [
        ("ingest_month_on_demand", {"year": 2024, "month": 1}),
        ("ingest_month_on_demand", {"year": 2022, "month": 12}),
        ("rebuild_safety_grid", {"months": 14, "force": True}),
        ("delete_old_crimes", {"keep_months": 12}),
        ("delete_old_runs", {}),
        ("cleanup_old_route_history", {}),
        ("validate_h3_grid_health", {}),
        ("warm_popular_routes_cache", {}),
        ("recell_crimes", {}),
        ("publish_grid_generation", {"generation": 1}),
        ("take_steps", {"steps": 3}),
    ]
    for name, parameters in asked:
        run_id = client.submit(name, parameters, REQUESTER).run_id
        run = client.wait(run_id, 120)
        assert run.state == "finished", (name, run.error)
    assert (client.progress(run_id) or {}).get("done") == 3


def _cancel_one(client: Client) -> None:
    run_id = client.submit("take_steps", {"steps": 40, "seconds": 0.3}, REQUESTER).run_id
    until(lambda: (client.progress(run_id) or {}).get("done"), "it is at work")
    client.cancel(run_id, "a test")
    assert client.wait(run_id, 60).state == "cancelled"


def _open_pages(settings: Settings, folder: Path) -> None:
    addresses = {"database_url": settings.database_url, "redis_url": settings.redis_url}
    sources = settings.model_dump(include={"weather_forecast_url", "weather_archive_url"})
    app = create_app(WebSettings(**{**addresses, **sources, **SECRETS, "home": folder}))
    browser = app.test_client()
    assert sign_in(browser).status_code == 303
    plain = plain_paths(app)
    data = "/rq/0/data/jobs/maintenance/finished/8/asc/1.json"
    for path in (*plain, data, "/rq/0/data/workers.json", "/rq/0/data/queues.json", "/scores/1"):
        answer = browser.get(path, buffered=True)
        assert answer.status_code in (200, 302, 303), (path, answer.status_code, answer.text)
    _change_things(browser, app.test_client(use_cookies=False))
    app.extensions["safegrid_client"].close()


def _change_things(browser: FlaskClient, program: FlaskClient) -> None:
    program.environ_base["HTTP_AUTHORIZATION"] = BEARER["Authorization"]
    form = {"csrf_token": csrf_token(browser, "/jobs/cleanup-history")}
    assert browser.post("/jobs/cleanup-history", data=form).status_code == 303
    assert program.post(f"{TASKS}/warm-cache", headers={"Idempotency-Key": "once"}).status_code == 202
    assert program.get("/api/v1/grid?resolution=8").status_code == 200
    assert program.get("/api/v1/grid/tiles/12/2032/1372.mvt").status_code in (200, 204)
    assert program.get("/api/v1/routes/1/safety").status_code == 200
    for act in ("pause", "purge", "resume"):
        assert program.post(f"{ADMIN}/queues/cache/{act}").status_code < 300, act


def _ask_doctor(settings: Settings) -> None:
    said = json.loads(run_command(settings, "doctor", "--json").stdout)
    assert not [one for one in said if "refused" in one["words"] or "reached" in one["words"]], said


@pytest.mark.parametrize(
    "command", [("FLUSHALL",), ("KEYS", "*"), ("CONFIG", "GET", "dir"), ("GET", "another"), ("PUBLISH", "another", "x")]
)
def test_the_redis_user_may_do_no_more(limited: Limited, command: tuple[str, ...]) -> None:
    with Redis.from_url(limited.settings.redis_url) as redis, pytest.raises(NoPermissionError):
        redis.execute_command(*command)


def test_the_role_may_do_no_more(limited: Limited) -> None:
    engine = database.create(limited.settings)
    audit = (
        "DELETE FROM audit",
        "UPDATE audit SET who = ''",
        "ALTER TABLE audit DISABLE TRIGGER ALL",
        "DROP TABLE audit",
    )
    for statement in ("DROP TABLE runs", "CREATE TABLE another (x int)", "TRUNCATE runs", *audit):
        with engine.connect() as connection, pytest.raises(ProgrammingError):
            connection.execute(text(statement))
    engine.dispose()
