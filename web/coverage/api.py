"""Known gaps, and what the forces supplied of each area's months, as JSON."""

import datetime as dt
from typing import Any, Literal

from apiflask import APIBlueprint, APIFlask
from flask import Response
from pydantic import Field

from jobs.coverage import gaps, reading, store
from jobs.coverage.gaps import GapError, UnknownGap
from jobs.grid import period
from jobs.grid.query import CellQuery
from web.coverage import changes
from web.coverage.wanted import Kind, NewGap
from web.http.clients import client
from web.http.errors import Problem, respond
from web.http.schemas import Changed, Schema, as_json, from_row
from web.people import guard

bp = APIBlueprint("coverage_api", __name__, url_prefix="/api/v1", tag="Coverage")


class KnownGap(Schema):
    """Months that a force did not supply, or not whole."""

    id: int
    force: str
    first_month: dt.date
    last_month: dt.date | None = Field(description="Null: no known end")
    kind: Kind
    reason: str
    source: str
    corrected_release: dt.date | None = Field(description="The release that later supplied the months")


class KnownGaps(Schema):
    """All known gaps, by force and month."""

    gaps: list[KnownGap]


class Coverage(Schema):
    """What a force supplied for a month of an area."""

    area: str
    month: dt.date
    force: str
    status: Literal["complete", "partial", "missing", "unknown"]
    reason: str


class Coverages(Schema):
    """The newest month first, the worst first."""

    coverage: list[Coverage]


class Lacking(Schema):
    """Months that a force did not supply, or not whole."""

    force: str
    status: Literal["missing", "partial"]
    months: list[str] = Field(description="YYYY-MM")


class Outline(Schema):
    """Outlines in degrees, longitude first."""

    type: Literal["Polygon", "MultiPolygon"]
    coordinates: list[Any]


class MissingLand(Schema):
    """The territory of a force."""

    type: Literal["Feature"]
    geometry: Outline
    properties: Lacking


class Land(Schema):
    """A GeoJSON FeatureCollection."""

    type: Literal["FeatureCollection"]
    features: list[MissingLand]


def init_app(app: APIFlask) -> None:
    """Add the API."""
    app.register_error_handler(UnknownGap, lambda error: respond(Problem(404, str(error))))
    app.register_error_handler(GapError, lambda error: respond(Problem(422, str(error), {error.field: str(error)})))
    app.register_blueprint(bp)


@bp.get("/coverage")
@bp.output(Coverages)
@bp.doc(summary="List what the forces supplied, by area and month", operation_id="listCoverage")
def coverage() -> Response:
    """Every verdict."""
    with client().engine.begin() as connection:
        return as_json(Coverages(coverage=[from_row(Coverage, row) for row in store.verdicts(connection)]))


@bp.get("/coverage/land")
@bp.input(CellQuery, location="query", arg_name="wanted")
@bp.output(Land)
@bp.doc(
    summary="Get the land whose force did not supply all of these months, as GeoJSON", operation_id="getMissingLand"
)
@guard.reads_grid
def land(wanted: CellQuery) -> Response:
    """What a map has to show as not supplied; asked for as the cells are."""
    with client().engine.begin() as connection:
        read = period.select(period.held_months(connection), wanted.first, wanted.last, wanted.recency)
        return as_json(Land(**reading.land(connection, read.months)))


@bp.get("/coverage/gaps")
@bp.output(KnownGaps)
@bp.doc(
    summary="List the known gaps: months that a force did not supply, or supplied only in part", operation_id="listGaps"
)
def known_gaps() -> Response:
    """Every known gap."""
    with client().engine.begin() as connection:
        return as_json(KnownGaps(gaps=[from_row(KnownGap, gap) for gap in gaps.known(connection)]))


@bp.post("/admin/coverage/gaps")
@bp.input(NewGap, arg_name="wanted")
@bp.output(KnownGap, status_code=201)
@bp.doc(summary="Add a gap", operation_id="addGap")
def add_gap(wanted: NewGap) -> Response:
    """A new gap."""
    return as_json(from_row(KnownGap, changes.add_gap(wanted.as_gap())), 201)


@bp.delete("/admin/coverage/gaps/<int(max=4611686018427387904):gap_id>")
@bp.output(Changed)
@bp.doc(summary="Delete a gap", operation_id="removeGap")
def remove_gap(gap_id: int) -> Response:
    """Delete a gap."""
    changes.remove_gap(gap_id)
    return as_json(Changed(changed=True))
