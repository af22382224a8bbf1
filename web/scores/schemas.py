"""What the addresses of scores share."""

from typing import Final

from pydantic import BaseModel, Field, field_validator

from web.http.schemas import Schema, storable

DAY: Final = "YYYY-MM-DD, from today (UTC) to six days later. Default: today"


class Sought(Schema):
    """Routes by what they are called."""

    q: str = Field("", max_length=200, description="An id, or a part of the name of a route or its mountain")

    @field_validator("q")
    @classmethod
    def _can_be_held(cls, text: str) -> str:
        return storable(text)


class Score(BaseModel):
    """The risk of a route on a day, from 0 (none known) to 100."""

    route_id: int
    route_name: str
    target_date: str
    risk_score: float = Field(description="One decimal; the colour follows the risk before it is rounded")
    color_code: str = Field(description="green, yellow, orange or red")
    computed_at: str
    risk_uncapped: float | None = Field(
        None, description="The risk before the cap at 100, to rank routes that reach 100"
    )
    weather: str | None = Field(
        None,
        description="`unavailable` if fewer than 5 of the 7 days up to this day are known: weather counts as neutral",
    )
    history: str | None = Field(None, description="`unavailable` while the usual weather of the place is not known")
