"""PostgreSQL, for commands that need nothing else: without Redis, and without RQ, which takes long to import."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy import Connection

from jobs import database
from jobs.placement import identifier
from worker import settings as environment
from worker.settings import Settings


@contextmanager
def ledger_of(settings: Settings) -> Iterator[Connection]:
    """A connection to the ledger for the length of the block."""
    engine = database.create(settings, application="safegrid client", direct=False)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def transaction() -> Iterator[Connection]:
    """A transaction with the settings of the environment for the length of the block."""
    with ledger_of(environment.read()) as connection, connection.begin():
        yield connection


class PostgresName(click.ParamType[str]):
    """The name of a schema or a role."""

    name = "name"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name itself; anything else ends the command."""
        try:
            return identifier(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
