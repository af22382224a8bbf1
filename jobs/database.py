"""PostgreSQL: engines, and the options every connection of ours carries."""

import contextlib
import datetime as dt
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import IO, Any, cast

from psycopg2.extensions import PYDATETIMETZ, new_type, register_type
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from jobs import placement
from jobs.deadlines import LONGEST_CALL_S, limited_to
from jobs.errors import SafegridError
from jobs.settings import Settings

CONNECT_S = 10
# The server of a cut-off host gives up on us after about 20 s, and so frees the claim that we held.
_KEEPALIVE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 20_000,
}
# Of the session, so that no pooler takes them: PgBouncer refuses a client that sends `options`. Keepalives find a host
# that is gone while nothing is on its way to it; with an answer on its way TCP would try for a quarter of an hour, and
# keep the claim, but for its own limit.
_SESSION = (
    "-c timezone=UTC -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=2 "
    "-c tcp_user_timeout=20000"
)
_TIMESTAMPTZ = 1184


class PoolerRefused(SafegridError):
    """DATABASE_URL leads to a pooler where PostgreSQL itself is needed."""

    def __init__(self) -> None:
        super().__init__(
            "DATABASE_URL leads to a pooler, such as PgBouncer, not to PostgreSQL itself. A worker claims its run "
            "by a lock of its session, which a pooler shares: for worker, scheduler and migrate, set the "
            "address of PostgreSQL. Only the web may use a pooler"
        )


def create(
    settings: Settings,
    *,
    application: str = "safegrid",
    pool: bool = False,
    direct: bool = True,
    patience_s: int = CONNECT_S,
    longest_s: float | None = None,
) -> Engine:
    """An engine for the database of `settings`. Workers take a plain connection; only the web keeps a pool.

    direct: whether the connection's session is ours alone, as a claim needs it. What keeps nothing in its session,
    such as everything with a pool, may go through a pooler. patience_s: for a server that does not respond to a
    connect, unless DATABASE_URL has a connect_timeout. longest_s: for one call; no limit when left out, as jobs may
    have long statements, but for a pool.
    """
    args = _connect_args(settings, application, patience_s, direct=direct and not pool)
    if pool or longest_s is not None:
        args["connection_factory"] = limited_to(longest_s or LONGEST_CALL_S)
    if pool:
        return _ready(create_engine(settings.database_url, connect_args=args, pool_pre_ping=True), settings)
    return _ready(create_engine(settings.database_url, connect_args=args, poolclass=NullPool), settings)


@contextlib.contextmanager
def once(settings: Settings, seconds: float = 30) -> Iterator[Connection]:
    """A connection for something short. Raises sqlalchemy's OperationalError where a call takes longer than that."""
    engine = create(settings, longest_s=seconds)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def create_for_glances(settings: Settings, application: str) -> Engine:
    """An engine for single statements that must be quick: no transactions, and connections that are not tested.

    So after a restart of the server its first statement fails, and the next one does not.
    """
    engine = create_engine(
        settings.database_url,
        connect_args={**_connect_args(settings, application), "connection_factory": limited_to(LONGEST_CALL_S)},
        isolation_level="AUTOCOMMIT",
        pool_reset_on_return=None,
    )
    return _ready(engine, settings)


def create_for_probes(settings: Settings, application: str, patience_s: int) -> Engine:
    """An engine with one connection, which is not waited for: to ask whether PostgreSQL responds."""
    args = {
        **_connect_args(settings, application, patience_s),
        "tcp_user_timeout": patience_s * 1000,
        "connection_factory": limited_to(patience_s),
    }
    return create_engine(
        settings.database_url,
        connect_args=args,
        pool_size=1,
        max_overflow=0,
        pool_timeout=patience_s,
        pool_pre_ping=True,
    )


def _connect_args(
    settings: Settings, application: str, patience_s: int = CONNECT_S, *, direct: bool = False
) -> dict[str, Any]:
    """Ours, but for those that the address itself names. Its options follow ours: the last of a name counts."""
    theirs = make_url(settings.database_url).normalized_query
    ours = {**_KEEPALIVE, "connect_timeout": patience_s, "application_name": application}
    args = {name: value for name, value in ours.items() if name not in theirs}
    if direct:
        args["options"] = " ".join((_SESSION, *theirs.get("options", ())))
    return args


def _ready(engine: Engine, settings: Settings) -> Engine:
    """Its connections read times as UTC, and find our tables, whatever the session has."""
    # Through a pooler the time zone is not ours to set.
    event.listen(engine, "connect", lambda driver, _record: register_type(_IN_UTC, driver))
    theirs = make_url(settings.database_url).normalized_query.get("options", ())
    if settings.database_schema or "search_path" not in " ".join(theirs):
        placement.enter(engine, settings.database_schema)
    return engine


def _read_time(text_of_it: str | None, cursor: Any) -> dt.datetime | None:
    found: dt.datetime | None = PYDATETIMETZ(text_of_it, cursor)
    return found.astimezone(dt.UTC) if found else None


_IN_UTC = new_type((_TIMESTAMPTZ,), "TIMESTAMPTZ_IN_UTC", _read_time)


def refuse_pooler(engine: Engine) -> None:
    """Raises PoolerRefused where connections of this engine share PostgreSQL's sessions, and so would share claims.

    Certain when it raises. Raises sqlalchemy's OperationalError when PostgreSQL cannot be reached.
    """
    try:
        with engine.connect() as one, engine.connect() as other:
            if _session(one) == _session(other):
                raise PoolerRefused
    except OperationalError as error:
        if is_pooler(error):
            raise PoolerRefused from None
        raise


def is_pooler(error: OperationalError) -> bool:
    """Whether this is PgBouncer's answer to our `options`."""
    return "unsupported startup parameter" in str(error.orig)


def _session(connection: Connection) -> int:
    """PostgreSQL's process behind the connection, which is then free for another transaction."""
    with connection.begin():
        return int(connection.scalar(text("SELECT pg_backend_pid()")) or 0)


def now(connection: Connection) -> dt.datetime:
    """The time of the server, which all hosts share; UTC. In a transaction of its own."""
    with connection.begin():
        return cast(dt.datetime, connection.scalar(text("SELECT clock_timestamp()")))


def lock(connection: Connection, name: str) -> None:
    """Hold the lock of that name until the end of the transaction; others of the same name wait."""
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})


_DATA = text(
    "SELECT CASE WHEN pg_has_role('pg_read_all_settings', 'MEMBER') THEN current_setting('data_directory', true) END"
)


def data_folder(connection: Connection) -> Path | None:
    """Where PostgreSQL keeps its data, on its own host; none where its role may not know. Part of the transaction."""
    folder = connection.scalar(_DATA)
    return Path(folder) if folder else None


def make_room(connection: Connection) -> None:
    """Until the end of the transaction, a national month is grouped on all cores, without temporary files."""
    connection.exec_driver_sql(
        "SET LOCAL work_mem = '128MB'; SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0"
    )


def copy(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """COPY `rows` into `table` inside the connection's transaction. Returns the number of rows written."""
    buffer = StringIO()
    count = 0
    left = iter(rows)
    while batch := list(itertools.islice(left, _BATCH)):
        fields = map(_column, zip(*batch, strict=True))
        buffer.writelines(f"{line}\n" for line in map("\t".join, zip(*fields, strict=True)))
        count += len(batch)
    buffer.seek(0)
    copy_file(connection, f"COPY {table} ({', '.join(columns)}) FROM STDIN", buffer)
    return count


def copy_file(connection: Connection, statement: str, file: IO[Any]) -> None:
    """Hand a file to a COPY ... FROM STDIN, inside the connection's transaction."""
    cursor: Any = connection.connection.cursor()
    with cursor:
        cursor.copy_expert(statement, file, _CHUNK)


_BATCH = 10_000
# Each chunk is one turn at Python's lock, for which a thread that reads ahead waits too.
_CHUNK = 2**20
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_IS_ESCAPED = re.compile(r"[\\\t\n\r]").search


def _column(values: Sequence[Any]) -> Iterable[str]:
    """As COPY reads them. Numbers need no look at each."""
    return map(str, values) if set(map(type, values)) <= {int, float} else map(_field, values)


def _field(value: Any) -> str:
    if value is None:
        return "\\N"
    written = str(value)
    return written.translate(_ESCAPES) if _IS_ESCAPED(written) else written
