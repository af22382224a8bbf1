"""Ways against one state of the grid, however many."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from jobs.grid.paths import scores
from jobs.grid.paths.geodesy import Floats
from jobs.grid.paths.scores import Sums
from jobs.grid.period import Period


@dataclass(frozen=True)
class Ways:
    """What scores ways, and what it reads."""

    connection: Connection
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
        """As `scores.score`. Raises QueryRefused."""
        return scores.score(self.connection, lines, *self._read, buffer_m, self.resolution)

    def sums(self, lines: Sequence[Floats], buffer_m: float) -> Sums:
        """As `scores.sums`. Raises QueryRefused."""
        return scores.sums(self.connection, lines, *self._read, buffer_m, self.resolution)

    @property
    def _read(self) -> tuple[Period, str, tuple[str, ...]]:
        return self.period, self.scheme, self.categories
