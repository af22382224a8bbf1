"""What a job works with, so that tests call it as a function; and a PostgreSQL with PostGIS, where one is installed."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import tenacity
from sqlalchemy import Connection, text

from jobs import cache, context, database
from jobs.context import Context
from tests.conftest import needs, settings_at
from worker.engines import Endpoints
from worker.settings import Settings

POSTGIS_PACKAGE = "postgresql-15-postgis-3"
PROGRAMS = Path("/usr/lib/postgresql/15/bin")
EXTENSION = Path("/usr/share/postgresql/15/extension/postgis.control")


@pytest.fixture
def here(settings: Settings, connection: Connection) -> Iterator[Context]:
    """The context that every job finds when the test calls it. Its settings may be replaced."""
    store = cache.connect(settings)
    with context.use(Context(settings, connection, store)) as here:
        yield here
    store.close()


@pytest.fixture(scope="session")
def postgis_address() -> Iterator[str]:
    """URL of the database `postgres` in a Debian PostgreSQL with PostGIS, on a socket of its own."""
    needs(f"the package {POSTGIS_PACKAGE}", EXTENSION.exists() and (PROGRAMS / "initdb").exists())
    # PostgreSQL refuses to run as root.
    account: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": []}
    if os.geteuid() != 0:
        account = {}
    folder = Path(tempfile.mkdtemp(prefix="safegrid-postgis-"))
    if account:
        shutil.chown(folder, "postgres", "postgres")
    try:
        with _server(folder, account):
            yield f"postgresql+psycopg2://postgres@/postgres?host={folder}"
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def _server(folder: Path, account: dict[str, Any]) -> Iterator[None]:
    where, surroundings = ["-D", str(folder / "data")], {**account, "cwd": "/", "stdout": subprocess.DEVNULL}
    create = ["--username=postgres", "--auth=trust", "--no-sync"]
    subprocess.run([PROGRAMS / "initdb", *where, *create], check=True, **surroundings)
    options = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"]
    server = subprocess.Popen([PROGRAMS / "postgres", *where, *options], stderr=subprocess.DEVNULL, **surroundings)
    try:
        _wait_for(folder)
        yield
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()


@tenacity.retry(stop=tenacity.stop_after_delay(30), wait=tenacity.wait_fixed(0.05), reraise=True)
def _wait_for(folder: Path) -> None:
    psycopg2.connect(host=str(folder), user="postgres", dbname="postgres").close()


@pytest.fixture
def postgis(postgis_address: str, engine_endpoints: Endpoints) -> Iterator[Settings]:
    """Settings of an empty database, without our tables, in which PostGIS can be created."""
    engine = database.create(settings_at(postgis_address, engine_endpoints.redis_url))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CREATE DATABASE with_shapes"))
        yield settings_at(postgis_address.replace("/postgres?", "/with_shapes?"), engine_endpoints.redis_url)
        connection.execute(text("DROP DATABASE with_shapes WITH (FORCE)"))
    engine.dispose()
