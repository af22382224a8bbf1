"""Commands for the generations of the grid."""

import click

from jobs import catalogue
from jobs.grid import generations
from worker import rebuilds, settings
from worker.cli import help_of, output
from worker.cli.asking import request, requester
from worker.cli.ledgers import ledger_of
from worker.client import Client

_COLUMNS = ("generation", "", "published", "months", "from", "to", "cells", "crimes", "areas")


@click.group(help=help_of("grid"))
def grid() -> None:
    """The generations of the grid."""


@grid.command("list")
@click.option("--json", "as_json", is_flag=True)
def list_generations(as_json: bool) -> None:
    """List the generations that are kept, newest first, and whether rebuilds are paused."""
    with ledger_of(settings.read()) as connection, connection.begin():
        found, paused = generations.kept(connection), generations.pause(connection)
    if as_json:
        output.as_json([dict(row._mapping) for row in found])
        return
    rows = [
        (
            row.generation,
            "published" if row.is_published else "",
            row.made_at,
            row.months,
            row.oldest and f"{row.oldest:%Y-%m}",
            row.newest and f"{row.newest:%Y-%m}",
            row.cells,
            row.crimes,
            ", ".join(row.areas) + (f"; {row.restores} again" if row.restores else ""),
        )
        for row in found
    ]
    output.table(_COLUMNS, rows, "There is no grid yet: run `safegrid run rebuild_safety_grid`")
    if paused:
        click.echo(f"{generations.said(paused)}.", err=True)


@grid.command()
@click.argument("generation", type=int)
@click.option("--wait", is_flag=True, help="Wait until it is published, and print the result as JSON.")
def publish(generation: int, wait: bool) -> int:
    """Publish an earlier GENERATION again, and pause rebuilds until `safegrid grid resume`. Prints the run's id."""
    chosen = settings.read()
    with ledger_of(chosen) as connection, connection.begin():
        generations.check(connection, generation, chosen.h3_resolution)
    job = catalogue.find("publish_grid_generation")
    return request(job, {"generation": generation}, wait=wait)


@grid.command()
def resume() -> None:
    """Resume rebuilds, and rebuild the months whose crimes changed. Prints the runs' ids."""
    chosen = settings.read()
    with Client(chosen) as client:
        done = rebuilds.resume(client, chosen.h3_resolution, requester())
    for run_id in done.run_ids:
        click.echo(run_id)
    click.echo("Rebuilds are resumed" if done.was_paused else "Rebuilds were not paused", err=True)


COMMANDS = [grid]
