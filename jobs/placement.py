"""Which schema of PostgreSQL holds our tables: the connection's own, or one apart where another application lives.

Nothing of the other application is touched: apart from its tables ours are in a schema that is theirs alone, and no
other schema is searched for a name of ours.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import ProgrammingError

from jobs.errors import SafegridError

APART = "safegrid"
"""The schema that is made where the names of our tables are taken."""
_OURS = ("alembic_version", "runs", "weight_schemes")
"""Tables that only a database of ours has together, since the first revision. Others have an alembic_version too."""
# Names that no model has: of tables on the way of a migration, of the view, and of Alembic's table.
_FURTHER = ("alembic_version", "crimes", "staged_crimes", "placed_crimes", "cell_shapes")
_LOOK = """
    SELECT pg_backend_pid(), coalesce(current_schema(), ''), has_schema_privilege(oid, 'USAGE'),
        (SELECT count(*) FROM pg_tables WHERE schemaname = %(apart)s AND tablename = ANY(%(ours)s))
    FROM (SELECT) AS always LEFT JOIN pg_namespace ON nspname = %(apart)s
"""
# Names of ours are looked for there alone, so that no statement meets a table of others.
_SEARCH = 'SET search_path TO "{}"'
_HOMES = text(
    "SELECT schemaname FROM pg_tables WHERE tablename = ANY(:ours) GROUP BY 1 HAVING count(*) = :n ORDER BY 1"
)
_IS_THERE = text("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = :name)")
_TAKEN = text(
    "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relname = ANY(:names) "
    "AND relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 1"
)


class SchemaOutOfReach(SafegridError):
    """The role or the pooler of DATABASE_URL cannot reach the schema of our tables."""


class TablesElsewhere(SafegridError):
    """Our tables are in another schema than the settings say."""

    def __init__(self, named: str, found: str) -> None:
        super().__init__(
            f"SAFEGRID_DATABASE_SCHEMA is {named}, and the tables are in schema {found}. Nothing was done: unset "
            f"SAFEGRID_DATABASE_SCHEMA, or move them by `ALTER SCHEMA {found} RENAME TO {named}`"
        )


@dataclass(frozen=True)
class Placement:
    """The schema of our tables, and the names of ours that another application has in the schema beside."""

    schema: str
    taken: Sequence[str] = ()
    beside: str = ""


def enter(engine: Engine, named: str) -> Engine:
    """Have each new connection of `engine` work in the schema of our tables.

    named: that of the settings; where it is empty, the one apart once our tables are there. Raises SchemaOutOfReach
    when a connection is made.
    """
    event.listen(engine, "connect", lambda driver, _record: _enter(driver, named))
    return engine


def _enter(driver: Any, named: str) -> None:
    apart = named or APART
    with driver.cursor() as cursor:
        cursor.execute(_LOOK, {"apart": apart, "ours": list(_OURS)})
        process, current, may_use, ours = cursor.fetchone()
        if current != apart and (named or ours == len(_OURS)):
            _check(driver, apart, process, may_use)
            cursor.execute(_SEARCH.format(apart))
    # What a transaction sets goes with it when it is undone.
    driver.commit()


def _check(driver: Any, apart: str, process: int, may_use: bool | None) -> None:
    if may_use is False:
        raise SchemaOutOfReach(
            f"The role of DATABASE_URL may not use schema {apart}, which holds the tables: as its owner, run "
            f"`GRANT USAGE ON SCHEMA {apart} TO` that role (docs/deploy.md, Rights)"
        )
    # A pooler makes up the number of the process that it gives its clients. What we set there, others would find set.
    if process != driver.get_backend_pid():
        raise SchemaOutOfReach(
            f"The tables are in schema {apart}, and DATABASE_URL leads to a pooler, whose connections are shared: use "
            f"a role of its own, with that schema by `ALTER ROLE ... SET search_path = {apart}` (docs/moving.md)"
        )


def settle(connection: Connection, named: str) -> Placement:
    """Put `connection` in the schema where our tables are or are to be; make it where it is missing.

    That of the settings, else where they are, else that of the connection, unless a name of ours is taken there. Raises
    TablesElsewhere, SchemaOutOfReach.
    """
    with connection.begin():
        homes, there = _homes(connection), current(connection)
        if named and homes and named not in homes:
            raise TablesElsewhere(named, homes[0])
        if named or there in homes:
            return _in(connection, Placement(named or there))
        taken = connection.scalars(_TAKEN, {"names": _names()}).all()
        return _in(connection, Placement(APART, taken, there) if taken else Placement(there))


def _in(connection: Connection, chosen: Placement) -> Placement:
    if chosen.schema != current(connection):
        make(connection, chosen.schema)
        connection.execute(text(_SEARCH.format(chosen.schema)))
    return chosen


def make(connection: Connection, schema: str) -> None:
    """Create a schema where it is missing. Part of the transaction. Raises SchemaOutOfReach."""
    # PostgreSQL would refuse IF NOT EXISTS, too, to a role that may only use the schema that was made for it.
    if connection.scalar(_IS_THERE, {"name": schema}):
        return
    try:
        connection.execute(text(f'CREATE SCHEMA "{schema}"'))
    except ProgrammingError as error:
        raise SchemaOutOfReach(
            f"The role of DATABASE_URL may not create schema {schema}: as the owner of the database, run "
            f"`CREATE SCHEMA {schema} AUTHORIZATION` that role"
        ) from error


def holds_ours(connection: Connection) -> bool:
    """Whether the connection's schema has our tables. Part of the transaction."""
    return current(connection) in _homes(connection)


def elsewhere(connection: Connection, table: str) -> str | None:
    """A schema of others, the first one by name, that has a table of this name too. Part of the transaction."""
    homes = {current(connection), *_homes(connection)}
    owners = connection.scalars(text("SELECT schemaname FROM pg_tables WHERE tablename = :table"), {"table": table})
    return min(set(owners) - homes, default=None)


def current(connection: Connection) -> str:
    """The schema in which the connection makes and finds tables; empty where there is none. Part of the transaction."""
    return connection.scalar(text("SELECT current_schema()")) or ""


def _homes(connection: Connection) -> Sequence[str]:
    return connection.scalars(_HOMES, {"ours": list(_OURS), "n": len(_OURS)}).all()


def _names() -> list[str]:
    from jobs.models.every import METADATA

    return [*METADATA.tables, *_FURTHER]


def identifier(name: str) -> str:
    """A name of PostgreSQL as it is written without quotes. Raises ValueError."""
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name):
        raise ValueError(
            "must be a PostgreSQL name: lower-case letters, digits and _, at most 63, not starting with a digit"
        )
    return name
