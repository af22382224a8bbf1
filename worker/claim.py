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

_IS_PRIMARY = text("SELECT NOT pg_is_in_recovery()")
# PostgreSQL shows the number of such a lock in two halves.
_TAKE_AWAY = text(
    "SELECT count(pg_terminate_backend(pid)) FROM pg_locks "  # noqa: S608 - a constant of ours
    "WHERE locktype = 'advisory' AND granted AND objsubid = 1 "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    f"AND (classid::bigint << 32) | objid::bigint = {_KEY}"
)


def acquire(connection: Connection, run_id: str) -> bool:
    """Whether the run is this connection's now, until the connection ends."""
    with connection.begin():
        return bool(connection.scalar(_LOCK, {"run_id": run_id}))


def is_held(connection: Connection) -> bool:
    """Whether the connection of a claim, and so the claim, is still there. Rolls back what was open.

    A server that has become a standby holds locks that the new primary knows nothing of.
    """
    try:
        connection.rollback()
        with connection.begin():
            return bool(connection.scalar(_IS_PRIMARY))
    except (DBAPIError, ClaimLost):
        return False


def is_free(connection: Connection, run_id: str) -> bool:
    """Whether nobody is at work on the run; if so, nobody begins before the end of this transaction."""
    return bool(connection.scalar(_LOCK_FOR_TRANSACTION, {"run_id": run_id}))


def take_away(connection: Connection, run_id: str) -> int:
    """End the connection that holds the run's claim; its transaction is rolled back. Returns how many there were."""
    return int(connection.scalar(_TAKE_AWAY, {"run_id": run_id}) or 0)
