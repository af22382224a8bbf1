"""What a job works with, so that tests call it as a function; and a PostgreSQL with PostGIS, where one is installed."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, text

from jobs import cache, context, database
from jobs.context import Context
from tests.conftest import settings_at
from tests.servers import DebianPostgres, debian_postgres
from worker.engines import Endpoints
from worker.settings import Settings


@pytest.fixture
def here(settings: Settings, connection: Connection) -> Iterator[Context]:
    """The context that every job finds when the test calls it. Its settings may be replaced."""
    store = cache.connect(settings)
    with context.use(Context(settings, connection, store)) as here:
        yield here
    store.close()


@pytest.fixture(scope="session")
def debian() -> Iterator[DebianPostgres]:
    """A Debian PostgreSQL with PostGIS."""
    with debian_postgres() as server:
        yield server


@pytest.fixture
def postgis(debian: DebianPostgres, engine_endpoints: Endpoints) -> Iterator[Settings]:
    """Settings of an empty database, without our tables, in which PostGIS can be created."""
    engine = database.create(settings_at(debian.url(), engine_endpoints.redis_url))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CREATE DATABASE with_shapes"))
        yield settings_at(debian.url("with_shapes"), engine_endpoints.redis_url)
        connection.execute(text("DROP DATABASE with_shapes WITH (FORCE)"))
    engine.dispose()
