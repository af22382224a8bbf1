"""Which months of the grid are read, and what each of them weighs."""

import datetime as dt
import functools
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy import Connection, text

from jobs.months import add_months, months_between

# A year: each season counts once.
DEFAULT_MONTHS: Final = 12
# A crime weighs less the older it is: (months back from the newest month held, at most; weight).
RECENCY: Final = ((3, 1.0), (6, 0.75), (12, 0.5))
OLDER: Final = 0.25

# The generation alone would do, were it not for databases that are restored from a backup.
_VERSION: Final = (
    "SELECT coalesce(max(generation), 0) AS generation, concat_ws(' ', max(made_at){}) AS stamp FROM grid_generations"
)
_PARTS: Final = {
    "areas": "SELECT md5(string_agg(concat_ws(' ', slug, boundary), ' ' ORDER BY slug)) FROM areas",
    "coverage": "SELECT concat_ws(' ', max(changed_at), count(*)) FROM area_coverage",
    "weights": "SELECT md5(string_agg(concat_ws(' ', scheme, category, weight), ' ' ORDER BY scheme, category)) "
    "FROM crime_weights",
}
_HELD = text("SELECT month, h3_resolution FROM grid_months ORDER BY month")


@dataclass(frozen=True)
class Version:
    """What an answer is made from: the committed grid, and the areas and weights where it is read with them."""

    generation: int
    stamp: str


@dataclass(frozen=True)
class Held:
    """A month of the grid, and the resolution of its cells."""

    month: dt.date
    resolution: int


@dataclass(frozen=True)
class Period:
    """Months that are read, oldest first, each with the factor of its crimes."""

    first: dt.date | None
    last: dt.date | None
    months: tuple[dt.date, ...]
    factors: tuple[float, ...]
    resolutions: tuple[int, ...]
    """Resolutions in which cells of these months are held."""


def version(connection: Connection, *parts: Literal["areas", "coverage", "weights"]) -> Version:
    """The version of the grid that this connection sees; with `parts`, also of what else an answer is made from."""
    # As the driver's own statement: every reader asks this first.
    row = connection.exec_driver_sql(_version_of(parts)).one()
    return Version(row.generation, row.stamp)


@functools.cache
def _version_of(parts: tuple[str, ...]) -> str:
    return _VERSION.format("".join(f", ({_PARTS[part]})" for part in parts))


def held_months(connection: Connection) -> list[Held]:
    """The months of the grid, oldest first."""
    return [Held(row.month, row.h3_resolution) for row in connection.execute(_HELD)]


def lacking(connection: Connection, chosen: Period, area: str | None) -> list[dt.date]:
    """Months from the first to the last of the period that are not held, of all of `area` where one is named."""
    if chosen.first is None or chosen.last is None:
        return []
    span = months_between(chosen.first, chosen.last)
    there = set(chosen.months)
    if area is not None:
        whole = text("SELECT month FROM area_months WHERE area = :area AND is_whole")
        there &= set(connection.scalars(whole, {"area": area}))
    return [month for month in (add_months(chosen.first, back) for back in range(span + 1)) if month not in there]


def of(held: Sequence[Held], months: Collection[dt.date]) -> Period:
    """Those of the held months, none of them weighing less."""
    chosen = [one for one in held if one.month in months]
    found = tuple(one.month for one in chosen)
    resolutions = tuple(sorted({one.resolution for one in chosen}))
    return Period(min(found, default=None), max(found, default=None), found, (1.0,) * len(found), resolutions)


def recency(month: dt.date, newest: dt.date) -> float:
    """What a crime of `month` weighs when `newest` is the newest month held."""
    age = months_between(month, newest)
    return next((weight for oldest, weight in RECENCY if age <= oldest), OLDER)


def select(held: Sequence[Held], first: dt.date | None, last: dt.date | None, by_recency: bool) -> Period:
    """The held months from `first` to `last`, both included: twelve calendar months where an end is missing."""
    if not held:
        return Period(first, last, (), (), ())
    newest = held[-1].month
    last = last or newest
    first = first or add_months(last, 1 - DEFAULT_MONTHS)
    chosen = [one for one in held if first <= one.month <= last]
    return Period(
        first,
        last,
        tuple(one.month for one in chosen),
        tuple(recency(one.month, newest) if by_recency else 1.0 for one in chosen),
        tuple(sorted({one.resolution for one in chosen})),
    )
