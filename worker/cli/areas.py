"""Commands for the areas whose crimes are held."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy import Connection

from jobs import areas, database
from jobs.settings import parse_box
from worker import settings
from worker.cli import help_of, output


@contextmanager
def _transaction() -> Iterator[Connection]:
    engine = database.create(settings.read())
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


@click.group(help=help_of("area", "They may touch, never overlap."))
def area() -> None:
    """The areas whose crimes are held. They may touch, never overlap."""


@area.command("list")
@click.option("--json", "as_json", is_flag=True)
def list_areas(as_json: bool) -> None:
    """Every area with its bounds and forces."""
    with _transaction() as connection:
        found = areas.all_areas(connection)
    if as_json:
        output.as_json(
            [{"slug": one.slug, "name": one.name, "bounds": one.bounds, "forces": one.forces} for one in found]
        )
        return
    output.table(
        ("area", "name", "south, west, north, east", "forces"),
        [(one.slug, one.name, ", ".join(map(str, one.bounds)), ", ".join(one.forces)) for one in found],
        "There is no area: add one with `safegrid area add`",
    )


@area.command()
@click.argument("slug")
@click.option("--name", help="Name for people; the slug when left out.")
@click.option("--box", metavar="LAT_MIN,LNG_MIN,LAT_MAX,LNG_MAX", help="Sides of a box, in degrees.")
@click.option("--polygon", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="GeoJSON file.")
@click.option("--force", "forces", multiple=True, help="Force whose unplaced crimes belong here; may be repeated.")
def add(slug: str, name: str | None, box: str | None, polygon: Path | None, forces: tuple[str, ...]) -> None:
    """Hold the crimes of a further area."""
    if (box is None) == (polygon is None):
        raise click.UsageError("Give the area's border either as --box or as --polygon")
    if polygon:
        try:
            document = json.loads(polygon.read_text())
        except ValueError as error:
            raise click.UsageError(f"{polygon} is not JSON: {error}") from None
        wanted = areas.from_geojson(slug, name or slug, document, forces)
    else:
        try:
            wanted = areas.from_box(slug, name or slug, parse_box(box), forces)
        except ValueError as error:
            raise click.UsageError(f"--box: {error}") from None
    with _transaction() as connection:
        areas.add(connection, wanted)
    click.echo(f"Area {slug} is held from now on; bring its months in with `safegrid backfill --area {slug}`", err=True)


@area.command()
@click.argument("slug")
@click.option("--yes", is_flag=True, help="Do not ask before the crimes are deleted.")
def remove(slug: str, yes: bool) -> None:
    """Delete an area and all its crimes."""
    with _transaction() as connection:
        name = areas.find(connection, slug).name
    if not yes:
        click.confirm(f"All crimes of the area {slug} ({name}) are deleted too. Delete it?", abort=True, err=True)
    with _transaction() as connection:
        areas.remove(connection, slug)
    click.echo(f"Area {slug} is deleted; run rebuild_safety_grid to take its crimes out of the grid", err=True)


COMMANDS = [area]
