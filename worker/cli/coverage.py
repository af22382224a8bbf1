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


@click.group(help=help_of("force", "The job locate_forces asks the source for them."))
def force() -> None:
    """Which police force the land is of."""


@force.command("list")
@click.option("--json", "as_json", is_flag=True)
def list_cells(as_json: bool) -> None:
    """Every hexagon of resolution 6 whose force is known."""
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
        "No land is located: run locate_forces",
    )


@force.command("set")
@click.argument("cell")
@click.argument("name", metavar="FORCE|none")
def set_cell(cell: str, name: str) -> None:
    """Say which force a hexagon is of, whatever the source says; `none` for the sea and other countries."""
    with transaction() as connection:
        changes.overrule(connection, cell, None if name == NO_FORCE else forces.slug(name))
    click.echo(f"{cell} is of {name} from now on", err=True)


@force.command()
@click.argument("area")
def adopt(area: str) -> None:
    """Give an area the forces of its land, in place of those that it names."""
    with transaction() as connection:
        named = changes.adopt(connection, area)
    click.echo(f"{area} names {', '.join(named)} from now on", err=True)


@click.group(help=help_of("gap"))
def gap() -> None:
    """Known gaps."""


@gap.command("list")
@click.option("--json", "as_json", is_flag=True)
def list_gaps(as_json: bool) -> None:
    """Every known gap, by force and month."""
    with transaction() as connection:
        found = gaps.known(connection)
    if as_json:
        output.as_json([vars(one) for one in found])
        return
    output.table(
        ("id", "force", "months", "kind", "supplied with", "reason", "source"),
        [(one.id, one.force, one.span, one.kind, _month(one), one.reason, one.source) for one in found],
        "No gap is known",
    )


def _month(one: Gap) -> str:
    return month_text(one.corrected_release) if one.corrected_release else ""


@gap.command("add")
@click.argument("name", metavar="FORCE")
@click.argument("first")
@click.argument("last", required=False)
@click.option("--kind", type=click.Choice(KINDS), default=KINDS[0], show_default=True)
@click.option("--reason", required=True, help="Shown wherever the month is.")
@click.option("--source", help="By what it is known; your name when left out.")
@click.option("--corrected", metavar="YYYY-MM", help="Release with which the months were supplied after all.")
def add_gap(
    name: str,
    first: str,
    last: str | None,
    kind: str,
    reason: str,
    source: str | None,
    corrected: str | None,
) -> None:
    """Note that FORCE did not supply the months FIRST to LAST (YYYY-MM, both included).

    Without LAST, the gap is one month; with the word open in its place, no end is known.
    """
    wanted = Gap(
        force=forces.slug(name),
        first_month=parse_month(first),
        last_month=None if last == OPEN else parse_month(last or first),
        kind=kind,
        reason=reason,
        source=source or f"Noted by {getpass.getuser()}",
        corrected_release=parse_month(corrected) if corrected else None,
    )
    with transaction() as connection:
        made = changes.add_gap(connection, wanted)
    click.echo(f"Gap {made.id} is noted: {made.force}, {made.span}, {made.kind}", err=True)


@gap.command("remove")
@click.argument("number", type=int)
def remove_gap(number: int) -> None:
    """Delete a gap by its id."""
    with transaction() as connection:
        gone = changes.remove_gap(connection, number)
    click.echo(f"Gap {number} is deleted: {gone.force}, {gone.span}", err=True)


COMMANDS = [force, gap]
