"""A filled database goes to the newest revision and back: readers go on, nothing is lost, and what stops it is said."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, Engine, event, text

from jobs import database, schema
from jobs.errors import WrongCall
from jobs.migrations import locks
from jobs.schema import MigrationBlocked, SchemaTooNew, WouldLose
from tests.integration.crimes import change, rows, value
from tests.processes import run_command
from worker.settings import Settings

# Before each month's crimes had a table of their own.
FORMER = "0018"
HELD = "SELECT month, category, latitude, longitude, id FROM placed_crimes ORDER BY id"
FILL = """
    INSERT INTO points (latitude, longitude, h3_cell, coarse_cell)
    SELECT 50.9 + n * 0.0001, -1.4, 622203769609814015, 604189371209351167 FROM generate_series(1, 50) AS n;
    INSERT INTO crime_incidents (month, category, point_id)
    SELECT month, 'burglary', id FROM points, generate_series(1, 20),
    unnest(ARRAY['2023-12-01', '2024-01-01', '2024-02-01']::date[]) AS month
"""
# What takes the longer the more there is.
LARGE = "crime_incidents|crimes|points|area_points|safety_cells|coarse_cells|runs|attempts"
SLOW = re.compile(
    rf"INSERT INTO ({LARGE})|UPDATE ({LARGE})\b|ANALYZE|CREATE( UNIQUE)? INDEX \S+ ON ({LARGE})\b|"
    rf"ALTER TABLE ({LARGE}) ADD CONSTRAINT \w+ (PRIMARY|FOREIGN) KEY"
)
SHUT_OUT = text(
    "SELECT string_agg(relname, ', ') FROM pg_locks JOIN pg_class ON pg_class.oid = relation "
    "WHERE pid = :pid AND granted AND mode = 'AccessExclusiveLock' AND relname = ANY (:tables)"
)


@pytest.fixture
def former(connection: Connection) -> Connection:
    """A filled database of the revision FORMER."""
    schema.migrate(connection, FORMER)
    with connection.begin():
        connection.exec_driver_sql(FILL)
    return connection


@pytest.fixture
def reader(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        yield connection


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer tries, without pauses."""
    monkeypatch.setattr(locks, "TRIES", 2)
    monkeypatch.setattr(locks, "PAUSE_S", 0.0)


def current(connection: Connection) -> str:
    return str(value(connection, "SELECT version_num FROM alembic_version"))


@contextmanager
def before_each(engine: Engine, look: Any) -> Iterator[None]:
    """`look(connection, statement)` before each statement of the engine."""

    def listen(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        look(connection, statement)

    event.listen(engine, "before_cursor_execute", listen)
    yield
    event.remove(engine, "before_cursor_execute", listen)


def test_readers_go_on_while_months_move(former: Connection, settings: Settings) -> None:
    """Whatever takes its time is done while no table that was there before is shut."""
    before, looked = rows(former, HELD), []
    onlooker = database.create(settings)
    with onlooker.connect().execution_options(isolation_level="AUTOCOMMIT") as other:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' UNION SELECT 'placed_crimes'"
        tables = list(other.scalars(text(query)))
        other.execute(text("SET lock_timeout = '1ms'"))

        def look(connection: Connection, statement: str) -> None:
            if SLOW.match(" ".join(statement.split())):
                pid = connection.connection.dbapi_connection.info.backend_pid  # type: ignore[union-attr]
                assert other.scalar(SHUT_OUT, {"pid": pid, "tables": tables}) is None, statement
                assert other.execute(text("SELECT count(*) FROM placed_crimes")).scalar() == len(before)
                looked.append(statement)

        with before_each(former.engine, look):
            schema.migrate(former)
    onlooker.dispose()
    # Three months copied, two indexes, and their statistics.
    assert len(looked) >= 6
    assert rows(former, HELD) == before
    with former.begin():
        command.check(schema.config(former))


def test_a_reader_that_stays_stops_the_migration_and_is_named(
    former: Connection, reader: Connection, hasty: None
) -> None:
    before = rows(former, HELD)
    reader.execute(text("SELECT count(*) FROM crime_incidents"))
    pid = reader.scalar(text("SELECT pg_backend_pid()"))
    with pytest.raises(MigrationBlocked, match=f"process {pid} of PostgreSQL .*safegrid.* holds them since .*again"):
        schema.migrate(former)
    assert current(former) == FORMER
    assert rows(former, HELD) == before
    assert value(former, "SELECT to_regclass('crimes')") is None
    # Whoever comes later does not wait behind it.
    assert reader.scalar(text("SELECT count(*) FROM crime_incidents")) == len(before)
    reader.rollback()
    schema.migrate(former)
    assert rows(former, HELD) == before
    assert value(former, "SHOW lock_timeout") == "0"


def test_a_reader_that_leaves_delays_it_only(
    former: Connection, reader: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = []

    def leave() -> None:
        waits.append(reader.rollback())

    monkeypatch.setattr(locks, "make_way", leave)
    # Of a table that a short migration needs, and of one that the long one needs at its end.
    for table, to in (("crime_incidents", "0019"), ("runs", "head")):
        reader.execute(text(f"LOCK TABLE {table} IN ROW EXCLUSIVE MODE" if table == "runs" else f"TABLE {table}"))
        schema.migrate(former, to)
    assert len(waits) == 2
    assert schema.is_current(former)


def test_what_would_be_lost_keeps_it_from_going_back(connection: Connection) -> None:
    newest = current(connection)
    change(connection, "INSERT INTO queue_workers (queue, workers, requested_by) VALUES ('cache', 3, 'a test')")
    change(
        connection,
        "INSERT INTO ingestion_runs (area, month, status, records, unplaced, source, h3_resolution, started_at, "
        "collapsed) VALUES ('southampton-core', '2024-01-01', 'success', 5, 0, 'a source', 10, now(), 7)",
    )
    with pytest.raises(WouldLose, match=r"would delete queue_workers, ingestion_runs\.collapsed.*--discard"):
        schema.migrate(connection, FORMER)
    assert current(connection) == newest
    assert value(connection, "SELECT workers FROM queue_workers") == 3
    assert schema.migrate(connection, FORMER, discard=True) == FORMER
    assert schema.migrate(connection) == newest


def test_there_and_back_again_nothing_is_lost(former: Connection) -> None:
    before = rows(former, HELD)
    for to in ("head", FORMER, "head"):
        schema.migrate(former, to)
        assert rows(former, HELD) == before
    change(
        former,
        "INSERT INTO crime_incidents (month, category, point_id) SELECT '2024-01-01', 'drugs', min(id) FROM points",
    )
    assert value(former, "SELECT max(id) FROM crime_incidents") == before[-1][-1] + 1


def test_an_older_version_says_that_the_database_is_newer(settings: Settings, connection: Connection) -> None:
    newest = current(connection)
    change(connection, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaTooNew, match=f"at revision 9999 of a newer version .* This version needs {newest}"):
        schema.check(connection)
    for name in ("migrate", "worker", "scheduler"):
        done = run_command(settings, name)
        assert done.returncode == 1
        assert re.fullmatch(rf"safegrid: The database is at revision 9999.*--to {newest}.*\n", done.stderr), done.stderr


def test_the_command_goes_back_and_forth(settings: Settings, connection: Connection) -> None:
    newest = current(connection)
    done = run_command(settings, "migrate", "--to", "0020")
    assert (done.returncode, done.stderr) == (0, "The database is at revision 0020\n")
    assert "run `safegrid migrate`" in run_command(settings, "worker").stderr
    assert run_command(settings, "migrate").stderr.endswith(f"The database is at revision {newest}\n")
    with pytest.raises(WrongCall, match=f"9999 is not a revision .this version knows 0001 to {newest}."):
        schema.migrate(connection, "9999")
