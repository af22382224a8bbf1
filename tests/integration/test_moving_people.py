"""Users and tokens of the former tables move over, or the migration says why not."""

import pytest
from alembic import command
from sqlalchemy import Connection, text

from jobs import schema
from jobs.errors import SafegridError
from tests.integration.crimes import rows, value
from tests.processes import run_command
from worker.settings import Settings

_USER = text("INSERT INTO users (name, password_hash, role, created_by) VALUES (:name, 'x', 'viewer', 'admin')")
_TOKEN = text(
    "INSERT INTO api_tokens (name, token_hash, hint, role, created_by, created_at) "
    "VALUES (:name, :name, 'sg_x', 'viewer', :by, CAST(:at AS timestamptz))"
)


@pytest.fixture
def former(connection: Connection) -> Connection:
    """The tables as they were."""
    with connection.begin():
        command.downgrade(schema.config(connection), "0022")
    return connection


def add(connection: Connection, *users: str) -> None:
    with connection.begin():
        connection.execute(_USER, [{"name": name} for name in users])


def test_people_keep_their_names_and_programs_their_tokens(former: Connection) -> None:
    add(former, "Ann", "b\u00e9a", "\uff23arl")
    with former.begin():
        tokens = [("later", "Ann", "2040-01-01"), ("before her", "Ann", "2020-01-01"), ("env", "admin", "2040-01-01")]
        former.execute(_TOKEN, [{"name": name, "by": by, "at": at} for name, by, at in tokens])
    schema.migrate(former)
    assert set(rows(former, "SELECT name, comparable FROM users")) == {
        ("Ann", "ann"),
        ("b\u00e9a", "b\u00e9a"),
        ("\uff23arl", "carl"),
    }
    owned = "SELECT api_tokens.name FROM api_tokens JOIN users ON users.id = owner_id AND users.name = 'Ann'"
    assert rows(former, owned) == [("later",)]
    assert value(former, "SELECT count(*) FROM api_tokens WHERE expires_at IS NULL") == 3
    with former.begin():
        command.downgrade(schema.config(former), "0022")
    schema.migrate(former)


def test_names_that_become_one_are_named_and_nobody_is_changed(former: Connection, settings: Settings) -> None:
    add(former, "Ann", "ANN", "\uff21nn", "bob")
    with pytest.raises(SafegridError, match="ANN and Ann and \uff21nn"):
        schema.migrate(former)
    assert value(former, "SELECT version_num FROM alembic_version") == "0023"
    assert value(former, "SELECT count(*) FROM users") == 4
    done = run_command(settings, "migrate")
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "DELETE FROM users WHERE name" in done.stderr
    with former.begin():
        former.execute(text("DELETE FROM users WHERE name IN ('ANN', '\uff21nn')"))
    schema.migrate(former)
