"""Route history: in a table of ours, or in that of the application beside, which the settings name."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnClause,
    ColumnElement,
    Connection,
    TableClause,
    and_,
    column,
    delete,
    func,
    select,
    table,
    text,
    update,
)

from jobs import placement
from jobs.errors import PermanentError
from jobs.settings import Settings

# Rows in a transaction: its locks are short, and millions of rows still take only hundreds of transactions.
BATCH = 10_000
_TIMES = ("timestamp with time zone", "timestamp without time zone")
_COLUMNS = text(
    """
    SELECT attname AS name, format_type(atttypid, NULL) AS type, has_column_privilege(attrelid, attnum, 'UPDATE') AS may
    FROM pg_attribute WHERE attrelid = to_regclass(:table) AND attnum > 0 AND NOT attisdropped
    """
)


class HistoryNotFound(PermanentError):
    """The settings name no table that route history can be in, or leave open which of two it is."""


@dataclass(frozen=True)
class History:
    """A table of routes that people asked for: its id, when each was asked for, when it was soft-deleted."""

    table: TableClause
    id: ColumnElement[Any]
    created_at: ColumnElement[dt.datetime]
    deleted_at: ColumnElement[dt.datetime | None]

    def older(self, cutoff: dt.datetime) -> ColumnElement[bool]:
        """What was asked for before `cutoff` and is not deleted yet."""
        return and_(self.deleted_at.is_(None), self.created_at < cutoff)

    def deleted_before(self, cutoff: dt.datetime) -> ColumnElement[bool]:
        """What was soft-deleted before `cutoff`."""
        return self.deleted_at < cutoff

    def deleted_on(self, stamp: dt.datetime) -> ColumnElement[bool]:
        """What was soft-deleted with this time."""
        return self.deleted_at == stamp

    def count(self, connection: Connection, which: ColumnElement[bool]) -> int:
        """Rows; in a transaction of its own."""
        with connection.begin():
            return connection.scalar(select(func.count()).select_from(self.table).where(which)) or 0

    def soft_delete(self, connection: Connection, cutoff: dt.datetime, stamp: dt.datetime) -> int:
        """Give a batch of what is older than `cutoff` the time `stamp`. Returns its rows; 0 when none are left."""
        with connection.begin():
            statement = update(self.table).where(self.id.in_(self._batch(self.older(cutoff), self.created_at)))
            return connection.execute(statement.values({self.deleted_at.key: stamp})).rowcount

    def delete(self, connection: Connection, cutoff: dt.datetime) -> int:
        """Delete a batch of what was soft-deleted before `cutoff`. Returns its rows; 0 when none are left."""
        with connection.begin():
            statement = delete(self.table).where(self.id.in_(self._batch(self.deleted_before(cutoff), self.deleted_at)))
            return connection.execute(statement).rowcount

    def _batch(self, which: ColumnElement[bool], order: ColumnElement[Any]) -> Any:
        """The application's own writes never wait long: rows that are locked are passed over."""
        return select(self.id).where(which).order_by(order).limit(BATCH).with_for_update(skip_locked=True)


def find(connection: Connection, settings: Settings) -> History:
    """The table that the settings name, with its columns. Raises HistoryNotFound."""
    name = settings.history_table
    with connection.begin():
        if "." not in name:
            _refuse_two(connection, name)
        found = {one.name: one for one in connection.execute(_COLUMNS, {"table": name})}
    _check(name, settings.history_columns, found)
    schema, _, short = name.rpartition(".")
    columns: list[ColumnClause[Any]] = [column(each) for each in settings.history_columns]
    return History(table(short, *columns, schema=schema or None), *columns)


def _refuse_two(connection: Connection, name: str) -> None:
    """Where people's history is in the application's table, a green run that cleans ours would be a lie."""
    if other := placement.elsewhere(connection, name):
        raise HistoryNotFound(
            f"There are two tables {name}: ours, and {other}.{name} of another application. Set SAFEGRID_HISTORY_TABLE "
            f"to {other}.{name}, or to {placement.current(connection)}.{name} where nothing is to be done about theirs"
        )


def _check(name: str, needed: tuple[str, str, str], found: Mapping[str, Any]) -> None:
    if not found:
        raise HistoryNotFound(f"There is no table {name}: set SAFEGRID_HISTORY_TABLE to the table of route history")
    if missing := [one for one in needed if one not in found]:
        raise HistoryNotFound(
            f"Table {name} has no column {' or '.join(missing)}: set SAFEGRID_HISTORY_COLUMNS to its columns for the "
            "id, the time of the request and the time of the deletion"
        )
    for one in needed[1:]:
        if found[one].type not in _TIMES:
            raise HistoryNotFound(f"Column {one} of table {name} is of type {found[one].type}, and must be a timestamp")
    if not found[needed[2]].may:
        raise HistoryNotFound(
            f"The role of DATABASE_URL may not change table {name}: as its owner, run "
            f"`GRANT SELECT, UPDATE, DELETE ON {name} TO` that role"
        )
