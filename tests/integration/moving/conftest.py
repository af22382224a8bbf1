"""Databases of the two systems, filled, on a PostgreSQL with PostGIS."""

import subprocess
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from sqlalchemy import Connection, Engine, create_engine, make_url, text

from jobs import database
from tests.conftest import settings_at
from tests.gridded import Place, scattered
from tests.integration.moving import saferoute
from tests.servers import PROGRAMS, DebianPostgres
from worker.engines import Endpoints
from worker.settings import Settings

MONTHS = ("2024-01", "2024-02")
CRIMES = [Place(*one[:4], "On or near High Street") for month in MONTHS for one in scattered(month, 120)]


@pytest.fixture
def another(debian: DebianPostgres, engine_endpoints: Endpoints) -> Iterator[Settings]:
    """Settings of an empty database."""
    name = f"another_{uuid4().hex[:8]}"
    engine = database.create(settings_at(debian.url(), engine_endpoints.redis_url))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        yield settings_at(debian.url(name), engine_endpoints.redis_url)
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture
def theirs(another: Settings) -> Iterator[Connection]:
    """SafeRoute's own connection to its database, which is filled."""
    engine = _plain(another)
    with engine.connect() as connection:
        saferoute.fill(connection, CRIMES)
        yield connection
    engine.dispose()


def _plain(settings: Settings) -> Engine:
    """As another application connects."""
    return create_engine(settings.database_url)


@pytest.fixture
def dump(debian: DebianPostgres, another: Settings) -> Callable[[], list[str]]:
    """What makes a dump of the schema `public`: every table, index, right and row."""

    def make() -> list[str]:
        name = make_url(another.database_url).database
        where = ["-h", str(debian.folder), "-p", str(debian.port), "-U", "postgres", "-n", "public", str(name)]
        done = subprocess.run([PROGRAMS / "pg_dump", *where], capture_output=True, text=True, check=True)
        # Each dump has a word of its own, against statements within its data.
        return [line for line in done.stdout.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]

    return make
