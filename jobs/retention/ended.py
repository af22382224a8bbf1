"""Runs that ended long ago, in the ledger."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, select, text

from jobs.models.runs import Run

MOST: Final = 5_000
"""Runs in a transaction: its locks are short, as is a round of the sweep."""
_COUNTS = text(
    """
    SELECT to_char(ended_at, 'YYYY-MM') AS month, job, count(*) AS runs FROM runs WHERE ended_at < :cutoff
    GROUP BY 1, 2 ORDER BY 1, 2
    """
)


def counts(connection: Connection, cutoff: dt.datetime) -> Sequence[Row[Any]]:
    """month (YYYY-MM), job and runs of those that ended before."""
    with connection.begin():
        return connection.execute(_COUNTS, {"cutoff": cutoff}).all()


def delete_before(connection: Connection, cutoff: dt.datetime, most: int = MOST) -> int:
    """Delete runs that ended before, with their attempts, at most `most`. Returns how many there were."""
    old = select(Run.id).where(Run.ended_at < cutoff).limit(most)
    with connection.begin():
        return connection.execute(delete(Run).where(Run.id.in_(old))).rowcount
