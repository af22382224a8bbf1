"""Command for the schemes of weights."""

import click

from jobs import cache, database
from jobs.grid.weights import schemes, weigh
from worker import settings
from worker.cli import help_of, output

_MORE = (
    "Raw counts are kept, so that another default takes one update of the grid and no rebuild. Give the present "
    "default again after its weights were changed in the table crime_weights."
)


@click.command(help=help_of("weights", _MORE))
@click.option("--default", "name", metavar="SCHEME", help="Make this scheme the default, and weigh the grid by it.")
@click.option("--json", "as_json", is_flag=True)
def weights(name: str | None, as_json: bool) -> None:
    """List the schemes, after another default was made where one is named."""
    chosen = settings.read()
    engine, redis = database.create(chosen, direct=False), cache.connect(chosen)
    try:
        with engine.connect() as connection:
            if name is not None:
                weighed = weigh(connection, redis, name)
                click.echo(f"{weighed} cells are weighed by {name}", err=True)
            found = schemes(connection)
    finally:
        redis.close()
        engine.dispose()
    if as_json:
        output.as_json([dict(row._mapping) for row in found])
        return
    output.table(
        ("scheme", "version", "unit", "default", "source"),
        [(row.name, row.version, row.unit, "yes" if row.is_default else "", row.source) for row in found],
        "There is no scheme: run `safegrid migrate`",
    )


COMMANDS = [weights]
