"""The verdict on each cell of a family: more than usual, or not, or nothing that can be said."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from jobs.grid import rates
from jobs.grid.cells import Sums
from jobs.grid.trends.season import MARGIN, Season

LEVEL: Final = 0.05
"""Of the cells that are listed, so large a share is expected to be chance at most."""
LEAST: Final = 10
"""A cell of fewer crimes in all is not tested: it could hardly show anything, and would count as looked at."""
TEST: Final = (
    "Exact conditional test of two Poisson rates (Przyborowski and Wilenski 1940): "
    f"more than {MARGIN} times the rate of the same months of earlier years; "
    f"corrected for the cells looked at by Benjamini and Hochberg (1995), at {LEVEL}"
)


@dataclass(frozen=True)
class Verdict:
    """What is said of one cell."""

    cell: int
    season: Season
    recent: int
    earlier: int
    looked_at: int
    """Cells of its family that were tested."""
    chance: float | None = None
    """Of so many crimes or more at the largest rate that is still usual; none where it was not tested."""
    adjusted: float | None = None
    """The same after the correction."""

    @property
    def expected(self) -> float | None:
        """What the earlier months let expect of the recent ones."""
        return self.earlier * self.season.scale if self.season.earlier else None

    @property
    def is_more(self) -> bool | None:
        """Whether it has more than usual; none where that cannot be said."""
        return None if self.adjusted is None else self.adjusted <= LEVEL

    @property
    def why_not(self) -> str | None:
        """Why nothing can be said."""
        if not self.season.recent:
            return "the recent months are not ingested or not supplied"
        if not self.season.earlier:
            return "the same months of earlier years are not ingested or not supplied for this land"
        return (
            None
            if self.adjusted is not None
            else f"fewer than {LEAST} crimes in these months and those of earlier years"
        )


def family(season: Season, recent: Sums, earlier: Sums) -> list[Verdict]:
    """Of each cell of one family, in the order of their numbers."""
    ids = np.union1d(recent.ids, earlier.ids)
    counts = recent.counts_of(ids), earlier.counts_of(ids)
    can_be = bool(season.earlier) and bool(season.recent)
    tested = [can_be and new + old >= LEAST for new, old in zip(*counts, strict=True)]
    chances = [
        rates.more(new, old, season.share) for new, old, is_tested in zip(*counts, tested, strict=True) if is_tested
    ]
    outcomes = iter(zip(chances, rates.adjusted(chances).tolist(), strict=True))
    return [
        Verdict(cell, season, new, old, len(chances), *(next(outcomes) if is_tested else ()))
        for cell, new, old, is_tested in zip(ids.tolist(), *counts, tested, strict=True)
    ]
