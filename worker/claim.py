"""The claim: a session advisory lock on the very connection through which the run writes.

Claim lost = connection lost = its transaction rolled back. So of an orphan and its replacement only one ever
takes effect.
"""

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from worker.errors import ClaimLost

_KEY = "hashtextextended('safegrid:run:' || :run_id, 0)"
_LOCK = text(f"SELECT pg_try_advisory_lock({_KEY})")
_LOCK_FOR_TRANSACTION = text(f"SELECT pg_try_advisory_xact_lock({_KEY})")


def acquire(connection: Connection, run_id: str) -> bool:
    """Whether the run is this connection's now, until the connection ends."""
    with connection.begin():
        return bool(connection.scalar(_LOCK, {"run_id": run_id}))


def is_held(connection: Connection) -> bool:
    """Whether the connection of a claim, and so the claim, is still there. Rolls back what was open."""
    try:
        connection.rollback()
        with connection.begin():
            connection.execute(text("SELECT 1"))
    except (DBAPIError, ClaimLost):
        return False
    return True


def is_free(connection: Connection, run_id: str) -> bool:
    """Whether nobody is at work on the run; if so, nobody begins before the end of this transaction."""
    return bool(connection.scalar(_LOCK_FOR_TRANSACTION, {"run_id": run_id}))
