"""Databases of the two systems, filled, on a PostgreSQL with PostGIS."""

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from sqlalchemy import Connection, create_engine, make_url, text

from jobs import database
from tests.conftest import settings_at
from tests.gridded import Place, scattered
from tests.integration.moving import saferoute
from tests.servers import PROGRAMS, DebianPostgres
from worker import system
from worker.engines import Endpoints
from worker.settings import Settings

MONTHS = ("2024-01", "2024-02")
CRIMES = [Place(*one[:4], "On or near High Street") for month in MONTHS for one in scattered(month, 120)]


Copy = Callable[[str], contextlib.AbstractContextManager[Settings]]


@pytest.fixture(scope="session")
def copy(debian: DebianPostgres, engine_endpoints: Endpoints) -> Iterator[Copy]:
    """What makes a database from a template, for the length of a block."""
    engine = database.create(settings_at(debian.url(), engine_endpoints.redis_url))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:

        @contextlib.contextmanager
        def make(template: str) -> Iterator[Settings]:
            name = f"another_{uuid4().hex[:8]}"
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"))
            yield settings_at(debian.url(name), engine_endpoints.redis_url)
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))

        yield make
    engine.dispose()


@pytest.fixture(scope="session")
def saferoute_template(copy: Copy) -> Iterator[str]:
    """SafeRoute's database, filled."""
    with copy("template1") as settings:
        engine = create_engine(settings.database_url)
        with engine.connect() as connection:
            saferoute.fill(connection, CRIMES)
        engine.dispose()
        yield str(make_url(settings.database_url).database)


@pytest.fixture(scope="session")
def beside_template(copy: Copy, saferoute_template: str) -> Iterator[str]:
    """The same with our tables beside."""
    with copy(saferoute_template) as settings:
        system.migrate(settings)
        yield str(make_url(settings.database_url).database)


@pytest.fixture
def empty(copy: Copy) -> Iterator[Settings]:
    """Settings of an empty database."""
    with copy("template1") as settings:
        yield settings


@pytest.fixture
def another(copy: Copy, saferoute_template: str) -> Iterator[Settings]:
    """Settings of SafeRoute's database, without our tables."""
    with copy(saferoute_template) as settings:
        yield settings


@pytest.fixture
def beside(copy: Copy, beside_template: str) -> Iterator[Settings]:
    """Settings of SafeRoute's database, with our tables beside."""
    with copy(beside_template) as settings:
        yield settings


@pytest.fixture
def theirs(another: Settings) -> Iterator[Connection]:
    """SafeRoute's own connection to its database: as another application connects."""
    engine = create_engine(another.database_url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


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
