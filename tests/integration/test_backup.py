"""The restores of docs/backup.md, as it says: counts are equal, numbers go on, and so do runs, with an empty Redis."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import Connection, text

from jobs import context, database
from jobs.context import Context
from jobs.grid.rebuild import rebuild_safety_grid
from jobs.ingestion.run import ingest_latest_crime_data, ingest_month_on_demand
from jobs.validation import validate_h3_grid_health
from tests.conftest import settings_at
from tests.docs.blocks import blocks
from tests.integration.crimes import change, rows, scattered, served, value
from tests.processes import REQUESTER
from tests.servers import PROGRAMS, DebianPostgres
from worker import engines, performing, system, transport
from worker import sweep as sweeping
from worker.client import Client
from worker.engines import Endpoints
from worker.engines.owner import temporary_folder
from worker.settings import Settings

MONTHS = ("2023-12", "2024-01")
PAGE = "docs/backup.md"
_SEQUENCES = """
    SELECT quote_ident(sequencename) AS name, last_value, relname, attname
    FROM pg_sequences JOIN pg_depend ON objid = quote_ident(sequencename)::regclass AND deptype IN ('a', 'i')
    JOIN pg_class ON pg_class.oid = refobjid JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid
    WHERE schemaname = 'public'
"""


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has just taken the run from its list."""
    monkeypatch.setattr(sweeping, "GRACE_S", 0)


def run_documented(beginning: str, folder: Path, **environment: str) -> None:
    """The one block of the page that begins so, in a shell."""
    (found,) = [one for one in blocks() if one.file == PAGE and one.script.startswith(beginning)]
    path = f"{PROGRAMS}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", found.script],
        cwd=folder,
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@contextmanager
def working(settings: Settings) -> Iterator[Context]:
    """The context of jobs on these settings."""
    with context.open_context(settings) as here:
        yield here


def fill(settings: Settings) -> str:
    """Crimes, their grid, and a run that waits for a worker. Returns its id."""
    system.migrate(settings)
    with working(settings) as here, served(here, [one for month in MONTHS for one in scattered(month)]):
        ingest_latest_crime_data()
        rebuild_safety_grid()
    with Client(settings) as client:
        return client.submit("cleanup_old_route_history", {"retention_days": 30}, REQUESTER).run_id


def counts(settings: Settings) -> dict[str, int]:
    """Rows of each table."""
    with working(settings) as here:
        tables = rows(here.connection, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        return {table: value(here.connection, f'SELECT count(*) FROM "{table}"') for (table,) in tables}


def check_goes_on(settings: Settings, run_id: str) -> None:
    """With an empty Redis: what waited is delivered and done, numbers go on, and months come in."""
    with working(settings) as here, transport.connect(settings) as queues:
        for url in {settings.redis_url, settings.queue_redis_url}:
            with Redis.from_url(url) as store:
                store.flushall()
        check_numbers(here.connection)
        assert sweeping.sweep(here.connection, queues).pushed == 1
        assert [one.partition("_")[0] for one in transport.waiting_ids(queues, "maintenance")] == [run_id]
        performing.perform(settings, run_id, "a worker")
        assert value(here.connection, "SELECT state FROM runs WHERE id = :id", id=run_id) == "finished"
        with served(here, scattered("2024-01", count=80)):
            ingest_month_on_demand(2024, 1)
            rebuild_safety_grid()
            assert validate_h3_grid_health()["health_status"] == "healthy"
        assert value(here.connection, "SELECT count(*) FROM crime_incidents") == 140


def check_numbers(connection: Connection) -> None:
    found = rows(connection, _SEQUENCES)
    assert len(found) > 10
    for name, last, table, column in found:
        most = value(connection, f'SELECT max("{column}") FROM "{table}"')
        assert most is None or last >= most, name


def test_a_dump_is_restored_with_its_shapes(
    debian: DebianPostgres, engine_endpoints: Endpoints, tmp_path: Path
) -> None:
    administer(debian, "CREATE DATABASE safegrid")
    url, redis = debian.url("safegrid"), engine_endpoints.redis_url
    settings = settings_at(url, redis)
    run_id = fill(settings)
    sign_somebody_in(settings)
    before = counts(settings)
    assert before["cell_shapes"] > 0
    restored = settings_at(debian.url("safegrid_restored"), redis)
    told = {"DATABASE_URL": url.replace("+psycopg2", ""), "RESTORED": restored.database_url.replace("+psycopg2", "")}
    try:
        run_documented("umask", tmp_path, **told)
        assert (tmp_path / "safegrid.dump").stat().st_mode & 0o077 == 0
        run_documented("createdb", tmp_path, **told)
        administer(debian, "DROP DATABASE safegrid WITH (FORCE)")
        # Whoever has signed out since must not be signed in again.
        assert counts(restored) == {**before, "sessions": 0}
        system.migrate(restored)
        check_goes_on(restored, run_id)
    finally:
        administer(
            debian, *(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)" for name in ("safegrid", "safegrid_restored"))
        )


def sign_somebody_in(settings: Settings) -> None:
    with working(settings) as here:
        change(
            here.connection,
            "INSERT INTO sessions (secret_hash, operator_mark, browser, expires_at) VALUES ('x', 'x', 'x', now())",
        )


def administer(debian: DebianPostgres, *statements: str) -> None:
    engine = database.create(settings_at(debian.url(), "redis://127.0.0.1/0"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def test_a_copy_of_the_embedded_engines_goes_on_without_their_redis() -> None:
    with temporary_folder() as place:
        folder = place.parent
        home = folder / ".safegrid"
        with engines.own(home, lambda _: None) as running:
            settings = settings_at(running.endpoints.database_url, running.endpoints.redis_url)
            run_id = fill(settings)
            before = counts(settings)
        run_documented("tar --create", folder)
        run_documented("mv .safegrid", folder)
        with engines.own(home, lambda _: None) as running:
            settings = settings_at(running.endpoints.database_url, running.endpoints.redis_url)
            assert counts(settings) == before
            check_goes_on(settings, run_id)
