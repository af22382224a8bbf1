"""Commands for the data that route scores are made from."""

from pathlib import Path

import click

from jobs.scores.climbing.csv_folder import read_folder
from jobs.scores.climbing.loading import Loaded, load
from jobs.scores.climbing.reading import Climbing
from jobs.scores.climbing.tables import read_tables
from worker import settings
from worker.cli import help_of, output
from worker.cli.ledgers import PostgresName, ledger_of
from worker.settings import Settings

_SOURCES = (
    "FOLDER has the files mountains, routes, accidents and accident_weather, as .csv or .csv.gz. --from-database reads "
    "the tables mountains, routes, accidents and weather of SafeAscent instead, in the database of "
    "SAFEGRID_CLIMBING_DATABASE_URL (default: DATABASE_URL), and changes nothing there."
)


@click.command("load-climbing", help=help_of("load-climbing", _SOURCES))
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False)
@click.option("--from-database", is_flag=True, help="Read the tables of SafeAscent.")
@click.option("--schema", type=PostgresName(), default="public", show_default=True, help="The schema of those tables.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def load_climbing(folder: Path | None, from_database: bool, schema: str, as_json: bool) -> None:
    """Load all of it or nothing."""
    if (folder is None) != from_database:
        raise click.UsageError("Give FOLDER, or --from-database, and not both")
    chosen = settings.read()
    climbing = read_folder(folder) if folder else _read_tables(chosen, schema)
    with ledger_of(chosen) as connection:
        loaded = load(connection, climbing)
    if as_json:
        output.as_json({"loaded": loaded.rows, "issues": loaded.issues})
    else:
        _show(loaded)
    click.echo("To compute new scores now: `safegrid run warm_popular_routes_cache`", err=True)


def _read_tables(chosen: Settings, schema: str) -> Climbing:
    address = chosen.climbing_database_url or chosen.database_url
    with ledger_of(chosen.model_copy(update={"database_url": address})) as connection:
        return read_tables(connection, schema)


def _show(loaded: Loaded) -> None:
    output.table(("table", "rows"), list(loaded.rows.items()), "Nothing was loaded")
    output.table(
        ("rows", "not or only partly loaded"), [(n, why) for why, n in loaded.issues.items()], "Every row is loaded"
    )


COMMANDS = [load_climbing]
