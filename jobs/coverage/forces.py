"""The police forces of an area: those whose land it is, and those that it names."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, delete
from sqlalchemy.dialects.postgresql import insert

from jobs.areas import Area
from jobs.coverage import usual
from jobs.coverage.cells import around, inside, located
from jobs.coverage.judge import LANDLESS
from jobs.errors import WrongCall
from jobs.models.crimes import AreaForce

_SLUG = re.compile(r"[a-z]+(-[a-z]+)*")

# Of the cells that have crimes of a force: it has as many at least, with those that have none.
MOST = 0.7


class ForceError(WrongCall):
    """A force that cannot be one, or forces that are not known."""


def slug(text: str) -> str:
    """The text, if it can be a force's slug. Raises ForceError."""
    if not _SLUG.fullmatch(text):
        raise ForceError(f"{text} is not the slug of a force (lower-case words joined by hyphens, such as hampshire)")
    return text


def forces_of(connection: Connection, area: Area) -> dict[str, float]:
    """{force: its share of the area's cells whose force is known}; the largest first. Cells of none count too."""
    known = located(connection, inside(area))
    forces = [force for force in known.values() if force]
    shares = {force: forces.count(force) / len(known) for force in set(forces)}
    return dict(sorted(shares.items(), key=lambda item: (-item[1], item[0])))


def of_land(connection: Connection, area: Area) -> list[str]:
    """Those whose land the area is, the largest part first; those that it names where nobody asked the source yet."""
    return list(forces_of(connection, area)) or [force for force in area.forces if force != LANDLESS]


def whole(connection: Connection, area: Area) -> set[str]:
    """Forces all of whose land lies inside of the area: none of the cells next to it is theirs.

    An island of a force is not taken for all of its land, as it has fewer cells than the force is known to have.
    """
    own = inside(area)
    ring = around(area)
    known = located(connection, [*own, *ring])
    outside = {force for cell, force in known.items() if cell in ring}
    if ring.keys() - known.keys():
        return set()
    sizes = Counter(force for cell, force in known.items() if cell in own and force)
    return {force for force, size in sizes.items() if size >= MOST * (usual.cells(force) or math.inf)} - outside


def adopt(connection: Connection, area: Area, found: Mapping[str, float]) -> str:
    """Give an area without forces those of its land. Returns what there is to say where its own differ, else ""."""
    if not area.forces:
        _name(connection, area, found)
        return ""
    return _difference(area, found)


def replace(connection: Connection, area: Area) -> list[str]:
    """Give an area the forces of its land in place of those that it names; returns them. Raises ForceError."""
    found = forces_of(connection, area)
    if not found:
        raise ForceError(f"The forces of the land of {area.slug} are not known: run locate_forces first")
    connection.execute(delete(AreaForce).where(AreaForce.area == area.slug))
    _name(connection, area, found)
    return list(found)


def _name(connection: Connection, area: Area, forces: Iterable[str]) -> None:
    for force in forces:
        connection.execute(insert(AreaForce).values(area=area.slug, force=force).on_conflict_do_nothing())


def _difference(area: Area, found: Mapping[str, float]) -> str:
    further = [force for force in found if force not in area.forces]
    strange = [force for force in area.forces if force not in found and force != LANDLESS]
    said = [f"{', '.join(further)} also cover its land"] if further else []
    said += [f"{', '.join(strange)} cover none of it"] if strange else []
    if not said:
        return ""
    return (
        f"The forces of {area.slug} are {', '.join(area.forces)}, but {'; '.join(said)}. "
        f"To correct them: `safegrid force adopt {area.slug}`"
    )
