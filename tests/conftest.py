"""Real engines for every test that wants them: a PostgreSQL and a Valkey per process of tests, a database per test."""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import hypothesis
import pytest
import structlog
from redis import Redis
from sqlalchemy import Connection, Engine, make_url, text

import jobs.settings
from jobs import areas, catalogue, database, schema
from jobs.coverage import cells
from jobs.held import land
from worker import engines
from worker.engines import Endpoints
from worker.settings import Settings

SHARED = Path(__file__).parents[2] / "shared"
TEMPLATE = "safegrid_template"
# A busy machine is no reason to fail.
hypothesis.settings.register_profile("patient", deadline=None, max_examples=50)
hypothesis.settings.load_profile("patient")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long ones: nobody waits for one that began last."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_xdist_auto_num_workers() -> int:
    """For `-n auto`: two share a core, as half of their time is waiting. Each has engines and a browser of its own."""
    return min(2 * (os.cpu_count() or 1), 8)


def needs(thing: str, there: bool) -> None:
    """Skip by name of what is missing; in CI nothing may be missing."""
    if there:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"{thing} is missing, and CI=true allows no skip")
    pytest.skip(f"{thing} is missing")


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    engines = ("DATABASE_URL", "REDIS_URL", "QUEUE_REDIS_URL", "CELERY_BROKER_URL")
    for name in (*engines, "APP_ENV", "POLICE_API_BASE_URL", "PORT"):
        monkeypatch.delenv(name, raising=False)
    for kind in (jobs.settings.Settings, Settings):
        monkeypatch.setitem(kind.model_config, "env_file", None)


@pytest.fixture(autouse=True)
def _results_are_as_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    """In whichever test a job ends."""

    def refuse(job: str, problems: Mapping[str, str]) -> None:
        raise AssertionError(f"The result of {job} is not as declared: {problems}")

    monkeypatch.setattr(catalogue, "_warn", refuse)


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """A command called within a test sends all lines elsewhere, and a run leaves its id for the lines after it."""
    root, configured = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.contextvars.clear_contextvars()
    structlog.configure(**configured)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(scope="session")
def engine_endpoints() -> Iterator[Endpoints]:
    with engines.temporary() as endpoints:
        yield endpoints


def settings_at(database_url: str, redis_url: str, **values: object) -> Settings:
    """Settings for these engines, with waits as short as tests want them."""
    quick = {"retry_wait_s": 0.01, "sweep_interval_s": 0.2, "police_rate": 0}
    return Settings(**{"database_url": database_url, "redis_url": redis_url, **quick, **values})  # type: ignore[arg-type]


def with_database(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def administration(engine_endpoints: Endpoints) -> Iterator[Connection]:
    settings = settings_at(engine_endpoints.database_url, engine_endpoints.redis_url)
    engine = database.create(settings)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        yield connection
    engine.dispose()


@pytest.fixture(scope="session")
def template(administration: Connection, engine_endpoints: Endpoints) -> str:
    """A database with our tables and the first area, of which every test gets a copy."""
    administration.execute(text(f"CREATE DATABASE {TEMPLATE}"))
    settings = settings_at(with_database(engine_endpoints.database_url, TEMPLATE), engine_endpoints.redis_url)
    engine = database.create(settings)
    with engine.connect() as connection:
        schema.migrate(connection)
        with connection.begin():
            land.ensure_default(connection, settings)
            _locate(connection)
    engine.dispose()
    return TEMPLATE


def _locate(connection: Connection) -> None:
    """The source was asked whose land the first area is, so that no test's ingestion asks for it by the way."""
    (area,) = areas.all_areas(connection)
    for cell in cells.unlocated(connection, area):
        cells.keep(connection, cell, "hampshire")


@contextmanager
def empty_safegrid(administration: Connection, template: str, engine_endpoints: Endpoints) -> Iterator[Settings]:
    """Settings of a Safegrid that nothing is in."""
    name = f"test_{uuid4().hex[:12]}"
    administration.execute(text(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"))
    with Redis.from_url(engine_endpoints.redis_url) as redis:
        redis.flushall()
    yield settings_at(with_database(engine_endpoints.database_url, name), engine_endpoints.redis_url)
    administration.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def settings(administration: Connection, template: str, engine_endpoints: Endpoints) -> Iterator[Settings]:
    """Settings of an empty Safegrid of the test's own."""
    with empty_safegrid(administration, template, engine_endpoints) as settings:
        yield settings


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    engine = database.create(settings)
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        yield connection
