"""What is asked of ways: lines, how wide their corridors are, and which crimes are read."""

from functools import cached_property
from typing import Annotated, Any, Final, Literal

import numpy as np
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from jobs.grid.paths import polyline
from jobs.grid.paths.geodesy import Floats
from jobs.grid.query import CellQuery, QueryRefused

MOST_PATHS: Final = 100
MOST_POSITIONS: Final = 20_000
"""Of one request; what has no end to wait for, such as the command, asks in several."""
WIDEST_M: Final = 500.0

Degrees = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Position = Annotated[list[Degrees], Field(min_length=2, max_length=3)]


def _numbers(given: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """Positions as an array, shape (n, 2 or 3), where that is what they are; looked at one by one where it is not."""
    try:
        numbers = np.array(given)
    except ValueError:
        return check(given)
    is_sound = numbers.dtype.kind in "fi" and numbers.ndim == 2 and len(numbers) >= 2 and numbers.shape[1] in (2, 3)
    # What is no number is not within either.
    return numbers if is_sound and ((numbers >= -180) & (numbers <= 180)).all() else check(given)


Positions = Annotated[list[Position], Field(min_length=2), WrapValidator(_numbers)]


class LineString(BaseModel):
    """GeoJSON (RFC 7946)."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    type: Literal["LineString"]
    coordinates: Positions = Field(description="Longitude and latitude in degrees; a third number is ignored")


def _geometry(given: Any) -> Any:
    """A Feature stands for its geometry."""
    return given.get("geometry") if isinstance(given, dict) and given.get("type") == "Feature" else given


Path = Annotated[LineString | Annotated[str, Field(min_length=1)], BeforeValidator(_geometry)]


class PathQuery(CellQuery):
    """Paths to score, and how."""

    paths: Annotated[list[Path], Field(min_length=1, max_length=MOST_PATHS)] = Field(
        description="Each path is a GeoJSON LineString or an encoded polyline"
    )
    precision: Literal[5, 6] = Field(5, description="Decimals of encoded polylines")
    buffer_m: float = Field(
        50.0, ge=1, le=WIDEST_M, allow_inf_nan=False, description="Metres to each side of the path whose crimes count"
    )

    @model_validator(mode="after")
    def _is_not_too_long(self) -> "PathQuery":
        if sum(map(len, self.lines)) > MOST_POSITIONS:
            raise ValueError(f"must have at most {MOST_POSITIONS:,} positions together")
        return self

    @cached_property
    def lines(self) -> list[Floats]:
        """Positions in degrees, longitude first: shape (n, 2) of each path. Raises QueryRefused."""
        return [self._line(number, path) for number, path in enumerate(self.paths)]

    def _line(self, number: int, path: LineString | str) -> Floats:
        if isinstance(path, LineString):
            given = path.coordinates
            positions = given if isinstance(given, np.ndarray) else [position[:2] for position in given]
            line = np.array(positions, dtype=np.float64)[:, :2]
        else:
            try:
                line = polyline.decode(path, self.precision)
            except polyline.PolylineError as error:
                raise QueryRefused({f"paths.{number}": str(error)}) from None
        if len(line) < 2:
            raise QueryRefused({f"paths.{number}": "must have two positions or more"})
        if np.abs(line[:, 1]).max() > 85 or np.abs(line[:, 0]).max() > 180:
            raise QueryRefused({f"paths.{number}": "must have latitudes from -85 to 85 degrees: longitude comes first"})
        return line
