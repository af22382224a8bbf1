"""Mountains, routes, accidents and weather come from SafeAscent's tables as they come from files."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine

from jobs import database
from tests.integration.crimes import change, rows
from tests.integration.moving import safeascent
from tests.integration.warm import load_synthetic
from tests.processes import run_command
from tests.standins import climbing
from worker import system
from worker.settings import Settings

TABLES = {
    "mountains": "mountain_id",
    "routes": "route_id",
    "accidents": "accident_id",
    "accident_weather": "accident_id, date",
}


@pytest.fixture
def another(empty: Settings) -> Settings:
    """A database for SafeAscent."""
    return empty


@pytest.fixture
def ascent(another: Settings, tmp_path: Path) -> Iterator[Connection]:
    """SafeAscent's own connection to its database, which is filled."""
    engine = create_engine(another.database_url)
    with engine.connect() as connection:
        safeascent.fill(connection, climbing.write(tmp_path / "climbing"))
        yield connection
    engine.dispose()


def held(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    engine = database.create(settings)
    with engine.connect() as connection:
        found = {name: rows(connection, f"SELECT * FROM {name} ORDER BY {key}") for name, key in TABLES.items()}
    engine.dispose()
    return found


def test_the_tables_hold_what_the_files_hold(
    another: Settings,
    ascent: Connection,
    dump: Callable[[], list[str]],
    connection: Connection,
    settings: Settings,
    tmp_path: Path,
) -> None:
    before = dump()
    system.migrate(another)
    done = run_command(another, "load-climbing", "--from-database")
    assert done.returncode == 0, done.stderr
    assert dump() == before
    load_synthetic(connection, tmp_path / "again")
    from_files, from_tables = held(settings), held(another)
    assert all(from_files.values())
    assert from_tables == from_files


def test_another_database_may_be_read(settings: Settings, another: Settings, ascent: Connection) -> None:
    named = {"SAFEGRID_CLIMBING_DATABASE_URL": another.database_url}
    done = run_command(settings, "load-climbing", "--from-database", "--json", **named)
    assert done.returncode == 0, done.stderr
    assert '"routes": 60' in done.stdout


def test_a_table_or_a_column_that_is_missing_is_named_and_nothing_is_loaded(
    another: Settings, ascent: Connection
) -> None:
    system.migrate(another)
    change(ascent, "ALTER TABLE accidents DROP COLUMN tags")
    done = run_command(another, "load-climbing", "--from-database")
    assert "Table public.accidents lacks the columns tags" in done.stderr
    done = run_command(another, "load-climbing", "--from-database", "--schema", "elsewhere")
    assert "There is no table elsewhere.mountains" in done.stderr
    assert not any(held(another).values())


@pytest.mark.parametrize("arguments", [(), ("--from-database", ".")])
def test_a_folder_or_a_database_is_given(settings: Settings, arguments: tuple[str, ...]) -> None:
    done = run_command(settings, "load-climbing", *arguments)
    assert done.returncode == 2
    assert "Give FOLDER, or --from-database, and not both" in done.stderr
