"""Commands for those who are told of events."""

import getpass
from typing import IO

import click

from jobs.models.events import KINDS
from worker import settings
from worker.cli import help_of, output
from worker.cli.ledgers import ledger_of
from worker.events import subscribers


@click.group(help=help_of("subscriber"))
def subscriber() -> None:
    """Who is told of events."""


@subscriber.command("list")
@click.option("--json", "as_json", is_flag=True)
def list_subscribers(as_json: bool) -> None:
    """List them, with how much each has taken. Addresses and secrets are not shown."""
    with ledger_of(settings.read()) as connection:
        found = [
            {**row._mapping, "host": subscribers.host(row.url), "url": None} for row in subscribers.every(connection)
        ]
    if as_json:
        output.as_json([{name: value for name, value in one.items() if name != "url"} for one in found])
        return
    columns = ("name", "host", "last_number", "untaken", "last_taken", "kinds")
    rows = [tuple(", ".join(one[name]) if name == "kinds" else one[name] for name in columns) for one in found]
    output.table(("name", "host", "events", "not taken", "last taken", "told of"), rows, "Nobody is told of events")


@subscriber.command()
@click.argument("name")
@click.argument("url")
@click.option("--kind", "kinds", type=click.Choice(KINDS), multiple=True, help="May be repeated; all when left out.")
@click.option("--secret-file", type=click.File(), help="The secret is read from there (- for stdin), not made.")
def add(name: str, url: str, kinds: tuple[str, ...], secret_file: IO[str] | None) -> None:
    """Tell NAME of events at URL from now on, and print the secret: it is not shown again."""
    given = secret_file.read().strip() if secret_file else ""
    with ledger_of(settings.read()) as connection:
        _, secret = subscribers.add(connection, name, url, kinds or KINDS, getpass.getuser(), given)
    click.echo(f"{name} is told from now on", err=True)
    if not given:
        click.echo(secret)


@subscriber.command("new-secret")
@click.argument("name")
def new_secret(name: str) -> None:
    """Make a new secret for NAME, and print it: it is not shown again."""
    with ledger_of(settings.read()) as connection:
        click.echo(subscribers.renew_secret(connection, subscribers.find(connection, name)))


@subscriber.command()
@click.argument("name")
def remove(name: str) -> None:
    """Tell NAME nothing more; what waits to be sent is cancelled."""
    with ledger_of(settings.read()) as connection:
        subscribers.remove(connection, subscribers.find(connection, name), getpass.getuser())
    click.echo(f"{name} is told nothing more", err=True)


COMMANDS = [subscriber]
