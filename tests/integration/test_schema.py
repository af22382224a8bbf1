"""The tables that migrations make are those of the models."""

import pytest
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
    with pytest.raises(schema.SchemaOutOfDate, match="safegrid migrate"):
        schema.check(connection)
