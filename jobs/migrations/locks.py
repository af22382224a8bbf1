"""How migrations wait for tables: shortly, again, and not for ever.

A statement that needs a table for itself waits until its readers have ended, and whoever wants to read meanwhile waits
behind it. So it waits for a quarter of a second, makes way for a second, and tries again.
"""

import time
from collections.abc import Callable

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

SHORT_S = 0.25
SHORT = f"{SHORT_S:g}s"
# For locks that let readers pass. Longer than the second after which PostgreSQL ends an autovacuum that is in the way.
LONG = "2s"
TRIES = 8
PAUSE_S = 1.0
_LOCK_NOT_AVAILABLE = "55P03"


class Blocked(Exception):
    """The last step of a long migration found no moment; all of it would be done again for another try."""


def is_lock_timeout(error: Exception) -> bool:
    """Whether a lock was not had in time."""
    return isinstance(error, Blocked) or getattr(getattr(error, "orig", None), "pgcode", None) == _LOCK_NOT_AVAILABLE


def keep_out_writers(*tables: str) -> None:
    """Until the end of the transaction nobody changes these tables; everybody may read."""
    from alembic import op

    op.execute(f"SET LOCAL lock_timeout = '{LONG}'")
    op.execute(f"LOCK TABLE {', '.join(tables)} IN SHARE ROW EXCLUSIVE MODE")
    op.execute(f"SET LOCAL lock_timeout = '{SHORT}'")


def shut(*tables: str) -> None:
    """Until the end of the transaction these tables are ours alone; had within SHORT, however many there are."""
    from alembic import op

    end = time.monotonic() + SHORT_S
    for table in tables:
        left_ms = max(1, round((end - time.monotonic()) * 1000))
        op.execute(f"SET LOCAL lock_timeout = {left_ms}")
        op.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")


def swap(step: Callable[[], None]) -> None:
    """Do the last step of a long migration, which needs tables for itself. Raises Blocked."""
    from alembic import op

    for _ in range(TRIES):
        try:
            with op.get_bind().begin_nested():
                step()
        except OperationalError as error:
            if not is_lock_timeout(error):
                raise
            make_way()
        else:
            return
    raise Blocked


def make_way() -> None:
    """Let those read who wait behind us."""
    time.sleep(PAUSE_S)


def holder(connection: Connection) -> str:
    """Who holds tables of ours, in words; whose transaction is the oldest. Part of the transaction."""
    found = connection.execute(_HOLDER).one_or_none()
    if found is None:
        return "another transaction held them"
    program = f" ({found.application_name})" if found.application_name else ""
    return f"process {found.pid} of PostgreSQL{program} holds them{f' since {found.since}' if found.since else ''}"


_HOLDER = text(
    """
    SELECT pid, application_name, to_char(xact_start, 'HH24:MI:SS TZ') AS since
    FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database() AND pid IN (
        SELECT pid FROM pg_locks JOIN pg_class ON pg_class.oid = relation
        WHERE granted AND locktype = 'relation' AND database = (
            SELECT oid FROM pg_database WHERE datname = current_database()
        ) AND relnamespace = current_schema()::regnamespace
    ) ORDER BY xact_start NULLS LAST LIMIT 1
    """
)
