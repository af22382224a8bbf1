"""Route safety scores: one, many, or one with its reasons."""

import datetime as dt

from apiflask import APIBlueprint, APIFlask
from flask import Response
from pydantic import BaseModel, Field

from jobs.scores import store
from jobs.scores.explained import Explanation
from jobs.scores.serving import scored_day
from web.http.clients import client
from web.http.schemas import PageSize, Schema, as_json, from_row
from web.people import guard
from web.scores import coverage
from web.scores.schemas import DAY, Score, Sought
from web.scores.serving import serving
from worker.results import Warming

bp = APIBlueprint("scores_api", __name__, url_prefix="/api/v1/routes", tag="Scores")
admin = APIBlueprint("scores_admin_api", __name__, url_prefix="/api/v1/admin", tag="Administration")
JSON = "application/json"


class DayQuery(Schema):
    """The planned day."""

    date: str | None = Field(None, description=DAY)


class RouteQuery(Sought):
    """Which routes."""

    limit: PageSize = 50
    offset: int = Field(0, ge=0, le=10**6, description="How many routes to skip")


class FoundRoute(BaseModel):
    """A route; one without coordinates has no score."""

    route_id: int
    name: str
    mountain_name: str
    type: str
    grade: str
    latitude: float | None
    longitude: float | None


class Routes(BaseModel):
    """Routes by name; a route whose id matches comes first."""

    routes: list[FoundRoute]
    has_more: bool


class Day(Schema):
    """Scores of one day."""

    day: dt.date
    wanted: int
    held: int
    shortest_s: float | None = Field(description="Seconds until the first of them expires")
    longest_s: float | None
    without_weather: int
    without_history: int


class Warmed(Schema):
    """Result of the last finished run that warmed scores."""

    run_id: str
    ended_at: dt.datetime
    status: str = Field(description="success, partial, degraded (more than a tenth lack weather) or nothing_warmed")
    scores: int
    failed: int
    without_weather: int


class Scores(Schema):
    """How many of the scores that are kept warm are in Redis."""

    routes_held: int
    routes_with_coordinates: int
    routes_kept_warm: int
    routes_looked_up: int
    redis: bool = Field(description="Whether Redis responds; if not, `days` is empty")
    days: list[Day]
    last_warmed: Warmed | None


def init_app(app: APIFlask) -> None:
    """Add the scores."""
    app.register_blueprint(bp)
    app.register_blueprint(admin)


@bp.get("")
@bp.input(RouteQuery, location="query", arg_name="wanted")
@bp.output(Routes)
@bp.doc(summary="Search routes by id or name", operation_id="findRoutes")
@guard.reads_grid
def routes(wanted: RouteQuery) -> Response:
    """A search."""
    with client().engine.connect() as connection, connection.begin():
        found = store.search(connection, wanted.q, wanted.limit + 1, wanted.offset)
    listed = [from_row(FoundRoute, route) for route in found[: wanted.limit]]
    return as_json(Routes(routes=listed, has_more=len(found) > wanted.limit))


@bp.get("/<int(max=2147483647):route_id>/safety")
@bp.input(DayQuery, location="query", arg_name="wanted")
@bp.output(Score)
@bp.doc(summary="Get the score of a route on one day", operation_id="getRouteSafety")
@guard.reads_grid
def one(route_id: int, wanted: DayQuery) -> Response:
    """One score, as the cache holds it."""
    return Response(serving().one(route_id, scored_day(wanted.date)), mimetype=JSON)


@bp.get("/<int(max=2147483647):route_id>/safety/explain")
@bp.input(DayQuery, location="query", arg_name="wanted")
@bp.output(Explanation)
@bp.doc(summary="Explain the score of a route on one day", operation_id="explainRouteSafety")
@guard.reads_grid
def explain(route_id: int, wanted: DayQuery) -> Response:
    """The accidents that add most to the risk, with every factor."""
    return as_json(serving().explain(route_id, scored_day(wanted.date)))


@admin.get("/scores")
@admin.output(Scores)
@admin.doc(summary="Show how many scores are in Redis", operation_id="getScores")
def scores() -> Response:
    """The coverage."""
    warm = coverage.read()
    with client().engine.connect() as connection:
        warmed = Warming.last(connection)
    return as_json(
        Scores(
            routes_held=warm.catalogue.held,
            routes_with_coordinates=warm.catalogue.placed,
            routes_kept_warm=warm.catalogue.kept_warm,
            routes_looked_up=len(warm.catalogue.popular),
            redis=warm.weeks is not None,
            days=[from_row(Day, one) for one in warm.coverage],
            last_warmed=from_row(Warmed, warmed) if warmed else None,
        )
    )
