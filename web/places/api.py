"""Places by name over HTTP: streets that held crimes are at, without any other service."""

from typing import Literal

from apiflask import APIBlueprint, APIFlask
from pydantic import Field
from werkzeug.wrappers import Response

from jobs.areas import AreaError
from jobs.gazetteer import search
from jobs.gazetteer.query import PlaceQuery
from jobs.gazetteer.search import Found
from jobs.grid.geojson import ABOUT, LICENCE_LINK
from jobs.grid.streets import StreetsQuery
from web.grid.reader import reader
from web.http.clients import client
from web.http.errors import Problem, respond
from web.http.schemas import Schema, as_json
from web.people import guard

bp = APIBlueprint("places_api", __name__, url_prefix="/api/v1/places", tag="Places")


class PlaceArea(Schema):
    """An area that a place lies in."""

    slug: str
    name: str


class Place(Schema):
    """A street, as far as points of the source are named after it. Streets of one name far apart are places apart."""

    name: str
    score: float = Field(description="How well the name is what was asked for, 0 to 1")
    latitude: float = Field(description="Middle of its points, degrees")
    longitude: float
    bounds: tuple[float, float, float, float] = Field(description="West, south, east, north of its points, degrees")
    points: int = Field(description="How many of the source's points bear the name here")
    areas: list[PlaceArea]
    force: str | None = Field(description="Police force whose land it is; null where that is not known")
    near: list[str] = Field(description="Other streets around it, two at most")


class Places(Schema):
    """The best first."""

    places: list[Place]
    attribution: str
    license: str
    positions: str


class Street(Schema):
    """A street with the crimes at its points in a cell. Where a cell has no street, a kind such as `Supermarket`."""

    name: str
    crimes: int


class CellName(Schema):
    """A cell by its streets."""

    h3: str
    streets: list[Street] = Field(description="Three at most, the most frequent first; none where no name is held")


class CellNames(Schema):
    """The cells as they were asked for, and what was read to name them."""

    cells: list[CellName]
    from_: str | None = Field(alias="from", description="Oldest month, YYYY-MM")
    to: str | None
    months: list[str]
    months_not_held: list[str]
    categories: list[str] | Literal["all"]
    scheme: str
    recency: bool
    attribution: str
    license: str
    positions: str


def init_app(app: APIFlask) -> None:
    """Add the API."""
    app.register_blueprint(bp)


@bp.get("")
@bp.input(PlaceQuery, location="query", arg_name="wanted")
@bp.output(Places)
@bp.doc(
    summary="Places by name: by how it begins, and forgiving of typing errors",
    operation_id="findPlaces",
    responses={304: "The asker has it already"},
)
@guard.reads_grid
def places(wanted: PlaceQuery) -> Response:
    """Names that are what was asked for come first, then those that begin so, then those that are like it."""
    try:
        with client().engine.begin() as connection:
            found = search.find(connection, wanted)
    except AreaError as error:
        return respond(Problem(422, f"area: {error}", {"area": str(error)}))
    return _licensed(as_json(Places(places=[_place(one) for one in found], **ABOUT)))


@bp.get("/cells")
@bp.input(StreetsQuery, location="query", arg_name="wanted")
@bp.output(CellNames)
@bp.doc(
    summary="Names of cells: the streets that most of their crimes are at",
    operation_id="nameCells",
    responses={304: "The asker has it already"},
)
@guard.reads_grid
def cells(wanted: StreetsQuery) -> Response:
    """Crimes are those of the months and categories asked for, as of the cells themselves."""
    return _licensed(as_json(CellNames(**reader().streets(wanted), **ABOUT)))


def _place(found: Found) -> Place:
    place = found.place
    return Place(
        name=place.name,
        score=found.score,
        # A tenth of a metre.
        latitude=round(place.latitude, 6),
        longitude=round(place.longitude, 6),
        bounds=place.bounds,
        points=place.points,
        areas=[PlaceArea(slug=slug, name=name) for slug, name in found.areas.items()],
        force=found.force,
        near=found.near,
    )


def _licensed(response: Response) -> Response:
    response.headers["Link"] = LICENCE_LINK
    return response
