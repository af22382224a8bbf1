"""What is asked of changes."""

from pydantic import Field

from jobs.grid.query import FARTHEST, CellQuery, Month, PeriodQuery, Regional, Resolved, Slugs


class ChangeQuery(PeriodQuery):
    """Which months are held against which."""

    first: Month | None = Field(
        None, alias="from", description="Oldest month, YYYY-MM. Default: eleven months before `to`"
    )
    compare: int = Field(
        ge=1,
        le=FARTHEST,
        description="How many months earlier the other period is; it has the same number of months. 12: the same "
        "months a year before. Use whole years, to compare the same seasons",
    )
    category: Slugs = ()

    def as_cells(self) -> CellQuery:
        """The same crimes, as cells are asked for."""
        return CellQuery(first=self.first, last=self.last, category=self.category)


class ChangeTileQuery(Resolved, ChangeQuery):
    """What a tile shows."""


class ChangesQuery(Regional, ChangeTileQuery):
    """Which cells are shown."""
