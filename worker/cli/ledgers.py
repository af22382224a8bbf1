"""The ledger, for commands that need nothing else: without Redis, and without RQ, which takes long to import."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from jobs import database
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
