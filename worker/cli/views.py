"""Commands for the views that SafeRoute's application reads."""

import click

from jobs import views as ours
from worker import settings
from worker.cli import help_of, output
from worker.cli.ledgers import PostgresName, ledger_of

_schema = click.option(
    "--schema", default=ours.SCHEMA, show_default=True, type=PostgresName(), help="The schema of the views."
)


@click.group(help=help_of("views"))
def views() -> None:
    """Views for SafeRoute's application."""


@views.command()
@_schema
@click.option(
    "--grant", "readers", type=PostgresName(), metavar="ROLE", multiple=True, help="A role that may read them."
)
def create(schema: str, readers: tuple[str, ...]) -> None:
    """Create the views, or create them anew. Needs PostGIS, and the role that runs `safegrid migrate`."""
    with ledger_of(settings.read()) as connection:
        made = ours.create(connection, schema, readers)
    output.table(("view",), [(name,) for name in made], "")
    click.echo(f"Next, have the application search {schema} before public (docs/moving.md)", err=True)


@views.command()
@_schema
def drop(schema: str) -> None:
    """Drop the views and their schema."""
    with ledger_of(settings.read()) as connection:
        ours.drop(connection, schema)
    click.echo(f"Schema {schema} no longer has views", err=True)


COMMANDS = [views]
