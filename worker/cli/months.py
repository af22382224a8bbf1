"""The command that brings in the past."""

import datetime as dt
from collections.abc import Sequence

import click

from jobs import areas
from jobs.ingestion.police import Police
from jobs.ingestion.store import held_months
from jobs.months import month_text, parse_month
from worker import settings
from worker.cli import help_of
from worker.cli.asking import requester
from worker.client import Client


def ask_for_months(client: Client, months: Sequence[dt.date], area: str | None) -> None:
    """Ask for one run a month, and print each with its month."""
    for month in months:
        parameters = {"year": month.year, "month": month.month, "area": area}
        run_id = client.submit("ingest_month_on_demand", parameters, requester()).run_id
        click.echo(f"{month_text(month)} {run_id}")


@click.command(help=help_of("backfill"))
@click.option("--from", "oldest", metavar="YYYY-MM", help="Oldest month; the oldest on offer when left out.")
@click.option("--to", "newest", metavar="YYYY-MM", help="Newest month; the newest on offer when left out.")
@click.option("--area", help="Only this area.")
@click.option("--again", is_flag=True, help="Months that are held too: the source revises them.")
def backfill(oldest: str | None, newest: str | None, area: str | None, again: bool) -> None:
    """Ask for every month on offer that is not held, newest first; one run a month."""
    first, last = (parse_month(text) if text else None for text in (oldest, newest))
    if first and last and first > last:
        raise click.UsageError(f"--from {oldest} is after --to {newest}: no month lies between them")
    chosen = settings.read()
    with Client(chosen) as client:
        months = [
            month
            for month in Police.of(chosen).months()
            if (first is None or month >= first) and (last is None or month <= last)
        ]
        if not again:
            with client.engine.connect() as connection:
                wanted = [areas.find(connection, area)] if area else areas.all_areas(connection)
                held = {month for month in months if all(month in held_months(connection, one.slug) for one in wanted)}
            months = [month for month in months if month not in held]
        ask_for_months(client, months, area)
    if not months:
        click.echo("Every month on offer is held", err=True)


COMMANDS = [backfill]
