"""The explanation of a score as people and programs read it: one declaration for the page, the API and its document."""

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, Field

from jobs.scores.climbing.rows import Accident
from jobs.scores.risk import explanation
from jobs.scores.scoring import Scores
from jobs.scores.weather.open_meteo import ATTRIBUTION

# Enough digits for the factors to multiply to what is said.
Rounded = Annotated[float, AfterValidator(lambda value: round(value, 4))]
Availability = Literal["available", "unavailable"]


class Factors(BaseModel, extra="forbid", from_attributes=True):
    """Factors of an accident. It adds 7 times their product to the risk."""

    distance: Rounded
    age: Rounded
    elevation: Rounded
    kind: Rounded
    severity: Rounded
    grade: Rounded
    weather: Rounded


class Contribution(BaseModel, extra="forbid"):
    """What one accident adds to a risk."""

    accident_id: int
    source: str
    date: str
    injury_severity: str
    contribution: Rounded
    distance_km: Rounded
    similarity: Rounded = Field(description="Similarity of the weather, before it is cubed")
    factors: Factors

    @classmethod
    def of(cls, part: explanation.Contribution, accidents: Sequence[Accident]) -> Self:
        """The part of one of these accidents."""
        accident = accidents[part.accident]
        return cls(
            accident_id=accident.accident_id,
            source=accident.source,
            date=str(accident.date),
            injury_severity=accident.injury_severity,
            contribution=part.contribution,
            distance_km=part.distance_km,
            similarity=part.similarity,
            factors=Factors.model_validate(part),
        )


class Explanation(BaseModel, extra="forbid"):
    """The explanation of a score."""

    route_id: int
    route_name: str
    target_date: str
    risk_score: float
    color_code: Literal["green", "yellow", "orange", "red"]
    risk_uncapped: float = Field(description="The sum before the cap at 100")
    extreme_weather_factor: Rounded
    weather: Availability = Field(description="unavailable if fewer than 5 of the 7 days up to this day are known")
    cloud_days_assumed: int = Field(description="Days of these 7 without a known cloud cover; 50 % is assumed")
    history: Availability
    accidents_contributing: int
    largest_contributions: list[Contribution] = Field(description="Up to ten accidents, the largest contribution first")
    attribution: str

    @classmethod
    def of(cls, scores: Scores, route: int, day: dt.date, top: int) -> Self:
        """Of one of the scores; `route`: its index."""
        index = scores.days.index(day)
        found = explanation.explain(scores.outlook, route, index, top)
        return cls(
            route_id=scores.routes[route].route_id,
            route_name=scores.routes[route].name,
            target_date=str(day),
            risk_score=round(found.risk, 1),
            color_code=found.colour,
            risk_uncapped=round(found.uncapped, 3),
            extreme_weather_factor=found.extreme,
            weather="available" if scores.has_weather[route, index] else "unavailable",
            cloud_days_assumed=scores.clouds_assumed[route, index],
            history="available" if scores.has_history[route, index] else "unavailable",
            accidents_contributing=found.contributing,
            largest_contributions=[Contribution.of(one, scores.past.rows) for one in found.largest],
            attribution=ATTRIBUTION,
        )
