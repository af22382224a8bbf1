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
    """A street of the source's points. Streets of the same name that are far apart are different places."""

    name: str
    score: float = Field(description="How well the name matches, 0 to 1")
    latitude: float = Field(description="Centre of its points, in degrees")
    longitude: float
    bounds: tuple[float, float, float, float] = Field(
        description="West, south, east and north side around its points, in degrees"
    )
    points: int = Field(description="How many points of the source have this name here")
    areas: list[PlaceArea]
    force: str | None = Field(description="Police force of this place; null if unknown")
    near: list[str] = Field(description="Up to two other streets nearby")


class Places(Schema):
    """The best first."""

    places: list[Place]
    attribution: str
    license: str
    positions: str


class Street(Schema):
    """A street with its crimes in a cell. If a cell has no street, a kind of place such as `Supermarket`."""

    name: str
    crimes: int


class CellName(Schema):
    """A cell and its streets."""

    h3: str
    streets: list[Street] = Field(description="Up to three streets, the most frequent first; empty if no name is known")


class CellNames(Schema):
    """The cells in the order of the request."""

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
    summary="Search streets by name; typing errors are tolerated",
    operation_id="findPlaces",
    responses={304: "Not modified: the client has the current version"},
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
    summary="Name cells by the streets with most of their crimes",
    operation_id="nameCells",
    responses={304: "Not modified: the client has the current version"},
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
