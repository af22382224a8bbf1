"""Reader of the tables of SafeAscent: `mountains`, `routes`, `accidents` and `weather`, which are only read."""

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, text

from jobs.scores.climbing.reading import COLUMNS, Climbing, ClimbingDataError, read

# Its name for a table of ours, and the rows that are wanted: weather without an accident is the climate's background.
_THEIRS = {"accident_weather": ("weather", "WHERE accident_id IS NOT NULL")}
_COLUMNS = text(
    "SELECT column_name FROM information_schema.columns WHERE table_schema = :schema AND table_name = :name"
)

_ROWS = 'SELECT {wanted} FROM "{schema}"."{table}" AS theirs {which} ORDER BY theirs."{key}"'


def read_tables(connection: Connection, schema: str = "public") -> Climbing:
    """Everything in the tables of a schema, as of one moment; nothing can be written meanwhile through `connection`.

    Raises ClimbingDataError, naming the table or the columns that are missing.
    """
    with connection.begin():
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        connection.execute(text("SET LOCAL datestyle TO ISO"))
        return read(lambda name: _lines(connection, schema, name))


def _lines(connection: Connection, schema: str, name: str) -> Iterator[Mapping[str, str | None]]:
    table, which = _THEIRS.get(name, (name, ""))
    found = connection.scalars(_COLUMNS, {"schema": schema, "name": table}).all()
    if not found:
        raise ClimbingDataError(
            f"There is no table {schema}.{table}, or the role may not read it: name another schema by --schema, or run "
            f"`GRANT SELECT ON {schema}.{table} TO` the role"
        )
    if missing := [column for column in COLUMNS[name].split() if column not in found]:
        raise ClimbingDataError(f"Table {schema}.{table} lacks the columns {', '.join(missing)}")
    columns = COLUMNS[name].split()
    wanted = ", ".join(f'"{column}"::text' for column in columns)
    query = _ROWS.format(wanted=wanted, schema=schema, table=table, which=which, key=columns[0])
    for row in connection.execute(text(query)).mappings():
        yield dict(row)
