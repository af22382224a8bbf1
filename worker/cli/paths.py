"""Command that scores paths."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import click
from pydantic import ValidationError

from jobs import database
from jobs.errors import WrongCall
from jobs.grid.paths.query import MOST_PATHS, WIDEST_M, PathQuery
from jobs.grid.query import CellQuery, QueryRefused
from jobs.grid.reading import Grid
from jobs.problems import problems_of
from worker import settings
from worker.cli import help_of

Query = TypeVar("Query", bound=CellQuery)


class FileRefused(WrongCall):
    """A file that has no paths."""


@click.command(
    help=help_of(
        "path",
        "The GeoJSON is a LineString, a Feature or a FeatureCollection. For each path, the output has its length, its "
        "weighted crimes per km and month, those of its worst 250 m, and how much of its corridor has coverage. "
        "--json has all details.",
    )
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--from", "first", metavar="YYYY-MM", help="Oldest month. Default: eleven months before --to.")
@click.option("--to", "last", metavar="YYYY-MM", help="Newest month. Default: the newest ingested.")
@click.option("--category", help="Slugs of crime categories, separated by commas. Default: all.")
@click.option("--scheme", help="Weight scheme. Default: the default scheme.")
@click.option("--recency", is_flag=True, help="Give older crimes a lower weight.")
@click.option(
    "--buffer",
    "buffer_m",
    type=click.FloatRange(1, WIDEST_M),
    default=50,
    show_default=True,
    help="Metres to each side of the path whose crimes count.",
)
@click.option(
    "--precision", type=click.Choice(["5", "6"]), default="5", show_default=True, help="Decimals of encoded polylines."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one path per line.")
def path(file: Path, as_json: bool, precision: str, **asked: Any) -> None:
    """Score paths."""
    ways = _ways(file)
    chosen = settings.read()
    engine = database.create(chosen, direct=False)
    try:
        grid = Grid(chosen, engine)
        number = 0
        for low in range(0, len(ways), MOST_PATHS):
            query = query_of(PathQuery, paths=ways[low : low + MOST_PATHS], precision=int(precision), **asked)
            answer = json.loads(grid.paths(query))
            for found in answer["paths"]:
                number += 1
                click.echo(json.dumps(found) if as_json else _line(number, found))
    finally:
        engine.dispose()
    click.echo(f"Months {answer['from']} to {answer['to']}. {answer['time_of_day']} {answer['attribution']}", err=True)


def query_of(kind: type[Query], **asked: Any) -> Query:
    """The query. Raises QueryRefused, which names options as they are called."""
    names = {"first": "from", "last": "to"}
    try:
        return kind.model_validate({names.get(name, name): one for name, one in asked.items() if one is not None})
    except ValidationError as error:
        raise QueryRefused(dict(list(problems_of(kind, error).items())[:3])) from None


def _line(number: int, found: dict[str, Any]) -> str:
    few = ", few data" if found["few_data"] else ""
    return (
        f"{number}: {found['length_m'] / 1000:.2f} km, {found['weighted_per_km_month']:.3f} per km and month, "
        f"worst {found['worst']['weighted_per_km_month']:.3f}, covered {found['covered']:.0%}{few}"
    )


def _ways(file: Path) -> list[Any]:
    """Raises FileRefused."""
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise FileRefused(f"{file} cannot be read: {error}") from None
    if not text.lstrip().startswith("{"):
        return _some(file, text.split())
    try:
        return _some(file, list(_lines(json.loads(text))))
    except json.JSONDecodeError as error:
        raise FileRefused(f"{file} is not valid JSON: {error}") from None


def _lines(given: Any) -> Iterator[Any]:
    is_collection = isinstance(given, dict) and given.get("type") == "FeatureCollection"
    yield from (given.get("features") or ()) if is_collection else (given,)


def _some(file: Path, ways: list[Any]) -> list[Any]:
    if not ways:
        raise FileRefused(f"{file} has no paths: give GeoJSON LineStrings, or one encoded polyline per line")
    return ways


COMMANDS = [path]
