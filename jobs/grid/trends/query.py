"""What is asked of trends."""

from typing import Final

from pydantic import Field

from jobs.grid.query import Asked, CellQuery, Month, Regional, Resolved, Slugs

SEASON: Final = 3
MOST_LISTED: Final = 100


class TrendQuery(Asked):
    """Which months are held against those of earlier years."""

    last: Month | None = Field(None, alias="to", description="Newest month, YYYY-MM. Default: the newest ingested")
    recent: int = Field(
        SEASON, ge=1, le=12, description="Number of months up to `to` to compare with the same months of earlier years"
    )
    category: Slugs = ()

    def as_cells(self) -> CellQuery:
        """The same crimes, as cells are asked for."""
        return CellQuery(category=self.category)


class UnusualQuery(Regional, Resolved, TrendQuery):
    """Which cells are looked at."""

    limit: int = Field(20, ge=1, le=MOST_LISTED, description="Maximum number of cells, the lowest probability first")
