"""Commands for what the forces supply: whose land it is, and known gaps."""

import getpass

import click
import h3

from jobs.coverage import cells, changes, forces, gaps
from jobs.coverage.gaps import Gap
from jobs.models.coverage import KINDS
from jobs.months import month_text, parse_month
from worker.cli import help_of, output
from worker.cli.ledgers import transaction

NO_FORCE = "none"
OPEN = "open"


@click.group(help=help_of("force", "The job locate_forces gets the forces from the source."))
def force() -> None:
    """Which police force the land is of."""


@force.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_cells(as_json: bool) -> None:
    """List the cells of resolution 6 with their forces."""
    with transaction() as connection:
        found = [
            {
                "cell": h3.int_to_str(row.cell),
                "force": row.force,
                "is_overruled": row.is_overruled,
                "located_at": row.located_at,
            }
            for row in cells.all_cells(connection)
        ]
    if as_json:
        output.as_json(found)
        return
    output.table(
        ("cell", "force", "overruled", "located"),
        [
            (one["cell"], one["force"] or NO_FORCE, "yes" if one["is_overruled"] else "", one["located_at"])
            for one in found
        ],
        "No cell has a force yet: `safegrid run locate_forces`",
    )


@force.command("set")
@click.argument("cell")
@click.argument("name", metavar="FORCE|none")
def set_cell(cell: str, name: str) -> None:
    """Set the force of a cell, in place of the source's; `none` for the sea and other countries."""
    with transaction() as connection:
        changes.overrule(connection, cell, None if name == NO_FORCE else forces.slug(name))
    click.echo(f"The force of {cell} is now {name}", err=True)


@force.command()
@click.argument("area")
def adopt(area: str) -> None:
    """Set the forces of an area to those that cover its land."""
    with transaction() as connection:
        named = changes.adopt(connection, area)
    click.echo(f"The forces of {area} are now {', '.join(named)}", err=True)


@click.group(help=help_of("gap"))
def gap() -> None:
    """Known gaps."""


@gap.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_gaps(as_json: bool) -> None:
    """List every known gap by force and month."""
    with transaction() as connection:
        found = gaps.known(connection)
    if as_json:
        output.as_json([vars(one) for one in found])
        return
    output.table(
        ("id", "force", "months", "kind", "supplied with", "reason", "source"),
        [(one.id, one.force, one.span, one.kind, _month(one), one.reason, one.source) for one in found],
        "No known gaps",
    )


def _month(one: Gap) -> str:
    return month_text(one.corrected_release) if one.corrected_release else ""


@gap.command("add")
@click.argument("name", metavar="FORCE")
@click.argument("first")
@click.argument("last", required=False)
@click.option("--kind", type=click.Choice(KINDS), default=KINDS[0], show_default=True, help="What is missing.")
@click.option("--reason", required=True, help="Why the months are missing. It is shown wherever the month is shown.")
@click.option("--source", help="Where this is known from. Default: your name.")
@click.option("--corrected", metavar="YYYY-MM", help="Release that later supplied the months.")
def add_gap(
    name: str,
    first: str,
    last: str | None,
    kind: str,
    reason: str,
    source: str | None,
    corrected: str | None,
) -> None:
    """Record that FORCE did not supply the months FIRST to LAST (YYYY-MM, both included).

    Without LAST, the gap is one month. With `open` as LAST, the gap has no known end.
    """
    wanted = Gap(
        force=forces.slug(name),
        first_month=parse_month(first),
        last_month=None if last == OPEN else parse_month(last or first),
        kind=kind,
        reason=reason,
        source=source or f"Recorded by {getpass.getuser()}",
        corrected_release=parse_month(corrected) if corrected else None,
    )
    with transaction() as connection:
        made = changes.add_gap(connection, wanted)
    click.echo(f"Gap {made.id} is added: {made.force}, {made.span}, {made.kind}", err=True)


@gap.command("remove")
@click.argument("number", type=int)
def remove_gap(number: int) -> None:
    """Delete a gap by its id."""
    with transaction() as connection:
        gone = changes.remove_gap(connection, number)
    click.echo(f"Gap {number} is deleted: {gone.force}, {gone.span}", err=True)


COMMANDS = [force, gap]
