"""Which months the cells of a family can be judged by: held of the same land, and supplied.

A family is all cells of one resolution within one coarser cell. It is judged together, by the same months.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Final

import h3.api.basic_int as h3
from sqlalchemy import Connection

from jobs.coverage import cells as forces
from jobs.coverage import reading as coverage
from jobs.coverage.judge import LANDLESS
from jobs.grid.ground import Ground
from jobs.grid.region import outlines
from jobs.grid.trends import season
from jobs.grid.trends.season import Season
from jobs.months import parse_month

COARSER: Final = 4
"""A family has 2,401 cells at most: 260 km2 of those of resolution 9."""
Months = set[dt.date]


def family_of(cell: int) -> int:
    """The coarser cell whose cells are judged together with this one."""
    return int(h3.cell_to_parent(cell, family_resolution(h3.get_resolution(cell))))


def family_resolution(resolution: int) -> int:
    """That of the families of cells of `resolution`."""
    return max(0, resolution - COARSER)


def seasons(
    connection: Connection, families: Sequence[int], last: dt.date, count: int, lands: Mapping[dt.date, Ground]
) -> dict[int, Season]:
    """{family: the months that its cells are judged by}. lands: what is held of each month that may be one of them."""
    lacking = _lacking(connection, list(lands))
    owners = _owners(connection, families) if lacking else {}
    found = {}
    for family in families:
        # Where nobody knows whose land it is, it may be that of any force.
        own = owners.get(family) or lacking.keys() - {LANDLESS}
        missed = set().union(*(lacking.get(force, set()) for force in own))
        recent = lands.keys() - missed
        # Where the railway police is lacking of the recent months there are fewer crimes, which accuses nobody.
        earlier = _same_land(family, last, lands) - missed - lacking.get(LANDLESS, set())
        found[family] = season.select(last, count, recent, earlier)
    return found


def _lacking(connection: Connection, months: Sequence[dt.date]) -> dict[str, Months]:
    found: dict[str, Months] = {}
    for one in coverage.lacking(connection, months):
        found.setdefault(one["force"], set()).update(map(parse_month, one["months"]))
    return found


def _owners(connection: Connection, families: Sequence[int]) -> dict[int, set[str]]:
    """{family: forces whose land some of it is}"""
    parts = {family: _parts(family) for family in families}
    known = forces.located(connection, {part for some in parts.values() for part in some})
    return {family: {force for part in some if (force := known.get(part))} for family, some in parts.items()}


def _parts(family: int) -> list[int]:
    if h3.get_resolution(family) > forces.RESOLUTION:
        return [h3.cell_to_parent(family, forces.RESOLUTION)]
    return list(h3.cell_to_children(family, forces.RESOLUTION))


def _same_land(family: int, last: dt.date, lands: Mapping[dt.date, Ground]) -> Months:
    """Months of which all is held that is held of the family's land in the newest month: else there were fewer."""
    newest = max((month for month in lands if month <= last), default=None)
    if newest is None:
        return set()
    (outline,) = outlines([family])
    # Most months have the very same land.
    is_same = {id(land): land.has_all_of(lands[newest], outline) for land in lands.values()}
    return {month for month, land in lands.items() if is_same[id(land)]}
