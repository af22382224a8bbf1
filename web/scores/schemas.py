"""The explanation of a score, as the OpenAPI document describes it."""

from typing import Any, Literal

from pydantic import Field

from web.http.schemas import Schema

Schemas = dict[str, Any]


class Factors(Schema):
    """What is multiplied, with 7, to what an accident adds."""

    distance: float
    age: float
    elevation: float
    kind: float
    severity: float
    grade: float
    weather: float


class Contribution(Schema):
    """What one accident adds to a risk."""

    accident_id: int
    source: str
    date: str
    injury_severity: str
    contribution: float
    distance_km: float
    similarity: float = Field(description="Of the weather, before it is cubed")
    factors: Factors


class Explanation(Schema):
    """Why a route has its score on a day."""

    route_id: int
    route_name: str
    target_date: str
    risk_score: float
    color_code: Literal["green", "yellow", "orange", "red"]
    uncapped: float = Field(description="The sum before it is capped at 100")
    extreme_weather_factor: float
    weather: Literal["available", "unavailable"]
    history: Literal["available", "unavailable"]
    accidents_contributing: int
    largest_contributions: list[Contribution] = Field(description="At most ten, the largest first")
    attribution: str
