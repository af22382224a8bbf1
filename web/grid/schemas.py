"""Responses of the grid, which are put together by hand, as the OpenAPI document describes them."""

from typing import Any, Literal

from pydantic import Field

from web.http.schemas import Schema

Schemas = dict[str, Any]


class NotSupplied(Schema):
    """Months that a force did not supply, or not whole."""

    force: str
    status: Literal["missing", "partial"]
    months: list[str] = Field(description="YYYY-MM")


class Period(Schema):
    """Which months are read, and how."""

    from_: str | None = Field(alias="from", description="Oldest month, YYYY-MM")
    to: str | None
    months: list[str]
    months_not_held: list[str] = Field(
        description="Months between `from` and `to` that are not ingested, or not for all of the area"
    )
    categories: list[str] | Literal["all"]
    scheme: str
    recency: bool
    coverage: list[NotSupplied] = Field(
        description="What forces did not supply in these months. If a force is missing, fewer crimes do not mean safer"
    )
    generation: int


class HeldPeriod(Period):
    """The same, with the months that can be compared."""

    months_compared: list[str] | None = Field(
        description="Ingested months whose month `compare` months earlier is ingested too"
    )


class _Read(Period):
    """What was read of the grid."""

    resolution: int
    attribution: str
    license: str = Field(description="Address of the Open Government Licence")
    positions: str


class Ring(Schema):
    """The outline of a cell in degrees, longitude first."""

    type: Literal["Polygon"]
    coordinates: list[list[tuple[float, float]]]


class Numbers(Schema):
    """The numbers of a cell."""

    h3: str
    crimes: int
    asb: int = Field(description="How many of `crimes` are incidents of anti-social behaviour")
    weighted: float
    density_per_km2: float
    smoothed_per_km2: float
    covered: float = Field(description="Share of the cell with ingested crimes, 0 to 1")
    few_data: bool
    interval_95: tuple[float, float] | None = Field(
        description="Exact 95 % interval of the mean behind up to 1,000 crimes (Poisson, Garwood)"
    )


class Feature(Schema):
    """A cell as GeoJSON."""

    type: Literal["Feature"]
    id: str
    geometry: Ring
    properties: Numbers


class Totals(Schema):
    """Sums over the cells. Incidents of anti-social behaviour are not recorded crimes."""

    crimes: int
    asb: int
    recorded_crime: int


class Cells(_Read):
    """Cells as a GeoJSON FeatureCollection."""

    type: Literal["FeatureCollection"]
    totals: Totals
    features: list[Feature]


class CellMonth(Schema):
    """A month of a cell."""

    month: str = Field(description="YYYY-MM-01")
    crimes: int
    weighted: float
    categories: dict[str, int]


class Neighbour(Schema):
    """A neighbouring cell."""

    h3: str
    crimes: int
    weighted: float


class Street(Schema):
    """A street with its crimes in a cell. If a cell has no street, a kind of place such as `Supermarket`."""

    name: str
    crimes: int


class Cell(_Read, Numbers):
    """One cell in full."""

    streets: list[Street] = Field(
        description="The streets with most of the crimes, up to three; for a cell coarser than resolution 8 those "
        "of its busiest cell of resolution 8"
    )

    latitude: float
    longitude: float
    area_km2: float
    by_category: dict[str, int]
    by_month: list[CellMonth]
    neighbours: list[Neighbour]


class _Judged(Schema):
    """A cell's newest months against the same ones of earlier years."""

    recent: int = Field(description="Crimes of the newest months")
    expected: float | None = Field(description="Expected crimes, from the same months of earlier years and their days")
    ratio: float | None = Field(description="`recent` divided by `expected`; null if nothing is expected")
    p_adjusted: float | None = Field(
        description="Probability of this many crimes or more, corrected for the number of cells; null if not tested"
    )


class _Looked(Schema):
    """At what was looked, and how."""

    to: str | None = Field(description="Newest month, YYYY-MM")
    categories: list[str] | Literal["all"]
    resolution: int
    looked_at: int = Field(description="Number of cells tested together, which `p_adjusted` corrects for")
    test: str
    generation: int
    attribution: str
    license: str
    positions: str


class TrendMonth(Schema):
    """A month of a cell."""

    month: str = Field(description="YYYY-MM")
    crimes: int
    use: Literal["recent", "earlier"] | None = Field(description="How the test uses this month, if it does")


class Trend(_Judged, _Looked):
    """A cell compared with its own past."""

    h3: str
    months: list[TrendMonth] = Field(description="Ingested months of up to six years, oldest first")
    months_not_held: list[str]
    recent_months: list[str]
    earlier_months: list[str]
    earlier: int = Field(description="Crimes of the earlier months, all years together")
    more_than_usual: bool | None = Field(description="Null if it cannot be tested; `why_not` has the reason")
    why_not: str | None
    p_value: float | None = Field(description="The probability before the correction")


class UnusualCell(_Judged):
    """A cell with more crimes than usual."""

    h3: str
    latitude: float
    longitude: float


class Unusual(_Looked):
    """Cells with more crimes than usual, the lowest probability first."""

    cells: list[UnusualCell]
    found: int = Field(description="Number of such cells in the region; `cells` has up to `limit` of them")
    not_tested: int = Field(description="Cells with too few crimes, or without comparable months in earlier years")


class Lookup(_Read):
    """Cells and points, each in the order of the request."""

    cells: list[Numbers]
    points: list[Numbers] = Field(description="For each point, the cell that it lies in")


class ChangeNumbers(Schema):
    """The crimes of a cell in two periods."""

    h3: str
    crimes: int
    crimes_before: int
    ratio: float | None = Field(
        description="Crimes per day in this period, divided by those in the other; null if there were none"
    )
    p_value: float = Field(description="Probability of a change this large, up or down, at equal rates")
    within_chance: bool
    comparable: bool = Field(
        description="Whether the same land is ingested in all these months, and its force supplied them. "
        "If not, the change has no meaning"
    )


class _Compared(Schema):
    """What was compared, and how."""

    months: list[str] = Field(description="YYYY-MM")
    months_before: list[str]
    months_not_compared: list[str] = Field(
        description="Months of the newer period that are not ingested, or whose counterpart is not"
    )
    categories: list[str] | Literal["all"]
    coverage: list[NotSupplied] = Field(description="What forces did not supply, in both periods")
    test: str
    generation: int
    resolution: int
    attribution: str
    license: str
    positions: str


class ChangeFeature(Schema):
    """A cell as GeoJSON."""

    type: Literal["Feature"]
    id: str
    geometry: Ring
    properties: ChangeNumbers


class Changes(_Compared):
    """Cells as a GeoJSON FeatureCollection."""

    type: Literal["FeatureCollection"]
    features: list[ChangeFeature]


class Change(_Compared, ChangeNumbers):
    """The crimes of one cell in two periods."""


class PathCell(Schema):
    """A cell that the corridor of a segment overlaps."""

    h3: str
    length_m: float = Field(description="Metres of the segment inside the cell")
    share: float = Field(description="Share of the cell that lies in the corridor, 0 to 1")


class _Along(Schema):
    """What is known of a way, or of a segment of it."""

    length_m: float = Field(description="Length in metres, on the ellipsoid WGS 84")
    crimes: float = Field(
        description="Crimes of its cells, each in proportion to the part of the cell that lies in the corridor"
    )
    weighted: float
    weighted_per_km_month: float
    covered: float = Field(
        description="Share of the corridor with ingested crimes, 0 to 1. A low share does not mean safe"
    )
    few_data: bool = Field(description="Whether all cells together have too few crimes to compare")
    interval_95: tuple[float, float] | None = Field(
        description="Of `crimes`: the exact interval (Poisson, Garwood) of all crimes of the cells, up to 1,000, by "
        "the part that the corridor has"
    )
    categories: dict[str, float] = Field(description="Share of each category in `crimes`")


class Segment(_Along):
    """The part of a path between two positions."""

    from_: tuple[float, float] = Field(alias="from", description="Longitude, latitude")
    to: tuple[float, float]
    cells: list[PathCell]


class Worst(Schema):
    """The worst stretch: whole segments of 250 m or more with the most weighted crimes."""

    first_segment: int
    last_segment: int
    length_m: float
    weighted_per_km_month: float


class Path(_Along):
    """A path."""

    worst: Worst
    segments: list[Segment]


class Paths(_Read):
    """Paths, in the order of the request."""

    paths: list[Path]
    buffer_m: float
    time_of_day: str


def schemas(ref_template: str) -> Schemas:
    """Those that APIFlask does not know of, by name."""
    found: Schemas = {}
    for model in (Cells, Cell, Trend, Unusual, Changes, Change, Lookup, Paths):
        schema = model.model_json_schema(ref_template=ref_template)
        found |= {**schema.pop("$defs", {}), model.__name__: schema}
    return found
