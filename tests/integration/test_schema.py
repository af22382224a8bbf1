"""The tables that migrations make are those of the models."""

from alembic import command
from sqlalchemy import Connection, text

from jobs import schema


def test_the_models_need_no_further_migration(connection: Connection) -> None:
    with connection.begin():
        command.check(schema.config(connection))


def test_a_database_of_an_older_revision_is_noticed(connection: Connection) -> None:
    schema.check(connection)
    with connection.begin():
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    try:
        schema.check(connection)
    except schema.SchemaOutOfDate as error:
        assert "safegrid migrate" in str(error)
    else:
        raise AssertionError("an old schema passed")
