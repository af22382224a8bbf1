"""What people change of land and gaps, and what follows of it."""

from sqlalchemy import Connection

from jobs import areas
from jobs.areas import Area
from jobs.coverage import cells, forces, gaps, store
from jobs.coverage.gaps import Gap
from jobs.held import grounds, summaries


def add_gap(connection: Connection, gap: Gap) -> Gap:
    """Note a gap; returns it with its id. Raises GapError."""
    areas.lock(connection)
    made = gaps.add(connection, gap)
    store.judge_again(connection)
    return made


def remove_gap(connection: Connection, gap_id: int) -> Gap:
    """Delete a gap; returns it. Raises GapError."""
    areas.lock(connection)
    gone = gaps.remove(connection, gap_id)
    store.judge_again(connection)
    return gone


def overrule(connection: Connection, cell: str, force: str | None) -> None:
    """Say whose land a cell is. Raises CellError."""
    areas.lock(connection)
    cells.overrule(connection, cell, force)
    for area in areas.all_areas(connection):
        add_up(connection, area)


def adopt(connection: Connection, slug: str) -> list[str]:
    """Give an area the forces of its land; returns them. Raises AreaError, ForceError."""
    areas.lock(connection)
    area = areas.find(connection, slug)
    named = forces.replace(connection, area)
    add_up(connection, area)
    return named


def add_up(connection: Connection, area: Area) -> None:
    """Add up and judge what is held of an area whose land or forces have changed."""
    # Whoever swaps a month waits, and sees what was written here.
    areas.lock(connection)
    summaries.refresh_areas(connection, [areas.find(connection, area.slug)], grounds.months(connection))
