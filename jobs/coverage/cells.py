"""Whose land it is: the police force of coarse hexagons."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType

import h3
import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Connection, Row, cast, func, select
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, insert

from jobs.areas import Area
from jobs.cell_ids import number_of
from jobs.errors import WrongCall
from jobs.models.coverage import ForceCell

RESOLUTION = 6
"""Hexagons of about 33 square kilometres in England."""

Place = tuple[float, float]
"""Latitude and longitude in degrees."""


class CellError(WrongCall):
    """A hexagon that can be no force's land."""


def inside(area: Area) -> Mapping[int, Place]:
    """{cell: where to ask for its force} for the cells whose centre lies inside of the area.

    An area that holds no centre has the cell of a point of its own, asked for at that point.
    """
    return _inside(area.polygon)


def around(area: Area) -> Mapping[int, Place]:
    """The cells next to those inside that are none of them.

    Crimes near the border of an area lie in them; and where none of them is a force's, all its land is inside.
    """
    return _around(area.polygon)


# Each month that comes in asks for those of every area, and of the country they take a fifth of a second.
@lru_cache(maxsize=64)
def _inside(polygon: BaseGeometry) -> Mapping[int, Place]:
    found = h3.geo_to_cells(_geojson(polygon), RESOLUTION)
    if found:
        return MappingProxyType({h3.str_to_int(cell): h3.cell_to_latlng(cell) for cell in found})
    point = polygon.representative_point()
    return MappingProxyType({h3.str_to_int(h3.latlng_to_cell(point.y, point.x, RESOLUTION)): (point.y, point.x)})


@lru_cache(maxsize=64)
def _around(polygon: BaseGeometry) -> Mapping[int, Place]:
    known = set(map(h3.int_to_str, _inside(polygon)))
    ring = {cell for one in known for cell in h3.grid_disk(one, 1)} - known
    return MappingProxyType({h3.str_to_int(cell): h3.cell_to_latlng(cell) for cell in ring})


def _geojson(polygon: BaseGeometry) -> dict[str, object]:
    # Without a third coordinate, which H3 does not take.
    made: dict[str, object] = shapely.geometry.mapping(shapely.force_2d(polygon))
    return made


def located(connection: Connection, cells: Iterable[int]) -> dict[int, str | None]:
    """{cell: force, none outside of every force} for those of the cells that are known."""
    # One array: the country has thousands of cells.
    wanted = func.any(cast(list(cells), ARRAY(BIGINT)))
    rows = connection.execute(select(ForceCell.cell, ForceCell.force).where(ForceCell.cell == wanted))
    return {row.cell: row.force for row in rows}


def of_forces(connection: Connection, wanted: Iterable[str]) -> list[int]:
    """The known cells of these forces."""
    return list(connection.scalars(select(ForceCell.cell).where(ForceCell.force.in_(list(wanted)))))


def unlocated(connection: Connection, area: Area) -> dict[int, Place]:
    """{cell: where to ask} for the area's cells, and those next to them, whose force is not known."""
    wanted = {**around(area), **inside(area)}
    known = located(connection, wanted)
    return {cell: place for cell, place in sorted(wanted.items()) if cell not in known}


def keep(connection: Connection, cell: int, force: str | None) -> None:
    """Hold what the source said of a cell, unless it is known already."""
    connection.execute(insert(ForceCell).values(cell=cell, force=force).on_conflict_do_nothing())


def overrule(connection: Connection, cell: str, force: str | None) -> None:
    """Hold what a person says of a cell, whatever the source said or will say. Raises CellError."""
    number = number_of(cell)
    if number is None or h3.get_resolution(h3.int_to_str(number)) != RESOLUTION:
        raise CellError(
            f"{cell} is not an H3 cell of resolution {RESOLUTION}; `safegrid force list` shows the known cells"
        )
    new = insert(ForceCell).values(cell=number, force=force, is_overruled=True)
    connection.execute(
        new.on_conflict_do_update(
            index_elements=["cell"], set_={"force": new.excluded.force, "is_overruled": new.excluded.is_overruled}
        )
    )


def all_cells(connection: Connection) -> list[Row[tuple[int, str | None, bool]]]:
    """cell, force, is_overruled, located_at of every known cell, by force."""
    columns = (ForceCell.cell, ForceCell.force, ForceCell.is_overruled, ForceCell.located_at)
    return list(connection.execute(select(*columns).order_by(ForceCell.force, ForceCell.cell)))
