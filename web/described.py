"""Answers that are put together by hand, as the OpenAPI document describes them."""

from typing import Any, Literal

from pydantic import Field as Described

from web.answers import Told

Schemas = dict[str, Any]


class Factors(Told):
    """What is multiplied, with 7, to what an accident adds."""

    distance: float
    age: float
    elevation: float
    kind: float
    severity: float
    grade: float
    weather: float


class Contribution(Told):
    """What one accident adds to a risk."""

    accident_id: int
    source: str
    date: str
    injury_severity: str
    contribution: float
    distance_km: float
    similarity: float = Described(description="Of the weather, before it is cubed")
    factors: Factors


class Explanation(Told):
    """Why a route has its score on a day."""

    route_id: int
    route_name: str
    target_date: str
    risk_score: float
    color_code: Literal["green", "yellow", "orange", "red"]
    uncapped: float = Described(description="The sum before it is capped at 100")
    extreme_weather_factor: float
    weather: Literal["available", "unavailable"]
    history: Literal["available", "unavailable"]
    accidents_contributing: int
    largest_contributions: list[Contribution] = Described(description="At most ten, the largest first")
    attribution: str


class _Read(Told):
    """What was read of the grid."""

    from_: str | None = Described(alias="from", description="Oldest month, YYYY-MM")
    to: str | None
    months: list[str]
    categories: list[str] | Literal["all"]
    scheme: str
    recency: bool
    generation: int
    resolution: int
    attribution: str
    positions: str


class Ring(Told):
    """A cell's outline, degrees, longitude first."""

    type: Literal["Polygon"]
    coordinates: list[list[tuple[float, float]]]


class Numbers(Told):
    """What is known of a cell."""

    h3: str
    crimes: int
    weighted: float
    density_per_km2: float
    smoothed_per_km2: float
    few_data: bool


class Feature(Told):
    """A cell as GeoJSON."""

    type: Literal["Feature"]
    id: str
    geometry: Ring
    properties: Numbers


class Cells(_Read):
    """Cells as a GeoJSON FeatureCollection."""

    type: Literal["FeatureCollection"]
    features: list[Feature]


class CellMonth(Told):
    """A cell's month."""

    month: str = Described(description="YYYY-MM-01")
    crimes: int
    weighted: float
    categories: dict[str, int]


class Neighbour(Told):
    """A cell beside it."""

    h3: str
    crimes: int
    weighted: float


class Cell(_Read, Numbers):
    """One cell in full."""

    latitude: float
    longitude: float
    area_km2: float
    by_category: dict[str, int]
    by_month: list[CellMonth]
    neighbours: list[Neighbour]


def schemas(ref_template: str) -> Schemas:
    """Those that APIFlask does not know of, by name."""
    found: Schemas = {}
    for model in (Cells, Cell):
        schema = model.model_json_schema(ref_template=ref_template)
        found |= {**schema.pop("$defs", {}), model.__name__: schema}
    return found
