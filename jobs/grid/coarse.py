"""Coarse cells: sums of fine ones, kept so that a map of the whole country reads few rows."""

from typing import Final

RESOLUTIONS: Final = (7, 6, 5, 4)
"""Those that are kept, finest first: cells of 5 to 1,770 km2. No grid is coarser than the first."""


def parent(number: str, resolution: int | str) -> str:
    """SQL of the number of a cell's parent at `resolution`. number: SQL of the cell's own, 64 bits."""
    # The resolution in place of the cell's own, and every digit below it unused.
    return (
        f"({number} & ~(15::bigint << 52)) | (CAST({resolution} AS bigint) << 52) "
        f"| ((1::bigint << (3 * (15 - {resolution}))) - 1)"
    )


def summed(counted: str) -> str:
    """SQL of common tables: `coarse` with the h3_cell, category and n of all coarse cells over those of `counted`.

    Each resolution is summed from the one before: the coarser, the fewer rows.
    """
    sources = (counted, *map(_name, RESOLUTIONS))
    tables = [
        f"{_name(resolution)} AS (SELECT {parent('h3_cell', resolution)} AS h3_cell, category, sum(n)::int AS n "  # noqa: S608 - constants
        f"FROM {source} GROUP BY 1, 2)"
        for resolution, source in zip(RESOLUTIONS, sources, strict=False)
    ]
    every = " UNION ALL ".join(f"SELECT * FROM {_name(resolution)}" for resolution in RESOLUTIONS)  # noqa: S608 - constants
    return ", ".join((*tables, f"coarse AS (SELECT * FROM ({every}) AS every ORDER BY h3_cell, category)"))  # noqa: S608 - constants


def _name(resolution: int) -> str:
    return f"of_{resolution}"


def whole(resolution: int) -> tuple[str, str]:
    """First and last text that a cell of `resolution` can have."""
    return f"8{resolution:x}{'0' * 13}", f"8{resolution:x}{'f' * 13}"
