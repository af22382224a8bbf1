"""How the crimes of cells changed from one period to another, and whether that is more than chance."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import h3.api.basic_int as h3
import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from jobs.coverage import cells as forces
from jobs.coverage import reading as coverage
from jobs.coverage.judge import LANDLESS
from jobs.grid import rates
from jobs.grid.cells import MOST_CELLS, Sums, TooManyCells
from jobs.grid.changes.pairs import Pairs
from jobs.grid.ground import Ground
from jobs.grid.region import Ints, Region, outlines, parents

LEVEL: Final = 0.01
"""Of a hundred cells that did not change, one at most is taken for one that did."""
TEST: Final = (
    "Exact conditional test of two Poisson rates (Przyborowski and Wilenski 1940), two-sided: "
    f"a change with a chance of {LEVEL} or more is within chance. Not corrected for the cells looked at"
)
# Of a cell, so much more may be held of one month than of another: borders that were cut anew.
_SAME: Final = 0.01
Masks = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Changes:
    """Cells in the order of their numbers, shape (n,) each."""

    ids: Ints
    now: Sequence[int]
    before: Sequence[int]
    comparable: Masks
    """Whether the same land is ingested in all these months, and its force supplied them."""
    outlines: npt.NDArray[np.object_]
    share: float

    def said(self) -> Iterator[dict[str, Any]]:
        """What is said of each cell. A ratio is one of crimes a day; there is none where there were none before."""
        odds = self.share / (1 - self.share)
        for cell, now, before, is_comparable in zip(
            self.ids.tolist(), self.now, self.before, self.comparable.tolist(), strict=True
        ):
            chance = rates.differs(now, before, self.share)
            yield {
                "h3": h3.int_to_str(cell),
                "crimes": now,
                "crimes_before": before,
                "ratio": round(now / before / odds, 4) if before else None,
                "p_value": chance,
                "within_chance": chance >= LEVEL,
                "comparable": is_comparable,
            }


def within(region: Region | None, now: Sums, before: Sums) -> Ints:
    """The cells of either period that touch the region, in the order of their numbers. Raises TooManyCells."""
    ids = np.union1d(now.ids, before.ids)
    found = ids[region.touches(outlines(ids.tolist()))] if region else ids
    if len(found) > MOST_CELLS:
        raise TooManyCells
    return found


def of(ids: Ints, now: Sums, before: Sums, share: float, comparable: "Comparable") -> Changes:
    """What is known of these cells. share: of all crimes, that of the newer period at equal rates."""
    shapes = outlines(ids.tolist())
    return Changes(ids, now.counts_of(ids), before.counts_of(ids), comparable.of(ids, shapes), shapes, share)


@dataclass(frozen=True)
class Comparable:
    """Which cells can be compared, by the land of each month and the forces that did not supply some of them."""

    connection: Connection
    grounds: Sequence[Ground]
    missed: frozenset[str]

    @classmethod
    def read(cls, connection: Connection, pairs: Pairs, lands: Mapping[Any, Ground]) -> "Comparable":
        """What the database says of the months that are compared. lands: by month."""
        missed = {one["force"] for one in coverage.lacking(connection, pairs.months)} - {LANDLESS}
        different = {id(land): land for land in lands.values()}
        return cls(connection, list(different.values()), frozenset(missed))

    def of(self, ids: Ints, shapes: npt.NDArray[np.object_]) -> Masks:
        """Whether each of the cells, all of one resolution, can be compared."""
        if not len(ids) or not self.grounds:
            return np.zeros(len(ids), dtype=bool)
        shares = np.array([ground.shares(shapes) for ground in self.grounds])
        is_held = (shares.max(axis=0) > 0) & (np.ptp(shares, axis=0) <= _SAME)
        return np.asarray(is_held & self._are_supplied(ids))

    def _are_supplied(self, ids: Ints) -> Masks:
        if not self.missed:
            return np.ones(len(ids), dtype=bool)
        resolution = h3.get_resolution(int(ids[0]))
        if resolution < forces.RESOLUTION:
            lacking = np.array(forces.of_forces(self.connection, self.missed), np.int64)
            return ~np.isin(ids, parents(lacking, resolution))
        places = parents(ids, forces.RESOLUTION)
        known = forces.located(self.connection, np.unique(places).tolist())
        # Where nobody knows whose land it is, it may be theirs.
        supplied = [cell for cell, force in known.items() if force not in self.missed]
        return np.isin(places, np.array(supplied, np.int64))
