"""Command that scores the edges of a network, in place."""

from pathlib import Path

import click

from jobs import database
from jobs.edges import costs
from jobs.edges.run import AVERSION_M, BUFFER_M, KINDS, costs_name
from jobs.grid.paths.query import WIDEST_M
from jobs.grid.query import CellQuery
from jobs.grid.reading import Grid
from worker import settings
from worker.cli import help_of
from worker.cli.paths import query_of


def _named(_context: click.Context, _option: click.Parameter, value: Path | None) -> Path | None:
    if value is not None and not value.name.endswith(KINDS):
        raise click.BadParameter(f"the name must end in {' or '.join(KINDS)}")
    return value


@click.command(
    help=help_of(
        "score-edges",
        "FILE has the columns edge_id and geometry: a LineString in WGS 84, as WKT in CSV or WKB in Parquet. The costs "
        "are written to a second file. To do this as a run, in the import folder of the workers: "
        "`safegrid run score_edges`.",
    )
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), callback=_named)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_named,
    help="File for the costs. Default: FILE with -costs added to its name.",
)
@click.option(
    "--buffer",
    "buffer_m",
    type=click.IntRange(1, int(WIDEST_M)),
    default=BUFFER_M,
    show_default=True,
    help="Metres to each side of an edge whose crimes count.",
)
@click.option(
    "--aversion",
    "aversion_m",
    type=click.IntRange(0, 1_000_000),
    default=AVERSION_M,
    show_default=True,
    help="Metres of detour worth taking to avoid one weighted crime a month.",
)
@click.option("--from", "first", metavar="YYYY-MM", help="Oldest month. Default: eleven months before --to.")
@click.option("--to", "last", metavar="YYYY-MM", help="Newest month. Default: the newest ingested.")
@click.option("--category", help="Slugs of crime categories, separated by commas. Default: all.")
@click.option("--scheme", help="Weight scheme. Default: the default scheme.")
def score_edges(file: Path, output: Path | None, buffer_m: int, aversion_m: int, **asked: str | None) -> None:
    """Score edges."""
    target = output or file.with_name(costs_name(file.name))
    if target.resolve() == file.resolve():
        raise click.BadParameter("must be another file than FILE", param_hint="--output")
    query = query_of(CellQuery, **asked)
    engine = database.create(chosen := settings.read(), direct=False)
    try:
        *_, tally = costs.score(Grid(chosen, engine), file, target, query, buffer_m, aversion_m)
    finally:
        engine.dispose()
    click.echo(
        f"{target}: {tally.edges:,} edges, {tally.length_m / 1000:,.1f} km; {tally.few_data:,} with few data, "
        f"{tally.uncovered:,} without a cost, because no crimes are ingested there"
    )


COMMANDS = [score_edges]
