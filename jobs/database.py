"""PostgreSQL: engines, and the options every connection of ours carries."""

from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.pool import NullPool

from jobs.settings import Settings

CONNECT_S = 10
# The server of a cut-off host gives up on us after about 20 s, and so frees the claim that we held.
_KEEPALIVE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 20_000,
    "connect_timeout": CONNECT_S,
}
_SERVER = "-c timezone=UTC -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=2"


def create(
    settings: Settings, *, application: str = "safegrid", pool: bool = False, patience_s: int = CONNECT_S
) -> Engine:
    """An engine for the database of `settings`. Workers take a plain connection; only the web keeps a pool.

    patience_s: for a server that does not respond to a connect.
    """
    connect_args = {**_connect_args(application), "connect_timeout": patience_s}
    if pool:
        return create_engine(settings.database_url, connect_args=connect_args, pool_pre_ping=True)
    return create_engine(settings.database_url, connect_args=connect_args, poolclass=NullPool)


def create_for_glances(settings: Settings, application: str) -> Engine:
    """An engine for single statements that must be quick: no transactions, and connections that are not tested.

    So after a restart of the server its first statement fails, and the next one does not.
    """
    return create_engine(
        settings.database_url,
        connect_args=_connect_args(application),
        isolation_level="AUTOCOMMIT",
        pool_reset_on_return=None,
    )


def _connect_args(application: str) -> dict[str, Any]:
    return {**_KEEPALIVE, "options": _SERVER, "application_name": application}


def lock(connection: Connection, name: str) -> None:
    """Hold the lock of that name until the end of the transaction; others of the same name wait."""
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})


def make_room(connection: Connection) -> None:
    """Until the end of the transaction, a national month is grouped and sorted without temporary files."""
    connection.execute(text("SET LOCAL work_mem = '128MB'"))


def copy(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """COPY `rows` into `table` inside the connection's transaction. Returns the number of rows written."""
    buffer = StringIO()
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007 - the last value is the answer
        buffer.write("\t".join(map(_field, row)) + "\n")
    buffer.seek(0)
    cursor: Any = connection.connection.cursor()
    with cursor:
        cursor.copy_expert(f"COPY {table} ({', '.join(columns)}) FROM STDIN", buffer)
    return count


_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _field(value: Any) -> str:
    return "\\N" if value is None else str(value).translate(_ESCAPES)
