"""PostgreSQL, for commands that need nothing else: without Redis, and without RQ, which takes long to import."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from jobs import database
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
