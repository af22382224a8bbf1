"""What is asked of changes."""

from pydantic import Field

from jobs.grid.query import FARTHEST, CellQuery, Month, PeriodQuery, Regional, Resolved, Slugs


class ChangeQuery(PeriodQuery):
    """Which months are held against which."""

    first: Month | None = Field(
        None, alias="from", description="Oldest month, YYYY-MM; eleven months before `to` when left out"
    )
    compare: int = Field(
        ge=1,
        le=FARTHEST,
        description="How many months before the other period lies, which has as many months; "
        "12: the same months a year before. Other than whole years compare seasons with others",
    )
    category: Slugs = ()

    def as_cells(self) -> CellQuery:
        """The same crimes, as cells are asked for."""
        return CellQuery(first=self.first, last=self.last, category=self.category)


class ChangeTileQuery(Resolved, ChangeQuery):
    """What a tile shows."""


class ChangesQuery(Regional, ChangeTileQuery):
    """Which cells are shown."""
