"""Command for the categories of crime."""

import datetime as dt

import click
from sqlalchemy import select

from jobs import cache
from jobs.ingestion import categories
from jobs.models.crimes import CrimeCategory, WeightScheme
from jobs.months import month_text
from jobs.regrid import rebuilds
from worker import settings
from worker.cli import help_of, output
from worker.cli.asking import requester
from worker.client import Client

_MORE = "Crimes of an unknown category are set aside until the category is added."


@click.group(help=help_of("category", _MORE))
def category() -> None:
    """The categories of crime."""


@category.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_categories(as_json: bool) -> None:
    """List every category with its first and last month."""
    with Client(settings.read()) as client, client.engine.connect() as connection:
        found = connection.execute(select(CrimeCategory).order_by(CrimeCategory.slug)).all()
    rows = [(row.slug, row.name, month_text(row.first_month), _text(row.last_month)) for row in found]
    if as_json:
        output.as_json([dict(zip(("slug", "name", "first_month", "last_month"), row, strict=True)) for row in rows])
        return
    output.table(("category", "name", "first month", "last month"), rows, "No categories: run `safegrid migrate`")


def _text(month: dt.date | None) -> str:
    return month_text(month) if month else ""


@category.command()
@click.argument("slug")
@click.argument("name")
@click.option(
    "--weight",
    "weights",
    multiple=True,
    required=True,
    metavar="[SCHEME=]WEIGHT",
    help="Weight of one crime. Without SCHEME: in every scheme. Repeatable.",
)
def add(slug: str, name: str, weights: tuple[str, ...]) -> None:
    """Add a category with its weights. Its crimes that were set aside are ingested, and the grid is rebuilt."""
    chosen = settings.read()
    redis = cache.connect(chosen)
    with Client(chosen) as client:
        with client.engine.begin() as connection:
            given = _weights(weights, list(connection.scalars(select(WeightScheme.name))))
            taken = categories.add(connection, slug, name, given, chosen.h3_resolution)
        cache.drop_snapshots(redis)
        for rebuild in rebuilds(taken.months):
            client.submit(rebuild.job, rebuild.parameters, requester())
    redis.close()
    click.echo(f"Category {slug} is added. Crimes ingested that had been set aside: {taken.crimes}", err=True)


def _weights(given: tuple[str, ...], schemes: list[str]) -> dict[str, float]:
    weights: dict[str, float] = {}
    for one in given:
        scheme, is_named, number = one.rpartition("=")
        try:
            weight = float(number)
        except ValueError:
            raise click.UsageError(f"--weight {one}: {number or 'nothing'} is not a number") from None
        weights |= {scheme: weight} if is_named else {name: weight for name in schemes if name not in weights}
    return weights


COMMANDS = [category]
