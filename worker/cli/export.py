"""Command that writes the grid to a file."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import IO

import click

from jobs import areas, database
from jobs.grid.export import WRITERS, batches, not_supplied
from jobs.grid.geojson import ATTRIBUTION
from jobs.grid.region import Region
from jobs.months import NotAMonth, parse_month
from worker import settings
from worker.cli import help_of


def _month(_context: click.Context, _option: click.Parameter, value: str | None) -> date | None:
    try:
        return parse_month(value) if value is not None else None
    except NotAMonth as error:
        raise click.BadParameter(str(error)) from None


@click.command(help=help_of("export", "One record a cell and month. It is read as it is written, however large it is."))
@click.option("--format", "form", type=click.Choice(list(WRITERS)), required=True, help="parquet is GeoParquet.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="File; stdout when left out.")
@click.option("--from", "first", metavar="YYYY-MM", callback=_month, help="Oldest month.")
@click.option("--to", "last", metavar="YYYY-MM", callback=_month, help="Newest month.")
@click.option("--area", "slug", help="Only the cells that this area touches.")
def export(form: str, output: Path | None, first: date | None, last: date | None, slug: str | None) -> None:
    """Write the grid, one record a cell and month. It is read as it is written, however large it is."""
    if output is None and form == "parquet" and sys.stdout.isatty():
        raise click.UsageError("Parquet is no text for a terminal: name a file with --output, or pipe it")
    engine = database.create(settings.read(), direct=False)
    try:
        with engine.connect() as connection, _written(output) as file:
            region = Region(areas.find(connection, slug).polygon) if slug else None
            lacking = not_supplied(connection, first, last, slug)
            count = WRITERS[form](batches(connection, first, last, region), file, lacking)
    finally:
        engine.dispose()
    click.echo(f"{count} cells. {ATTRIBUTION}", err=True)
    for one in lacking:
        words = "supplied nothing" if one["status"] == "missing" else "did not supply all"
        click.echo(f"{one['force']} {words} of {', '.join(one['months'])}: few crimes there are not safe", err=True)


@contextmanager
def _written(output: Path | None) -> Iterator[IO[bytes]]:
    """The file, which takes the place of an older one only once it is whole; or stdout."""
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = output.with_name(f".{output.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        os.replace(part, output)
    finally:
        part.unlink(missing_ok=True)


COMMANDS = [export]
