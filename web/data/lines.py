"""The lines of the page Data: months, and what each area's month looks like."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Row

from jobs.months import months_between, months_from
from web.data.store import Overview

Key = tuple[str, dt.date]
"""An area and a month."""
# Of what is usual: the least that is of this level. A tenth is the ordinary difference of one month from the next.
LEVELS = ((1.3, "far-more"), (1.1, "more"), (0.9, "usual"), (0.7, "fewer"), (0.0, "far-fewer"))
_LACKING = ("missing", "partial")


@dataclass(frozen=True)
class Line:
    """A month, or some in a row of which nothing is held."""

    newest: dt.date
    oldest: dt.date

    @property
    def count(self) -> int:
        """How many months."""
        return months_between(self.oldest, self.newest) + 1


@dataclass(frozen=True)
class Cell:
    """An area's month beside what is usual of the area."""

    row: Row[Any]
    supplied: Sequence[Row[Any]]
    """By force, the worst first."""
    usual: float | None

    @property
    def status(self) -> str:
        """The worst of what its forces supplied."""
        return str(self.supplied[0].status) if self.supplied else "unknown"

    @property
    def lacking(self) -> list[Row[Any]]:
        """Forces that did not supply all."""
        return [one for one in self.supplied if one.status in _LACKING]

    @property
    def part(self) -> float | None:
        """Its crimes, of what is usual; none where that is not known, or where a part of them is not."""
        return self.row.records / self.usual if self.usual and self.row.is_whole and not self.lacking else None

    @property
    def level(self) -> str:
        """What the style sheet colours."""
        part = self.part
        return next((name for least, name in LEVELS if part >= least), "") if part is not None else ""


def cells(found: Overview, usual: Mapping[Key, float]) -> dict[Key, Cell]:
    """{(area, month): its cell} of all that is held."""
    supplied: dict[Key, list[Row[Any]]] = defaultdict(list)
    for one in found.coverage:
        supplied[one.area, one.month].append(one)
    keys = {(row.area, row.month): row for row in found.months}
    return {key: Cell(row, supplied[key], usual.get(key)) for key, row in keys.items()}


def lines(newest: dt.date, oldest: dt.date, known: Collection[dt.date]) -> list[Line]:
    """Every month that is known, the newest first; those between them put together."""
    months = reversed(months_from(oldest, newest))
    groups = [list(group) for _, group in groupby(months, lambda month: month if month in known else None)]
    return [Line(group[0], group[-1]) for group in groups]
