"""What the map can show, and what of it an address asks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Self, TypeVar

from pydantic import Field, StringConstraints, ValidationError
from shapely.geometry import mapping
from sqlalchemy import Connection, Row
from werkzeug.datastructures import MultiDict

from jobs import areas
from jobs.areas import Area
from jobs.grid import period, weights
from jobs.grid.period import Held
from jobs.grid.query import COARSEST, FARTHEST, Asked, QueryRefused, TileQuery, resolution_of
from jobs.months import months_between
from jobs.problems import problems_of
from web.data import store as data
from web.http.reading import given_twice

# Named as the tiles name them.
MEASURES: Final = {
    "weighted": "Weighted crimes",
    "crimes": "Crimes",
    "density_per_km2": "Density, weighted per km²",
    "smoothed_per_km2": "Smoothed density, weighted per km²",
}
Q = TypeVar("Q", bound=Asked)


class MapQuery(TileQuery):
    """What the map shows."""

    area: str | None = Field(None, description="Slug of the area that the map begins with; all of them when left out")
    measure: Literal["weighted", "crimes", "density_per_km2", "smoothed_per_km2"] = "weighted"
    cell: Annotated[str, StringConstraints(pattern="^[0-9a-f]{15}$"), Field(examples=["89195da49bbffff"])] | None = None
    compare: int | None = Field(None, ge=1, le=FARTHEST, description="How many months before the other period lies")


@dataclass(frozen=True)
class Choices:
    """What the fields of the form offer."""

    areas: list[Area]
    held: list[Held]
    categories: dict[str, str]
    """{slug: name}"""
    schemes: Sequence[Row[Any]]
    finest: int
    """The resolution of the settings, where no month says otherwise."""

    @classmethod
    def read(cls, connection: Connection, finest: int) -> Self:
        """As the database has them."""
        with connection.begin():
            known, held, schemes = (
                areas.all_areas(connection),
                period.held_months(connection),
                weights.schemes(connection),
            )
        return cls(known, held, data.category_names(connection), schemes, finest)

    @property
    def resolutions(self) -> range:
        """Those that the newest month can be shown in."""
        return range(COARSEST, (self.held[-1].resolution if self.held else self.finest) + 1)

    @property
    def years(self) -> range:
        """How many years before there are months to compare with."""
        return range(1, months_between(self.held[0].month, self.held[-1].month) // 12 + 1 if self.held else 1)

    @property
    def outlines(self) -> dict[str, Any]:
        """The areas as GeoJSON."""
        return {"type": "FeatureCollection", "features": [_feature(area) for area in self.areas]}

    def check(self, wanted: MapQuery) -> None:
        """Refuse what the fields do not offer. Raises QueryRefused."""
        if len(wanted.category) > 1:
            raise QueryRefused({"category": "must be one category, or left out for all"})
        _among("area", [wanted.area], [area.slug for area in self.areas])
        _among("category", wanted.category, list(self.categories))
        _among("scheme", [wanted.scheme], [scheme.name for scheme in self.schemes])
        chosen = period.select(self.held, wanted.first, wanted.last, False)
        resolution_of(wanted, min(chosen.resolutions, default=self.finest))


def asked(model: type[Q], given: MultiDict[str, str]) -> Q:
    """The query of an address; what is left empty is not asked for. Raises QueryRefused."""
    if twice := given_twice(given):
        raise QueryRefused(twice)
    try:
        return model.model_validate({name: value for name, value in given.items() if value})
    except ValidationError as error:
        raise QueryRefused(problems_of(model, error)) from None


def _among(name: str, values: Sequence[str | None], known: Sequence[str]) -> None:
    if unknown := [value for value in values if value is not None and value not in known]:
        raise QueryRefused({name: f"must be one of {', '.join(known)} (given: {unknown[0]})"})


def _feature(area: Area) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": {"slug": area.slug, "bounds": area.polygon.bounds},
        "geometry": mapping(area.polygon),
    }
