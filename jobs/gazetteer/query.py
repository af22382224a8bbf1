"""What the gazetteer can be asked for. A value that cannot be taken is refused with what was expected."""

import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from jobs.boundaries.degrees import look_swapped
from jobs.gazetteer import names

SHORTEST: Final = 2
LONGEST: Final = 100
MOST: Final = 50
Degrees = tuple[float, float]
"""Latitude and longitude."""


def _name(given: str) -> str:
    """Raises ValueError."""
    if "\0" in given:
        raise ValueError("must not contain a NUL character")
    if len(given) > LONGEST:
        raise ValueError(f"must have at most {LONGEST} characters")
    if len(names.key(given.partition(",")[0]).replace(" ", "")) < SHORTEST:
        raise ValueError(f"must have at least {SHORTEST} letters or digits of a street's name")
    return given


def _spot(value: Any) -> Any:
    """Raises ValueError."""
    if not isinstance(value, str):
        return value
    try:
        lat, lng = map(float, re.split(r"\s*,\s*", value.strip()))
    except ValueError:
        raise ValueError("must be two numbers, lat,lng, such as 50.905,-1.404") from None
    if not (-90 <= lat <= 90 and -180 <= lng <= 180):
        raise ValueError("must be lat,lng in degrees, such as 50.905,-1.404")
    if look_swapped([lat], [lng]):
        raise ValueError(f"latitude and longitude look swapped: latitude comes first, {lng},{lat}")
    return lat, lng


class PlaceQuery(BaseModel):
    """Which places are looked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    q: Annotated[str, AfterValidator(_name)] = Field(
        description="The name of a street or its beginning; after a comma, its area or force. "
        f"{SHORTEST} to {LONGEST} characters. Two letters find only streets with exactly that name",
        json_schema_extra={"minLength": SHORTEST, "maxLength": LONGEST},
    )
    area: str | None = Field(None, description="Slug of an area to search in. Default: all areas")
    near: Annotated[
        Degrees | None,
        BeforeValidator(_spot),
        WithJsonSchema(
            {"type": "string", "description": "lat,lng in degrees: if names are equal, the nearest come first"}
        ),
    ] = None
    limit: int = Field(10, ge=1, le=MOST, description="Maximum number of places")
