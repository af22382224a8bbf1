"""Commands for the areas whose crimes are held."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import click

from jobs import areas
from jobs.areas import Area
from jobs.boundaries.drawing import Drawing, named, united
from jobs.boundaries.errors import BorderRefused
from jobs.boundaries.files import drawings_of
from jobs.crimes import outdated_months
from jobs.held import land
from jobs.ingestion.police import Police
from jobs.ingestion.store import partly_held
from jobs.months import month_text
from jobs.regrid import rebuilds
from jobs.settings import parse_box
from worker import settings
from worker.cli import help_of, output
from worker.cli.asking import requester
from worker.cli.ledgers import transaction
from worker.client import Client


@click.group(help=help_of("area", "Areas may overlap: each crime is stored once."))
def area() -> None:
    """Areas whose crimes are ingested."""


@area.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_areas(as_json: bool) -> None:
    """List every area with its bounds and forces."""
    with transaction() as connection:
        found = areas.all_areas(connection)
    if as_json:
        output.as_json(
            [{"slug": one.slug, "name": one.name, "bounds": one.bounds, "forces": one.forces} for one in found]
        )
        return
    output.table(
        ("area", "name", "south, west, north, east", "forces"),
        [(one.slug, one.name, ", ".join(map(str, one.bounds)), ", ".join(one.forces)) for one in found],
        "No areas: add one with `safegrid area add`",
    )


_box = click.option("--box", metavar="LAT_MIN,LNG_MIN,LAT_MAX,LNG_MAX", help="The border as a box, in degrees.")
_polygon = click.option(
    "--polygon",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The border as a GeoJSON or KML file. All its features together are one area.",
)


def _drawn(slug: str, name: str, box: str | None, polygon: Path | None, forces: Sequence[str]) -> Area:
    """The area with the border that was given one way or the other."""
    if (box is None) == (polygon is None):
        raise click.UsageError("Give the border of the area: either --box or --polygon")
    if polygon:
        return _of_file(polygon, slug, name, drawings_of(polygon), forces)
    try:
        return areas.from_box(slug, name, parse_box(box), forces)
    except ValueError as error:
        raise click.UsageError(f"--box: {error}") from None


def _each(slug: str | None, polygon: Path | None, name_property: str, forces: Sequence[str]) -> list[Area]:
    """An area for each name in the file; only that of `slug`, where it is given."""
    if polygon is None:
        raise click.UsageError("--name-property needs a file: add --polygon FILE")
    found = named(drawings_of(polygon), name_property)
    if slug and slug not in found:
        raise click.UsageError(f"{polygon} has no area {slug}. Its areas: {', '.join(sorted(found))}")
    wanted = [slug] if slug else list(found)
    return [_of_file(polygon, slug, name, drawings, forces) for slug in wanted for name, drawings in [found[slug]]]


def _of_file(path: Path, slug: str, name: str, drawings: Sequence[Drawing], forces: Sequence[str]) -> Area:
    try:
        border = united(drawings)
    except BorderRefused as error:
        raise BorderRefused(f"{path}: area {slug}: {error}") from None
    for note in border.notes:
        click.echo(f"{path}: area {slug}: {note}", err=True)
    return areas.from_land(slug, name, border.land, forces)


@area.command()
@click.argument("slug", required=False)
@click.option("--name", help="Name to show. Default: the slug.")
@_box
@_polygon
@click.option("--name-property", metavar="PROPERTY", help="Add one area per feature, named by this property.")
@click.option(
    "--force",
    "forces",
    multiple=True,
    help="Police force whose unplaced crimes count for this area. Repeatable.",
)
def add(
    slug: str | None,
    name: str | None,
    box: str | None,
    polygon: Path | None,
    name_property: str | None,
    forces: tuple[str, ...],
) -> None:
    """Add an area; with --name-property, add every area in the file, or only SLUG."""
    if name_property is not None:
        if name or box:
            raise click.UsageError("--name-property takes names and borders from the file: remove --name and --box")
        wanted = _each(slug, polygon, name_property, forces)
    elif slug is not None:
        wanted = [_drawn(slug, name or slug, box, polygon, forces)]
    else:
        raise click.UsageError("Give a SLUG, or --name-property to add the areas of a file")
    with transaction() as connection:
        for one in wanted:
            land.add(connection, one)
    for one in wanted:
        click.echo(
            f"Area {one.slug} is added. Ingest its months with `safegrid backfill --area {one.slug}`",
            err=True,
        )


@area.command()
@click.argument("slug")
@click.option("--yes", is_flag=True, help="Delete crimes without asking.")
def remove(slug: str, yes: bool) -> None:
    """Remove an area, and delete the crimes that no other area covers."""
    with transaction() as connection:
        name = areas.find(connection, slug).name
        count, unplaced = land.alone(connection, slug), land.unplaced_alone(connection, slug)
    if not yes:
        click.confirm(
            f"This deletes the {count} crimes of the area {slug} ({name}) that lie in no other area, and {unplaced} "
            "unplaced crimes. Remove the area?",
            abort=True,
            err=True,
        )
    with transaction() as connection:
        land.remove(connection, slug)
    click.echo(
        f"Area {slug} is removed and {count + unplaced} crimes are deleted. To remove them from the grid: "
        "`safegrid run rebuild_safety_grid`",
        err=True,
    )


@area.command()
@click.argument("slug")
@_box
@_polygon
@click.option("--yes", is_flag=True, help="Delete crimes without asking.")
def resize(slug: str, box: str | None, polygon: Path | None, yes: bool) -> None:
    """Change the border of an area, and start a run that ingests the added land.

    Crimes outside the new border are deleted if no other area covers them. Months that the source no longer publishes
    lack the added land.
    """
    chosen = settings.read()
    offered = Police.of(chosen).months()
    with Client(chosen) as client:
        with client.engine.begin() as connection:
            held = areas.find(connection, slug)
            wanted = _drawn(slug, held.name, box, polygon, held.forces)
            lost = land.lost_by_resizing(connection, wanted)
        if lost and not yes:
            click.confirm(
                f"This deletes {lost} crimes that lie outside the new border and in no other area. Resize the area?",
                abort=True,
                err=True,
            )
        with client.engine.begin() as connection:
            land.resize(connection, wanted)
            changed = outdated_months(connection, chosen.h3_resolution)
            partly = partly_held(connection, slug)
        again = [month for month in partly if month in offered]
        for rebuild in rebuilds(changed):
            client.submit(rebuild.job, rebuild.parameters, requester())
        if again:
            click.echo(client.submit("backfill_crime_data", {"area": slug}, requester()).run_id)
    _show_resized(slug, again, [month for month in partly if month not in offered], lost)


def _show_resized(slug: str, again: Sequence[dt.date], gone: Sequence[dt.date], lost: int) -> None:
    words = f"months to ingest again: {len(again)}" if again else "no month is missing"
    click.echo(f"Area {slug} has the new border. Crimes deleted: {lost}; {words}", err=True)
    if gone:
        span = f"{month_text(gone[-1])} to {month_text(gone[0])}"
        click.echo(
            f"Months that the source no longer publishes: {len(gone)} ({span}). They lack the land that the new border "
            "adds",
            err=True,
        )


COMMANDS = [area]
