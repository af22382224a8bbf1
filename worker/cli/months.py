"""The command that brings in the past."""

import click

from jobs import areas
from jobs.ingestion.backfill import Span, parts_of, plan_of
from jobs.ingestion.police import Police
from worker import settings
from worker.cli import help_of, output
from worker.cli.asking import requester
from worker.client import Client


@click.command(help=help_of("backfill"))
@click.option("--from", "oldest", metavar="YYYY-MM", help="Oldest month. Default: the oldest published.")
@click.option("--to", "newest", metavar="YYYY-MM", help="Newest month. Default: the newest published.")
@click.option("--area", help="Ingest only this area. Default: all areas.")
@click.option("--again", is_flag=True, help="Ingest all months again, because the source revises them.")
@click.option("--dry-run", is_flag=True, help="Only show which months, how many requests, and how long it takes.")
def backfill(oldest: str | None, newest: str | None, area: str | None, again: bool, dry_run: bool) -> None:
    """Start one run for every missing month, and print its id."""
    span = Span.of(oldest, newest)
    chosen = settings.read()
    with Client(chosen) as client:
        months = span.among(Police.of(chosen).months())
        with client.engine.connect() as connection:
            with connection.begin():
                wanted = [areas.find(connection, area)] if area else areas.all_areas(connection)
                parts = parts_of(connection, wanted, months, chosen.crime_retention_months, again=again)
            plan = plan_of(connection, parts, chosen.police_rate)
        if dry_run:
            output.as_json(plan)
            return
        if not parts:
            click.echo("No month is missing: nothing to do", err=True)
            return
        parameters = {"oldest": oldest, "newest": newest, "area": area, "again": again}
        click.echo(client.submit("backfill_crime_data", parameters, requester()).run_id)
    click.echo(f"Months to ingest: {', '.join(plan['months'])}", err=True)


COMMANDS = [backfill]
