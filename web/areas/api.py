"""Areas as JSON and GeoJSON: read by whoever reads the grid, changed by operators."""

import datetime as dt
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Literal

from apiflask import APIBlueprint, APIFlask
from flask import Response, url_for
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema

from jobs.areas import Area
from jobs.boundaries import geojson
from jobs.settings import Box, parse_box
from web.areas import changes, store, wanted
from web.areas.changes import Loss, NotConfirmed
from web.areas.store import Listed, known_area
from web.areas.wanted import AreaRefused
from web.http.clients import client
from web.http.errors import Problem, respond
from web.http.reading import takes_file
from web.http.schemas import Schema, as_json, storable
from web.people import guard

bp = APIBlueprint("areas_api", __name__, url_prefix="/api/v1", tag="Areas")

GEOJSON = "application/geo+json"
Slug = Annotated[str, StringConstraints(max_length=60)]
Sides = Annotated[
    Box,
    BeforeValidator(parse_box),
    WithJsonSchema(
        {
            "type": "array",
            "items": {"type": "number"},
            "minItems": 4,
            "maxItems": 4,
            "description": "lat_min, lng_min, lat_max, lng_max in degrees, as a list or as text with commas",
        }
    ),
]
_GEOJSON = (
    "GeoJSON Polygon, MultiPolygon, GeometryCollection, Feature or FeatureCollection. All of it together is one area"
)


class AreaEntry(Schema):
    """An area and what is ingested for it."""

    slug: str
    name: str
    forces: list[str]
    is_box: bool
    bounds: Box = Field(description="lat_min, lng_min, lat_max, lng_max in degrees")
    months: int = Field(description="Months that are ingested, at least in part")
    months_in_part: int = Field(description="Of these, the months that lack a part of the area")
    newest: dt.date | None = Field(description="The newest of these months, YYYY-MM-01")
    crimes: int = Field(description="Placed crimes of all these months")


class Areas(Schema):
    """All areas, oldest first."""

    areas: list[AreaEntry]


class Named(Schema):
    """The name of an area."""

    slug: str
    name: str
    forces: list[str]
    is_box: bool
    bounds: Box


class AreaFeature(Schema):
    """An area as GeoJSON."""

    type: Literal["Feature"] = "Feature"
    id: str
    properties: Named
    geometry: dict[str, Any] = Field(description="Polygon or MultiPolygon, longitude first")


class Border(Schema):
    """A border, as a box or as GeoJSON."""

    box: Sides | None = None
    border: dict[str, Any] | None = Field(None, description=_GEOJSON)


class NewArea(Border):
    """An area to add."""

    slug: Slug = Field(description="Lower-case words joined by hyphens")
    name: Annotated[str, StringConstraints(max_length=100), AfterValidator(storable)] = Field(
        "", description="Name to show. Default: the slug"
    )
    forces: list[Slug] = Field([], max_length=60, description="Police forces whose unplaced crimes count for it")


class AddedArea(Schema):
    """The added area."""

    slug: str
    notes: list[str] = Field(description="What was repaired in its border, or ignored")


class Confirmation(Schema):
    """Whether it is meant."""

    dry_run: bool = Field(False, description="Change nothing, and return how many crimes would be deleted")
    confirm: int | None = Field(None, ge=0, le=2**62, description="The number of crimes to delete, from `dry_run`")


class Deleted(Schema):
    """What a change deletes: crimes that no other area covers."""

    slug: str
    crimes: int
    unplaced: int = Field(description="Of these, unplaced crimes of forces that no other area has")
    done: bool
    task_ids: list[str] = Field(
        description="The tasks that rebuild the grid of the changed months, and ingest the land that a border adds"
    )
    notes: list[str] = Field(default=[], description="What was repaired in its border, or ignored")


def init_app(app: APIFlask) -> None:
    """Add the API, and the words for what is refused."""
    app.register_error_handler(AreaRefused, lambda error: respond(Problem(422, str(error), error.problems)))
    app.register_error_handler(NotConfirmed, lambda error: respond(Problem(409, str(error))))
    app.register_blueprint(bp)


@bp.get("/areas")
@bp.output(Areas)
@bp.doc(summary="List the areas and what is ingested for them", operation_id="listAreas")
@guard.reads_grid
def areas() -> Response:
    """All areas."""
    with client().engine.connect() as connection:
        found = store.listed(connection)
    return as_json(Areas(areas=[_entry(one) for one in found]))


@bp.get("/areas/<slug>")
@bp.output(AreaFeature, content_type=GEOJSON)
@bp.doc(summary="Get an area as GeoJSON", operation_id="getArea")
@guard.reads_grid
def area(slug: str) -> Response:
    """One area with its border."""
    with client().engine.begin() as connection:
        found = known_area(connection, slug)
    named = Named(**_named(found))
    response = as_json(AreaFeature(id=found.slug, properties=named, geometry=found.border))
    response.content_type = GEOJSON
    return response


@bp.post("/admin/areas")
@bp.input(NewArea, arg_name="given")
@bp.output(AddedArea, status_code=201)
@bp.doc(summary="Add an area", operation_id="addArea")
@takes_file
def add(given: NewArea) -> Response:
    """A new area."""
    area, notes = _drawn(given.slug, given.name.strip(), given.forces, given)
    changes.add(area)
    response = as_json(AddedArea(slug=area.slug, notes=list(notes)), 201)
    response.location = url_for("areas_api.area", slug=area.slug)
    return response


@bp.put("/admin/areas/<slug>")
@bp.input(Confirmation, location="query", arg_name="meant")
@bp.input(Border, arg_name="given")
@bp.output(Deleted)
@bp.doc(
    summary="Change the border of an area. Crimes outside it are deleted if no other area covers them",
    operation_id="changeArea",
)
@takes_file
def move(slug: str, given: Border, meant: Confirmation) -> Response:
    """A new border."""
    with client().engine.begin() as connection:
        held = known_area(connection, slug)
    area, notes = _drawn(held.slug, held.name, held.forces, given)
    loss = changes.lost_by_moving(area)
    if meant.dry_run:
        return _deleted(slug, loss, None, notes)
    done = changes.move(area, _confirmed(meant, loss), "api")
    return _deleted(slug, done.loss, done.run_ids, notes)


@bp.delete("/admin/areas/<slug>")
@bp.input(Confirmation, location="query", arg_name="meant")
@bp.output(Deleted)
@bp.doc(summary="Remove an area, and delete the crimes that no other area covers", operation_id="deleteArea")
def remove(slug: str, meant: Confirmation) -> Response:
    """Delete an area."""
    _, loss = changes.lost_by_removing(slug)
    if meant.dry_run:
        return _deleted(slug, loss)
    done = changes.remove(slug, _confirmed(meant, loss), "api")
    return _deleted(slug, done.loss, done.run_ids)


def _entry(one: Listed) -> AreaEntry:
    held = {"months": one.months, "months_in_part": one.partly, "newest": one.newest, "crimes": one.crimes}
    return AreaEntry(**_named(one.area), **held)


def _named(area: Area) -> dict[str, Any]:
    return {"forces": list(area.forces), **{name: getattr(area, name) for name in ("slug", "name", "is_box", "bounds")}}


def _drawn(slug: str, name: str, forces: Sequence[str], given: Border) -> tuple[Area, tuple[str, ...]]:
    drawings = None if given.border is None else partial(geojson.drawings, given.border)
    return wanted.area(slug, name, forces, given.box, drawings)


def _confirmed(meant: Confirmation, loss: Loss) -> int:
    """The number that was confirmed. Raises AreaRefused where there is none."""
    if meant.confirm is None:
        raise AreaRefused({"confirm": f"must be the number of crimes to delete, now {loss.crimes}"})
    return meant.confirm


def _deleted(slug: str, loss: Loss, task_ids: list[str] | None = None, notes: Sequence[str] = ()) -> Response:
    """task_ids: of what was done; none of a dry run."""
    numbers = {"crimes": loss.crimes, "unplaced": loss.unplaced}
    done = task_ids is not None
    return as_json(Deleted(slug=slug, **numbers, done=done, task_ids=task_ids or [], notes=list(notes)))
