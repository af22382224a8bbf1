"""Commands for the data that route scores are made from."""

from pathlib import Path

import click

from jobs import database
from jobs.scores.climbing.csv_folder import read_folder
from jobs.scores.climbing.loading import Loaded, load
from worker import settings
from worker.cli import help_of, output

_FILES = "FOLDER has the files mountains, routes, accidents and accident_weather, as .csv or .csv.gz."


@click.command("load-climbing", help=help_of("load-climbing", _FILES))
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def load_climbing(folder: Path, as_json: bool) -> None:
    """Load a folder: all of it or nothing."""
    climbing = read_folder(folder)
    engine = database.create(settings.read(), direct=False)
    try:
        with engine.connect() as connection:
            loaded = load(connection, climbing)
    finally:
        engine.dispose()
    if as_json:
        output.as_json({"loaded": loaded.rows, "issues": loaded.issues})
    else:
        _show(loaded)
    click.echo("To compute new scores now: `safegrid run warm_popular_routes_cache`", err=True)


def _show(loaded: Loaded) -> None:
    output.table(("table", "rows"), list(loaded.rows.items()), "Nothing was loaded")
    output.table(
        ("rows", "not or only partly loaded"), [(n, why) for why, n in loaded.issues.items()], "Every row is loaded"
    )


COMMANDS = [load_climbing]
