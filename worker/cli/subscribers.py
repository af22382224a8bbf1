"""Commands for the subscribers that receive events."""

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
    """Subscribers that receive events."""


@subscriber.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_subscribers(as_json: bool) -> None:
    """List the subscribers with their delivered events. Addresses and secrets are not shown."""
    with ledger_of(settings.read()) as connection:
        found = [
            {**row._mapping, "host": subscribers.host(row.url), "url": None} for row in subscribers.every(connection)
        ]
    if as_json:
        output.as_json([{name: value for name, value in one.items() if name != "url"} for one in found])
        return
    columns = ("name", "host", "last_number", "untaken", "last_taken", "kinds")
    rows = [tuple(", ".join(one[name]) if name == "kinds" else one[name] for name in columns) for one in found]
    output.table(("name", "host", "events", "pending", "last delivery", "kinds"), rows, "No subscribers")


@subscriber.command()
@click.argument("name")
@click.argument("url")
@click.option(
    "--kind",
    "kinds",
    type=click.Choice(KINDS),
    multiple=True,
    help="Send only events of this kind. Repeatable. Default: all kinds.",
)
@click.option(
    "--secret-file", type=click.File(), help="Read the secret from this file (- for stdin). Default: make one."
)
def add(name: str, url: str, kinds: tuple[str, ...], secret_file: IO[str] | None) -> None:
    """Send events to URL for the subscriber NAME, and print its secret. It is shown only once."""
    given = secret_file.read().strip() if secret_file else ""
    with ledger_of(settings.read()) as connection:
        _, secret = subscribers.add(connection, name, url, kinds or KINDS, getpass.getuser(), given)
    click.echo(f"Subscriber {name} is added", err=True)
    if not given:
        click.echo(secret)


@subscriber.command("new-secret")
@click.argument("name")
def new_secret(name: str) -> None:
    """Make a new secret for NAME, and print it. It is shown only once."""
    with ledger_of(settings.read()) as connection:
        click.echo(subscribers.renew_secret(connection, subscribers.find(connection, name)))


@subscriber.command()
@click.argument("name")
def remove(name: str) -> None:
    """Remove the subscriber NAME, and cancel its pending deliveries."""
    with ledger_of(settings.read()) as connection:
        subscribers.remove(connection, subscribers.find(connection, name), getpass.getuser())
    click.echo(f"Subscriber {name} is removed", err=True)


COMMANDS = [subscriber]
