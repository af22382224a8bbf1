"""What the grid can be asked for. A value that cannot be taken is refused with what was expected."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from jobs.errors import WrongCall
from jobs.grid import coarse
from jobs.months import EXPECTED, NotAMonth, month_text, parse_month
from jobs.settings import Box, parse_box

# Cells of 1,770 km2: the country in fewer than a hundred.
COARSEST: Final = min(coarse.RESOLUTIONS)
# Positions are snapped by the source: cells of resolution 10 look finer than they are.
SHOWN_FIRST: Final = 9
# Of periods that are compared, twenty years.
FARTHEST: Final = 240
# Some thousand tiles for a country at 12; four times as many with each zoom beyond.
SHALLOWEST_EXPORT: Final = 4
DEEPEST_EXPORT: Final = 14
ExportFormat = Literal["csv", "geojson", "geojsonl", "parquet", "pmtiles"]


class QueryRefused(WrongCall):
    """The grid cannot be asked this: {parameter: what was expected}."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__("; ".join(f"{name}: {problem}" for name, problem in problems.items()))


def _month(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return parse_month(value)
    except NotAMonth:
        raise ValueError(EXPECTED) from None


def _slugs(value: Any) -> Any:
    return value.split(",") if isinstance(value, str) else value


def _sorted(slugs: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(slugs)))


def _text(description: str, **schema: Any) -> Any:
    return WithJsonSchema({"type": "string", "description": description, **schema})


Month = Annotated[date, BeforeValidator(_month), _text("YYYY-MM", pattern=r"^\d{4}-\d{2}$", format="month")]
Sides = Annotated[
    Box, BeforeValidator(parse_box), _text("lat_min,lng_min,lat_max,lng_max in degrees; lng_min is less than lng_max")
]
Slugs = Annotated[
    tuple[str, ...],
    BeforeValidator(_slugs),
    AfterValidator(_sorted),
    _text("Slugs of crime categories, separated by commas. Default: all categories"),
]


class Asked(BaseModel):
    """Parameters, of which there are no others."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _no_others(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        known = [field.alias or name for name, field in cls.model_fields.items()]
        if unknown := [name for name in given if name not in known and name not in cls.model_fields]:
            raise QueryRefused(dict.fromkeys(unknown, f"is not a parameter. Parameters: {', '.join(known)}"))
        return given

    def canonical(self) -> str:
        """The same text for the same question."""
        return self.model_dump_json(exclude_defaults=True)


class PeriodQuery(Asked):
    """Which months are read."""

    first: Month | None = Field(None, alias="from", description="Oldest month, YYYY-MM. Default: the oldest ingested")
    last: Month | None = Field(None, alias="to", description="Newest month, YYYY-MM. Default: the newest ingested")

    @field_validator("last")
    @classmethod
    def _in_order(cls, last: date | None, info: ValidationInfo) -> date | None:
        first = info.data.get("first")
        if first and last and first > last:
            raise ValueError(f"must not be before `from`, {month_text(first)}")
        return last


class ExportQuery(PeriodQuery):
    """What is exported, and as what."""

    format: ExportFormat = Field(
        "csv",
        description="pmtiles: map tiles of the whole period (default: its last twelve months); "
        "all others: one record per cell and month",
    )
    area: str | None = Field(None, description="Slug of an area: only its crimes. Default: all crimes")
    max_zoom: int = Field(
        12,
        ge=SHALLOWEST_EXPORT,
        le=DEEPEST_EXPORT,
        description="Deepest zoom level of pmtiles, which starts at 4; maps enlarge its tiles beyond",
    )


class CellQuery(PeriodQuery):
    """Which crimes are read, and how they are weighed."""

    first: Month | None = Field(
        None, alias="from", description="Oldest month, YYYY-MM. Default: eleven months before `to`"
    )
    category: Slugs = ()
    scheme: str | None = Field(None, description="Weight scheme. Default: the default scheme")
    recency: bool = Field(
        False,
        description="Give older crimes a lower weight: 1.0 up to 3 months before the newest ingested month, "
        "0.75 up to 6, 0.5 up to 12, then 0.25",
    )


class Resolved(Asked):
    """Of which size cells are."""

    resolution: int | None = Field(
        None,
        ge=COARSEST,
        # H3 has no finer one.
        le=15,
        description="H3 resolution of the cells, 4 to H3_RESOLUTION. Default: 9, or by the zoom level of a tile",
    )


class Regional(Asked):
    """Where cells are."""

    area: str | None = Field(None, description="Slug of an area: only cells that it touches")
    bbox: Sides | None = Field(
        None, description="lat_min,lng_min,lat_max,lng_max in degrees: only cells that it touches"
    )


class AreaQuery(CellQuery):
    """Which crimes of an area are read."""

    area: str | None = Field(None, description="Slug of an area: only months that are ingested for all of it")
    compare: int | None = Field(
        None, ge=1, le=FARTHEST, description="Compare with the same number of months, this many months earlier"
    )


class TileQuery(Resolved, CellQuery):
    """What a tile shows."""


class GridQuery(Regional, TileQuery):
    """Which cells are shown, and how."""


def resolution_of(query: Resolved, finest: int, default: int = SHOWN_FIRST) -> int:
    """The resolution asked for, if `finest`, that of the grid, allows it. Raises QueryRefused."""
    if query.resolution is None:
        return min(default, finest)
    if query.resolution > finest:
        raise QueryRefused(
            {
                "resolution": f"must be from {COARSEST} to {finest}, the resolution of the grid in these months "
                f"(given: {query.resolution})"
            }
        )
    return query.resolution
