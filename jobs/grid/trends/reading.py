"""Trends as they are read: one cell against its own past, and the cells of a region that have more than usual."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import h3.api.basic_int as h3
import shapely
from shapely.geometry import mapping
from sqlalchemy import Connection

from jobs.grid import cells, geojson, period
from jobs.grid.cells import NOTHING, Sums
from jobs.grid.ground import Grounds
from jobs.grid.period import Held
from jobs.grid.query import QueryRefused
from jobs.grid.region import Region, outlines, parents
from jobs.grid.trends import judge, season, usable
from jobs.grid.trends.judge import Verdict
from jobs.grid.trends.query import TrendQuery
from jobs.grid.trends.season import Season
from jobs.months import add_months, month_text, months_from

MONTHS_SHOWN: Final = 72
# A region of more families is more than a page shows.
MOST_FAMILIES: Final = 100
_KM_PER_DEGREE: Final = 111.32
_ELSE: Final = "use a coarser resolution, reduce bbox or area, or zoom in"


@dataclass(frozen=True)
class Trends:
    """A query with what the database says about it. scheme: name of the default weights."""

    connection: Connection
    query: TrendQuery
    held: Sequence[Held]
    grounds: Grounds
    scheme: str

    @property
    def last(self) -> dt.date | None:
        """The newest month that is looked at."""
        return self.query.last or (self.held[-1].month if self.held else None)

    def cell(self, number: int) -> dict[str, Any] | None:
        """The trend of a cell, as JSON; none where it has no crimes in the months that are shown."""
        months = self._months(number)
        if self.last is None or not months:
            return None
        resolution, family = h3.get_resolution(number), usable.family_of(number)
        seasons = self._seasons([family])
        found = {one.cell: one for one in self._verdicts(seasons, resolution)}
        # Without a crime in the months that are compared it is not among them.
        one = found.get(number) or Verdict(number, seasons[family], 0, 0, _looked_at(found.values()))
        name = h3.int_to_str(number)
        return {"h3": name, "resolution": resolution, **_history(months, one), **_said(one), **self.about}

    def unusual(self, region: Region, resolution: int, limit: int) -> dict[str, Any]:
        """At most `limit` cells of a region that have more than usual, the surest first. Raises QueryRefused."""
        families = _families(region, resolution)
        found = _within(region, list(self._verdicts(self._seasons(families), resolution)))
        more = sorted((one for one in found if one.is_more), key=lambda one: (one.adjusted, one.chance, one.cell))
        looked_at = _looked_at(found)
        return {
            "cells": [_listed(one) for one in more[:limit]],
            "found": len(more),
            "looked_at": looked_at,
            "not_tested": len(found) - looked_at,
            "resolution": resolution,
            **self.about,
        }

    @property
    def about(self) -> dict[str, Any]:
        """What was read, and how it is judged."""
        return {
            "to": month_text(self.last) if self.last else None,
            "categories": list(self.query.category) or "all",
            "test": judge.TEST,
            **geojson.ABOUT,
        }

    def _seasons(self, families: Sequence[int]) -> dict[int, Season]:
        if self.last is None:
            return dict.fromkeys(families, Season((), ()))
        wanted = {month for year in season.wanted(self.last, self.query.recent) for month in year}
        lands = self.grounds.of(self.connection, [one.month for one in self.held if one.month in wanted])
        return usable.seasons(self.connection, families, self.last, self.query.recent, lands)

    def _verdicts(self, seasons: Mapping[int, Season], resolution: int) -> Iterator[Verdict]:
        for chosen in set(seasons.values()):
            families = [family for family, one in seasons.items() if one == chosen]
            yield from self._of_season(chosen, families, resolution)

    def _of_season(self, chosen: Season, families: Sequence[int], resolution: int) -> Iterator[Verdict]:
        recent, earlier = (self._sums(months, families, resolution) for months in (chosen.recent, chosen.earlier))
        level = usable.family_resolution(resolution)
        of = [parents(sums.ids, level) for sums in (recent, earlier)]
        for family in families:
            yield from judge.family(chosen, recent.at(of[0] == family), earlier.at(of[1] == family))

    def _sums(self, months: Sequence[dt.date], families: Sequence[int], resolution: int) -> Sums:
        if not months:
            return NOTHING
        weights = self.scheme if self.query.category else ""
        read = period.of(self.held, months)
        return cells.read(self.connection, self.query.as_cells(), weights, read, resolution, families)

    def _months(self, number: int) -> dict[dt.date, int]:
        """{month: crimes of the cell} for the months held, oldest first; none where it has no crimes at all."""
        if self.last is None:
            return {}
        oldest = add_months(self.last, 1 - MONTHS_SHOWN)
        months = [one.month for one in self.held if oldest <= one.month <= self.last]
        rows = cells.breakdown(
            self.connection, self.query.as_cells(), self.scheme, period.of(self.held, months), number
        )
        counts = dict.fromkeys(months, 0)
        for row in rows:
            counts[row.month] += int(row.n)
        return counts if rows else {}


def _history(months: Mapping[dt.date, int], one: Verdict) -> dict[str, Any]:
    uses = {**dict.fromkeys(one.season.earlier, "earlier"), **dict.fromkeys(one.season.recent, "recent")}
    lacking = [month for month in months_from(min(months), max(months)) if month not in months]
    return {
        "months": [{"month": month_text(month), "crimes": n, "use": uses.get(month)} for month, n in months.items()],
        "months_not_held": [month_text(month) for month in lacking],
    }


def _within(region: Region, found: Sequence[Verdict]) -> list[Verdict]:
    touched = region.touches(outlines([one.cell for one in found])) if found else ()
    return [one for one, is_in in zip(found, touched, strict=True) if is_in]


def _looked_at(found: Iterable[Verdict]) -> int:
    return sum(one.adjusted is not None for one in found)


def _families(region: Region, resolution: int) -> list[int]:
    if region.shape.is_empty:
        return []
    # A cell may reach out of its family.
    wide = shapely.buffer(region.shape, 2 * h3.average_hexagon_edge_length(resolution) / _KM_PER_DEGREE)
    shape = h3.geo_to_h3shape(mapping(wide))
    found = h3.h3shape_to_cells_experimental(shape, usable.family_resolution(resolution), contain="overlap")
    if len(found) > MOST_FAMILIES:
        raise QueryRefused({"resolution": f"the region is too large for cells of resolution {resolution}: {_ELSE}"})
    return sorted(found)


def _said(one: Verdict) -> dict[str, Any]:
    return {
        "recent_months": [month_text(month) for month in one.season.recent],
        "earlier_months": [month_text(month) for month in one.season.earlier],
        "earlier": one.earlier,
        **_numbers(one),
        "more_than_usual": one.is_more,
        "why_not": one.why_not,
        "p_value": one.chance,
        "looked_at": one.looked_at,
    }


def _numbers(one: Verdict) -> dict[str, Any]:
    expected = one.expected
    return {
        "recent": one.recent,
        "expected": None if expected is None else round(expected, 4),
        "ratio": round(one.recent / expected, 4) if expected else None,
        "p_adjusted": one.adjusted,
    }


def _listed(one: Verdict) -> dict[str, Any]:
    lat, lng = h3.cell_to_latlng(one.cell)
    name = h3.int_to_str(one.cell)
    return {"h3": name, "latitude": round(lat, 6), "longitude": round(lng, 6), **_numbers(one)}
