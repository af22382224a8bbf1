"""Where an error ends: at the one run, entry or part that it concerns. It never reaches another."""

import contextlib
from collections.abc import Iterator
from typing import Any

import redis
import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

log = structlog.get_logger("safegrid.boundary")


@contextlib.contextmanager
def boundary(part: str, connection: Connection | None = None, **about: Any) -> Iterator[None]:
    """Log an error of the block and end it there. A server that is away is no matter of one part: that is raised.

    connection: what the block works on; rolled back after an error, so that the next block can use it.
    """
    try:
        yield
    except (redis.ConnectionError, redis.TimeoutError, redis.exceptions.ReadOnlyError):
        raise
    except Exception as error:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise
        if connection is not None:
            connection.rollback()
        log.exception("part_failed", part=part, error=str(error).partition("\n")[0], **about)
