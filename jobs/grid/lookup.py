"""Many cells or points at once."""

from typing import Annotated, Final

import h3.api.basic_int as h3
import numpy as np
from pydantic import Field, model_validator
from sqlalchemy import Connection

from jobs.cell_ids import number_of
from jobs.grid import cells, geojson
from jobs.grid.cells import Cells
from jobs.grid.ground import Ground
from jobs.grid.period import Period
from jobs.grid.query import COARSEST, QueryRefused, TileQuery

MOST_PLACES: Final = 1_000

Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Point = tuple[Longitude, Latitude]


class LookupQuery(TileQuery):
    """Cells, points, or both, and which crimes count."""

    cells: list[str] = Field([], max_length=MOST_PLACES, description="Ids of H3 cells")
    points: list[Point] = Field([], max_length=MOST_PLACES, description="Longitude and latitude in degrees")
    resolution: int | None = Field(
        None, ge=COARSEST, le=15, description="H3 resolution of the cells of the points, 4 to H3_RESOLUTION. Default: 9"
    )

    @model_validator(mode="after")
    def _is_some(self) -> "LookupQuery":
        if not 0 < len(self.cells) + len(self.points) <= MOST_PLACES:
            raise ValueError(f"must have 1 to {MOST_PLACES:,} cells and points together")
        return self

    def numbers(self, resolution: int, finest: int) -> tuple[list[int], list[int]]:
        """The cells, and those of the points at `resolution`. Raises QueryRefused."""
        found = []
        for place, name in enumerate(self.cells):
            number = number_of(name)
            if number is None or not COARSEST <= h3.get_resolution(number) <= finest:
                expected = f"must be an H3 cell of resolution {COARSEST} to {finest} (given: {name[:40]})"
                raise QueryRefused({f"cells.{place}": expected})
            found.append(number)
        return found, [h3.latlng_to_cell(lat, lng, resolution) for lng, lat in self.points]


def texts(
    connection: Connection, query: LookupQuery, scheme: str, period: Period, land: Ground | None, wanted: set[int]
) -> dict[int, str]:
    """What is known of each cell, as JSON; of those without crimes too. scheme: as `cells.read` takes it."""
    found: dict[int, str] = {}
    for resolution in sorted({h3.get_resolution(cell) for cell in wanted}):
        some = np.array(sorted(cell for cell in wanted if h3.get_resolution(cell) == resolution), dtype=np.int64)
        disks = {near for cell in some.tolist() for near in h3.grid_disk(cell, 1)}
        around = cells.read(connection, query, scheme, period, resolution, sorted(disks))
        shown = Cells.shown(around.with_empty(some), None, land)
        asked = shown.at(np.isin(shown.ids, some))
        found |= zip(asked.ids.tolist(), geojson.properties(asked), strict=True)
    return found
