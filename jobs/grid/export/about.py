"""What an export says of itself: whose data it is, as of when, and what is missing from it."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Connection, text

from jobs import areas
from jobs.areas import AreaError
from jobs.coverage import reading as coverage
from jobs.coverage.reading import NotSupplied
from jobs.grid import period
from jobs.grid.geojson import APPROXIMATE, ATTRIBUTION, LICENCE_URL
from jobs.grid.period import Period
from jobs.grid.query import ExportQuery, QueryRefused
from jobs.months import month_text

# A month is as old as the oldest of its releases; where one of them is not known, nothing is said.
_AS_OF = text(
    """
    SELECT month, built_at, CASE WHEN bool_and(release IS NOT NULL) THEN min(release) END AS release
    FROM grid_months LEFT JOIN (
        SELECT month, release FROM month_grounds WHERE CAST(:area AS text) IS NULL
        UNION ALL SELECT month, release FROM area_months WHERE area = :area
    ) AS held USING (month)
    WHERE month = ANY(:months) GROUP BY month ORDER BY month
    """
)


@dataclass(frozen=True)
class AsOf:
    """How new a month is."""

    month: dt.date
    release: dt.date | None
    """The oldest of the source's releases that its crimes are of; none where that was not noted."""
    built_at: dt.datetime


@dataclass(frozen=True)
class About:
    """What is exported, and what people must know of it."""

    area: str | None
    period: Period
    months_not_held: Sequence[dt.date]
    coverage: Sequence[NotSupplied]
    as_of: Sequence[AsOf]
    generation: int

    @classmethod
    def read(cls, connection: Connection, query: ExportQuery) -> Self:
        """As the database has it. Raises QueryRefused for an area that there is not."""
        _check_area(connection, query.area)
        held = period.held_months(connection)
        # Tiles show sums, and so what the map shows: a year where nothing else is asked for.
        first = query.first or (held[0].month if held and query.format != "pmtiles" else None)
        chosen = period.select(held, first, query.last, by_recency=False)
        rows = connection.execute(_AS_OF, {"area": query.area, "months": list(chosen.months)})
        return cls(
            query.area,
            chosen,
            period.lacking(connection, chosen, query.area),
            coverage.lacking(connection, chosen.months, query.area),
            [AsOf(row.month, row.release, row.built_at) for row in rows],
            period.version(connection).generation,
        )

    def said(self) -> dict[str, Any]:
        """For people and programs; can be written as JSON."""
        return {
            "attribution": ATTRIBUTION,
            "licence": LICENCE_URL,
            "positions": APPROXIMATE,
            "area": self.area,
            "from": month_text(self.period.first) if self.period.first else None,
            "to": month_text(self.period.last) if self.period.last else None,
            "months_not_held": [month_text(month) for month in self.months_not_held],
            "coverage": list(self.coverage),
            "as_of": [
                {
                    "month": month_text(one.month),
                    "release": one.release and one.release.isoformat(),
                    "built_at": one.built_at.isoformat(),
                }
                for one in self.as_of
            ],
            "generation": self.generation,
        }

    def not_supplied(self) -> dict[str, str]:
        """{month as YYYYMM: forces that did not supply it, or not all, as `kent:missing surrey:partial`; or nothing}"""
        return {
            f"{month:%Y%m}": " ".join(
                f"{one['force']}:{one['status']}" for one in self.coverage if month_text(month) in one["months"]
            )
            for month in self.period.months
        }


def _check_area(connection: Connection, slug: str | None) -> None:
    try:
        if slug is not None:
            areas.find(connection, slug)
    except AreaError as error:
        raise QueryRefused({"area": str(error)}) from None
