"""What an earlier revision has no place for: tables and columns that hold something and are gone."""

from sqlalchemy import Connection, text

Held = dict[str, list[str]]
"""{table: its columns}"""

# Months' parts and staging come and go with the work; extensions have their own.
_COLUMNS = text(
    r"""
    SELECT relname AS table, attname AS column, pg_get_expr(adbin, adrelid) AS default
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
    AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
    AND relname <> 'alembic_version' AND relname !~ '^(staged|incoming)_'
    AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e')
    ORDER BY 1, attnum
    """
)


def held(connection: Connection) -> Held:
    """Tables that have rows, each with the columns in which a row has something of its own. Part of the transaction."""
    found: Held = {}
    for one in connection.execute(_COLUMNS).all():
        quiet = "NULL" if one.default is None or "(" in one.default else one.default
        distinct = f'SELECT EXISTS (SELECT FROM "{one.table}" WHERE "{one.column}" IS DISTINCT FROM {quiet})'
        if connection.scalar(text(distinct.replace(":", r"\:"))):
            found.setdefault(one.table, []).append(one.column)
    return found


def lost(connection: Connection, before: Held) -> list[str]:
    """Which of them are not there any more, as `table` and `table.column`. Part of the transaction."""
    now: Held = {}
    for one in connection.execute(_COLUMNS).all():
        now.setdefault(one.table, []).append(one.column)
    gone = [table for table in before if table not in now]
    columns = [f"{table}.{name}" for table, names in before.items() if table in now for name in names]
    return gone + [column for column in columns if column.partition(".")[2] not in now[column.partition(".")[0]]]
