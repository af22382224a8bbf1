"""What is said where there are more cells than an answer can carry: the resolution that would do."""

from sqlalchemy import Connection, text

from jobs.grid import cells, coarse
from jobs.grid.period import Period
from jobs.grid.query import QueryRefused
from jobs.grid.region import Region, ranges

# Of a cell, at the next resolution; fewer where some have no crime.
_CHILDREN = 7
_OCCUPIED = text(
    """
    SELECT count(*) FROM (
        SELECT h3_index FROM coarse_cells JOIN unnest(CAST(:lows AS text[]), CAST(:highs AS text[])) AS part (low, high)
        ON h3_index BETWEEN low AND high WHERE month = ANY(:months) GROUP BY h3_index
    ) AS occupied
    """
)


def too_large(connection: Connection, period: Period, resolution: int, region: Region | None) -> QueryRefused:
    """The refusal of an answer at `resolution`, with the finest one that certainly fits."""
    fits = _finest(connection, period, resolution, region)
    ask = f"use resolution {fits} or coarser, " if fits else ""
    return QueryRefused({"resolution": f"more than {cells.MOST_CELLS} cells: {ask}reduce bbox or area, or zoom in"})


def _finest(connection: Connection, period: Period, resolution: int, region: Region | None) -> int | None:
    for kept in (one for one in coarse.RESOLUTIONS if one < resolution):
        within = region.covering(kept) if region else ()
        parts = ranges(within, [kept]) or [coarse.whole(kept)]
        lows, highs = zip(*parts, strict=True)
        values = {"months": list(period.months), "lows": list(lows), "highs": list(highs)}
        count = connection.scalar(_OCCUPIED, values) or 0
        if count <= cells.MOST_CELLS:
            return _finer(kept, count, resolution)
    return None


def _finer(kept: int, count: int, resolution: int) -> int:
    """The finest resolution below `resolution` of which `count` cells of `kept` have few enough descendants."""
    finer = kept
    while finer + 1 < resolution and count * _CHILDREN ** (finer + 1 - kept) <= cells.MOST_CELLS:
        finer += 1
    return finer
