"""Ways against one state of the grid, however many."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from jobs.grid.cells import MOST_CELLS, TooManyCells
from jobs.grid.paths import corridor
from jobs.grid.paths.counts import Counting
from jobs.grid.paths.geodesy import Floats
from jobs.grid.paths.scores import Scores, Sums
from jobs.grid.period import Period, Version
from jobs.grid.query import QueryRefused


@dataclass(frozen=True)
class Ways:
    """What scores ways, and what it reads."""

    connection: Connection
    counting: Counting
    at: Version
    """What the connection sees."""
    period: Period
    scheme: str
    categories: tuple[str, ...]
    resolution: int
    about: dict[str, Any]
    """For people and programs."""

    @property
    def months(self) -> int:
        """How many months are added up, 1 where none is held."""
        return max(1, len(self.period.months))

    def scored(self, lines: Sequence[Floats], buffer_m: float) -> str:
        """Ways as the text of a JSON array. lines: positions in degrees, longitude first, (n, 2) each.

        Crimes of a corridor are those of its cells, each by the part of it that lies in the corridor; sums over months.
        A rate is weighted crimes a km of the way and month of the period. Raises QueryRefused.
        """
        return f"[{','.join(self._scores(lines, buffer_m).paths(len(lines)))}]"

    def sums(self, lines: Sequence[Floats], buffer_m: float) -> Sums:
        """What each way has in all, as `scored` says it. Raises QueryRefused."""
        return self._scores(lines, buffer_m).of_paths(len(lines))

    def _scores(self, lines: Sequence[Floats], buffer_m: float) -> Scores:
        try:
            found = corridor.of(lines, buffer_m, self.resolution)
        except TooManyCells:
            detail = f"must touch at most {MOST_CELLS:,} cells: use fewer or shorter paths, or a smaller buffer_m"
            raise QueryRefused({"paths": detail}) from None
        held = self.counting.read(self.connection, self.at, found.cells, self.period, self.scheme, self.categories)
        return Scores(found, held, self.months)
