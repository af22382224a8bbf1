"""What is asked of trends."""

from typing import Final

from pydantic import Field

from jobs.grid.query import Asked, CellQuery, Month, Regional, Resolved, Slugs

SEASON: Final = 3
MOST_LISTED: Final = 100


class TrendQuery(Asked):
    """Which months are held against those of earlier years."""

    last: Month | None = Field(None, alias="to", description="Newest month, YYYY-MM; the newest held when left out")
    recent: int = Field(
        SEASON, ge=1, le=12, description="Months up to `to` that are held against the same ones of earlier years"
    )
    category: Slugs = ()

    def as_cells(self) -> CellQuery:
        """The same crimes, as cells are asked for."""
        return CellQuery(category=self.category)


class UnusualQuery(Regional, Resolved, TrendQuery):
    """Which cells are looked at."""

    limit: int = Field(20, ge=1, le=MOST_LISTED, description="How many cells are listed, the surest first")
