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
    months_not_held: list[str] = Field(description="Between `from` and `to`; of all of the area where one is named")
    categories: list[str] | Literal["all"]
    scheme: str
    recency: bool
    coverage: list[NotSupplied] = Field(description="Of the months read; where a force is missing, few is not safe")
    generation: int


class HeldPeriod(Period):
    """The same, with what of it can be compared."""

    months_compared: list[str] | None = Field(description="Months held that are held `compare` months before too")


class _Read(Period):
    """What was read of the grid."""

    resolution: int
    attribution: str
    license: str = Field(description="Address of the Open Government Licence")
    positions: str


class Ring(Schema):
    """A cell's outline, degrees, longitude first."""

    type: Literal["Polygon"]
    coordinates: list[list[tuple[float, float]]]


class Numbers(Schema):
    """What is known of a cell."""

    h3: str
    crimes: int
    asb: int = Field(description="Those of `crimes` that are incidents of anti-social behaviour")
    weighted: float
    density_per_km2: float
    smoothed_per_km2: float
    covered: float = Field(description="Share of the cell whose crimes are held, 0 to 1")
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
    """Sums over the cells. Incidents of anti-social behaviour are no recorded crimes."""

    crimes: int
    asb: int
    recorded_crime: int


class Cells(_Read):
    """Cells as a GeoJSON FeatureCollection."""

    type: Literal["FeatureCollection"]
    totals: Totals
    features: list[Feature]


class CellMonth(Schema):
    """A cell's month."""

    month: str = Field(description="YYYY-MM-01")
    crimes: int
    weighted: float
    categories: dict[str, int]


class Neighbour(Schema):
    """A cell beside it."""

    h3: str
    crimes: int
    weighted: float


class Street(Schema):
    """A street with the crimes at its points in a cell. Where a cell has no street, a kind such as `Supermarket`."""

    name: str
    crimes: int


class Cell(_Read, Numbers):
    """One cell in full."""

    streets: list[Street] = Field(
        description="Those that most of the crimes are at, three at most; of a cell coarser than resolution 8 those "
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
    expected: float | None = Field(description="What the same months of earlier years let expect, by their days")
    ratio: float | None = Field(description="`recent` by `expected`; none where nothing is expected")
    p_adjusted: float | None = Field(
        description="Chance of so many crimes or more, corrected for the cells looked at; none where it was not tested"
    )


class _Looked(Schema):
    """At what was looked, and how."""

    to: str | None = Field(description="Newest month, YYYY-MM")
    categories: list[str] | Literal["all"]
    resolution: int
    looked_at: int = Field(description="Cells that were tested: of a trend, those that are corrected for together")
    test: str
    generation: int
    attribution: str
    license: str
    positions: str


class TrendMonth(Schema):
    """A held month of a cell."""

    month: str = Field(description="YYYY-MM")
    crimes: int
    use: Literal["recent", "earlier"] | None = Field(description="What it is in the test, if it is in it")


class Trend(_Judged, _Looked):
    """A cell against its own past."""

    h3: str
    months: list[TrendMonth] = Field(description="Those held, oldest first: up to six years")
    months_not_held: list[str]
    recent_months: list[str]
    earlier_months: list[str]
    earlier: int = Field(description="Crimes of the earlier months, all years together")
    more_than_usual: bool | None = Field(description="None where nothing can be said: `why_not` has the reason")
    why_not: str | None
    p_value: float | None = Field(description="The chance before it is corrected")


class UnusualCell(_Judged):
    """A cell with more crimes than usual."""

    h3: str
    latitude: float
    longitude: float


class Unusual(_Looked):
    """Cells with more crimes than usual, the surest first."""

    cells: list[UnusualCell]
    found: int = Field(description="All such cells of the region; `cells` has up to `limit` of them")
    not_tested: int = Field(description="Cells of too few crimes, or without a past that is held and was supplied")


class Lookup(_Read):
    """Cells and points, each in the order asked for."""

    cells: list[Numbers]
    points: list[Numbers] = Field(description="Of the cell that each point lies in")


class ChangeNumbers(Schema):
    """A cell's crimes of two periods."""

    h3: str
    crimes: int
    crimes_before: int
    ratio: float | None = Field(description="Of crimes a day, now by before; none where there were none before")
    p_value: float = Field(description="Chance of a change as large, to either side, at equal rates")
    within_chance: bool
    comparable: bool = Field(
        description="Whether the same land is held of all months compared, and its force supplied them; "
        "else the change says nothing"
    )


class _Compared(Schema):
    """What was compared, and how."""

    months: list[str] = Field(description="YYYY-MM")
    months_before: list[str]
    months_not_compared: list[str] = Field(description="Of the newer period: not held, or their others are not")
    categories: list[str] | Literal["all"]
    coverage: list[NotSupplied] = Field(description="Of the months of both periods")
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
    """One cell's crimes of two periods."""


class PathCell(Schema):
    """A cell that the corridor of a segment overlaps."""

    h3: str
    length_m: float = Field(description="Metres of the segment that lie in the cell")
    share: float = Field(description="Part of the cell's area that lies in the corridor, 0 to 1")


class _Along(Schema):
    """What is known of a way, or of a segment of it."""

    length_m: float = Field(description="On the ellipsoid WGS 84")
    crimes: float = Field(description="Those of the cells, each cell's by the part of it that lies in the corridor")
    weighted: float
    weighted_per_km_month: float
    covered: float = Field(description="Share of the corridor whose crimes are held, 0 to 1; little is not safe")
    few_data: bool = Field(description="Whether all cells together have fewer crimes than can carry a comparison")
    interval_95: tuple[float, float] | None = Field(
        description="Of `crimes`: the exact interval (Poisson, Garwood) of all crimes of the cells, up to 1,000, by "
        "the part that the corridor has"
    )
    categories: dict[str, float] = Field(description="Share of each category in `crimes`")


class Segment(_Along):
    """Between two positions of a way."""

    from_: tuple[float, float] = Field(alias="from", description="Longitude, latitude")
    to: tuple[float, float]
    cells: list[PathCell]


class Worst(Schema):
    """The stretch of whole segments, 250 m or longer, that has the most."""

    first_segment: int
    last_segment: int
    length_m: float
    weighted_per_km_month: float


class Path(_Along):
    """A way."""

    worst: Worst
    segments: list[Segment]


class Paths(_Read):
    """Ways, in the order in which they were asked for."""

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
