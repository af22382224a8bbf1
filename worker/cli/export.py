"""Command that writes the grid to a file."""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import IO, get_args

import click

from jobs import database
from jobs.coverage.reading import DID, NotSupplied
from jobs.grid.export import formats
from jobs.grid.export.about import About
from jobs.grid.export.formats import FORMATS
from jobs.grid.export.sidecar import sidecar
from jobs.grid.export.source import Source
from jobs.grid.geojson import ATTRIBUTION
from jobs.grid.query import DEEPEST_EXPORT, SHALLOWEST_EXPORT, ExportFormat, ExportQuery
from jobs.months import NotAMonth, months_text, parse_month
from worker import settings
from worker.cli import help_of

# Formats that are no text for a terminal.
_BINARY = ("parquet", "pmtiles")


def _month(_context: click.Context, _option: click.Parameter, value: str | None) -> date | None:
    try:
        return parse_month(value) if value is not None else None
    except NotAMonth as error:
        raise click.BadParameter(str(error)) from None


def _output(context: click.Context, _option: click.Parameter, value: Path | None) -> Path | None:
    if value is None and context.params["form"] in _BINARY and sys.stdout.isatty():
        raise click.UsageError(f"{context.params['form']} is a binary format: name a file with --output, or pipe it")
    return value


@click.command(
    help=help_of(
        "export",
        "The export has one record per cell and month. pmtiles has map tiles of the whole period instead (default: "
        "its last twelve months). With csv and geojsonl, a second file that ends in -metadata.json has the licence, "
        "the coverage, and the date of the grid.",
    )
)
@click.option(
    "--format",
    "form",
    type=click.Choice(get_args(ExportFormat)),
    required=True,
    is_eager=True,
    help="Format of the file. parquet is GeoParquet.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_output,
    help="File to write. Default: stdout.",
)
@click.option("--from", "first", metavar="YYYY-MM", callback=_month, help="Oldest month. Default: the oldest ingested.")
@click.option("--to", "last", metavar="YYYY-MM", callback=_month, help="Newest month. Default: the newest ingested.")
@click.option("--area", "slug", help="Export only the crimes of this area.")
@click.option(
    "--max-zoom",
    type=click.IntRange(SHALLOWEST_EXPORT, DEEPEST_EXPORT),
    default=12,
    show_default=True,
    help="Deepest zoom level of pmtiles.",
)
def export(
    form: ExportFormat, output: Path | None, first: date | None, last: date | None, slug: str | None, max_zoom: int
) -> None:
    """Write the grid."""
    if first and last and first > last:
        raise click.BadParameter("must not be before --from", param_hint="--to")
    query = ExportQuery(format=form, first=first, last=last, area=slug, max_zoom=max_zoom)
    engine = formats.in_one_state(database.create(settings.read(), direct=False))
    try:
        with engine.connect() as connection:
            _export(formats.source(connection, query), output)
    finally:
        engine.dispose()


def _export(source: Source, output: Path | None) -> None:
    form = FORMATS[source.query.format]
    began, size = time.monotonic(), 0
    with _written(output) as file:
        for part in form.write(source):
            size += file.write(part)
        if output is not None and not form.speaks_for_itself:
            _write_sidecar(source, output)
    took = time.monotonic() - began
    click.echo(f"{source.count} {form.counts}, {size / 1e6:.1f} MB in {took:.1f} s. {ATTRIBUTION}", err=True)
    _say(source.about)


def _write_sidecar(source: Source, output: Path) -> None:
    with _written(output.with_name(f"{output.name}-metadata.json")) as file:
        file.write(sidecar(source.about, source.query.format, output.name))


def _say(about: About) -> None:
    """What a reader of the file must know of it."""
    if about.as_of:
        oldest = min(one.built_at for one in about.as_of)
        click.echo(f"Months {months_text(about.period.months)}. Grid as of {oldest:%Y-%m-%d %H:%M} UTC", err=True)
    if about.months_not_held:
        click.echo(f"Missing months: {months_text(about.months_not_held)}", err=True)
    _say_lacking(about.coverage)


def _say_lacking(lacking: Sequence[NotSupplied]) -> None:
    for one in lacking:
        click.echo(
            f"{one['force']} {DID[one['status']]} {', '.join(one['months'])}: fewer crimes there do not mean safer",
            err=True,
        )


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
