"""What jobs return, as the API describes it. A result is JSON: these are its shape, and no job makes one of them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Result(BaseModel):
    """A part of a result: nothing beside what is declared, and no number as text."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Issue(Result):
    """A note on a month."""

    issue: str
    count: int
    example: str
    force: str | None = None
    status: str | None = None


class Difference(Result):
    """Differences to the earlier crimes of a month."""

    added: int
    removed: int
    unplaced: int = Field(description="How many more are unplaced")
    moved: int
    recategorised: int
    outcome_changed: int
    categories: dict[str, int] = Field(description="How many more of each category; unchanged categories are left out")


class MonthResult(Result):
    """An ingested month of an area."""

    area: str
    month: str = Field(description="YYYY-MM-01")
    records_ingested: int
    records_unplaced: int = Field(description="Unplaced crimes")
    records_outside: int = Field(description="Records of the source outside the border of the area")
    records_set_aside: int = Field(description="Records that cannot be used, set aside with their reasons")
    records_collapsed: int = Field(description="Records that repeat another")
    occupied_cells: int
    categories: dict[str, int]
    requests: int
    issues: list[Issue]
    source: str
    release: str | None = Field(description="Release of the source, YYYY-MM-DD; null if unknown")
    change: Literal["ingested", "refreshed", "unchanged", "partial"]
    difference: Difference | None = Field(description="Difference to the crimes before; null if the month is new")
    status: Literal["success"]


class LatestIngested(Result):
    """The ingested months."""

    task: Literal["ingest_latest_crime_data"]
    total_records: int
    results: list[MonthResult]


class MonthIngested(Result):
    """The ingested month, by area."""

    task: Literal["ingest_month_on_demand"]
    month: str = Field(description="YYYY-MM-01")
    records_ingested: int
    status: Literal["success"]
    results: list[MonthResult]


class Backfilled(Result):
    """What a backfill ingests; without `dry_run`, also what it ingested."""

    task: Literal["backfill_crime_data"]
    dry_run: bool
    months: list[str] = Field(description="YYYY-MM, newest first")
    requests: int | None = Field(description="Approximate number; null before the first ingestion")
    seconds: int | None
    total_records: int | None = None
    results: list[MonthResult] | None = None


class Superseded(Result):
    """A month that is already ingested from a newer release."""

    area: str
    month: str


class ArchiveIngested(Result):
    """What an archive has; without `dry_run`, also what was ingested."""

    task: Literal["ingest_archive"]
    dry_run: bool
    archive: str
    release: str
    months: list[str] = Field(description="YYYY-MM, newest first")
    files: int
    bytes_needed: int
    bytes_free: int | None
    total_records: int | None = None
    superseded: list[Superseded] | None = None
    results: list[MonthResult] | None = None


class ReleaseWatched(Result):
    """What the source publishes."""

    task: Literal["watch_for_release"]
    released: str = Field(description="Newest month of the source, YYYY-MM-01")
    newest_held: str | None
    is_new: bool
    ingest: bool = Field(description="Whether new releases are ingested automatically")


class GridStatistics(Result):
    """Totals over the cells of the requested months."""

    unique_cells: int
    total_cell_months: int
    total_crimes: int
    avg_crimes_per_cell: float
    max_crimes_per_cell: int


class GridRebuilt(Result):
    """The grid as it is now."""

    task: Literal["rebuild_safety_grid"]
    months_processed: int = Field(description="Requested months")
    months_held: list[str] = Field(description="YYYY-MM-01")
    months_rebuilt: list[str] = Field(description="Months that had changed and were rebuilt")
    cells_created: int
    grid_type: str
    h3_resolution: int
    cell_size_m: int | float
    statistics: GridStatistics
    not_rebuilt: str | None = Field(None, description="Why nothing was built; left out where nothing was in the way")


class GridPublished(Result):
    """An earlier generation of the grid that is published again."""

    task: Literal["publish_grid_generation"]
    generation: int = Field(description="The number that it has now")
    restores: int = Field(description="The number that it had before")
    months_restored: list[str] = Field(description="YYYY-MM-01, those that were otherwise in the published generation")
    months_removed: list[str] = Field(description="YYYY-MM-01, those that it did not have")


class Recelled(Result):
    """Crimes whose cells were computed again."""

    task: Literal["recell_crimes"]
    h3_resolution: int
    months_recelled: list[str]
    records_recelled: int
    distinct_points: int


class GridInfo(Result):
    """What kind of grid it is."""

    resolution: int
    cell_size_m: int | float
    grid_type: str


class CellIds(Result):
    """Cell ids that are not valid."""

    total_cells: int
    unique_h3_cells: int
    invalid_cell_ids: int
    invalid_cell_examples: list[str]


class MonthOfGrid(Result):
    """A month of the grid."""

    month: str
    cells: int
    crimes: int


class GridCoverage(Result):
    """Months of the grid, and missing months."""

    months_analyzed: int
    missing_months: list[str]
    monthly_breakdown: list[MonthOfGrid]
    forces: dict[str, dict[str, dict[str, str]]] = Field(description="{area: {verdict: {force: months}}}")


class GridQuality(Result):
    """Numbers that look odd."""

    total_records: int
    zero_crime_cells: int
    avg_crimes_per_cell: float
    max_crimes_per_cell: int


class GridValidated(Result):
    """The grid's health."""

    task: Literal["validate_h3_grid_health"]
    timestamp: str
    health_status: Literal["healthy", "warning", "degraded"]
    grid_info: GridInfo
    h3_validation: CellIds
    coverage: GridCoverage
    data_quality: GridQuality
    issues: list[str]


class HistoryCleaned(Result):
    """Route history that was soft-deleted, and deleted for good; in a dry run, that would be."""

    task: Literal["cleanup_old_route_history"]
    dry_run: bool
    retention_days: int
    cutoff_date: str
    records_deleted: int = Field(description="Soft-deleted")
    records_purged: int | None = Field(description="Deleted for good; null without SAFEGRID_HISTORY_PURGE_DAYS")


class DeletedMonth(Result):
    """What was deleted of a month; in a dry run, what would be."""

    month: str = Field(description="YYYY-MM-01")
    crimes: int = Field(description="With a position")
    unplaced: int = Field(description="Crimes without a position")
    set_aside: int
    ingestions: int = Field(description="Entries of the month's ingestions and revisions")
    cells: int = Field(description="Cells of the grid")


class CrimesDeleted(Result):
    """Months of crimes that were deleted; in a dry run, that would be."""

    task: Literal["delete_old_crimes"]
    dry_run: bool
    keep_months: int | None = Field(description="Null if all months are kept")
    oldest_kept: str | None = Field(description="YYYY-MM-01")
    months: list[DeletedMonth] = Field(description="The oldest first")
    crimes_deleted: int = Field(description="With and without a position")


class EndedRuns(Result):
    """Runs of a job that ended in a month."""

    month: str = Field(description="YYYY-MM")
    job: str
    runs: int


class RunsDeleted(Result):
    """Runs that were deleted; in a dry run, that would be."""

    task: Literal["delete_old_runs"]
    dry_run: bool
    keep_days: int
    cutoff_date: str
    counts: list[EndedRuns]
    runs_deleted: int


class ForcesLocated(Result):
    """The forces of the areas."""

    task: Literal["locate_forces"]
    cells: int = Field(description="Cells whose force the source was asked for")
    requests: int
    areas: dict[str, dict[str, float]] = Field(description="{area: {force: share of its land}}")
    differences: list[str] = Field(description="Areas whose forces differ from those of their land")
    problem: str = Field(description="Why the source could not be asked; empty if it was")


class EventDelivered(Result):
    """A delivered event."""

    task: Literal["deliver_event"]
    status: Literal["success"]
    event: str


class CacheWarmed(Result):
    """The computed scores."""

    task: Literal["warm_popular_routes_cache"]
    status: Literal["success", "partial", "degraded", "nothing_warmed"]
    routes_processed: int
    dates_per_route: int
    total_warmed: int
    total_failed: int
    weather_unavailable: int
    cloud_cover_assumed: int
    seconds: float


class ClimatologyFilled(Result):
    """Places whose usual weather was fetched."""

    task: Literal["fill_climatology"]
    status: Literal["success", "partial", "budget_spent"]
    places_filled: int
    places_incomplete: int
    places_waiting: int
    calls: float
    seconds: float


class EdgesScored(Result):
    """Edges whose costs were written."""

    task: Literal["score_edges"]
    output: str = Field(description="File in the import folder")
    edges: int
    length_m: float
    uncovered: int = Field(description="Edges without a cost, because no crimes are ingested there")
    few_data: int
    months: list[str] = Field(description="YYYY-MM")
