"""Command for the schemes of weights."""

import click

from jobs import cache, database
from jobs.grid.weights import schemes, weigh
from worker import settings
from worker.cli import help_of, output

_MORE = (
    "A new default scheme updates the weighted counts of the grid without a rebuild. After a change in the table "
    "crime_weights, set the same default again."
)


@click.command(help=help_of("weights", _MORE))
@click.option("--default", "name", metavar="SCHEME", help="Make this scheme the default, and update the grid.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def weights(name: str | None, as_json: bool) -> None:
    """List the weight schemes, or set the default."""
    chosen = settings.read()
    engine, redis = database.create(chosen, direct=False), cache.connect(chosen)
    try:
        with engine.connect() as connection:
            if name is not None:
                weighed = weigh(connection, redis, name)
                click.echo(f"{weighed} cells now have the weights of {name}", err=True)
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
        "No schemes: run `safegrid migrate`",
    )


COMMANDS = [weights]
