"""Route safety scores: one, many, or one with its reasons."""

import json
from typing import Annotated, cast

from apiflask import APIBlueprint, APIFlask
from flask import Response, current_app, jsonify
from pydantic import BaseModel, BeforeValidator, Field, field_validator

from jobs.catalogue import no_flag
from jobs.warming import store
from jobs.warming.serving import MOST_IDS, OutsideWindow, Serving, UnknownRoute, scored_day
from web import guard
from web.answers import Told, answer, holdable, pick
from web.clients import client, settings_of
from web.described import Explanation
from web.errors import Problem, respond

RouteId = Annotated[int, BeforeValidator(no_flag), Field(ge=0, le=2**31 - 1)]

bp = APIBlueprint("scores", __name__, url_prefix="/api/v1/routes", tag="Scores")
JSON = "application/json"
_DAY = "YYYY-MM-DD, today (UTC) to six days on; today when left out"


class DayQuery(Told):
    """The planned day."""

    date: str | None = Field(None, description=_DAY)


class RouteQuery(Told):
    """Which routes."""

    q: str = Field("", max_length=200, description="An id, or a part of the name of a route or its mountain")
    limit: int = Field(50, ge=1, le=500)
    offset: int = Field(0, ge=0, le=10**6, description="How many to pass over")

    @field_validator("q")
    @classmethod
    def _can_be_held(cls, text: str) -> str:
        return holdable(text)


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
    """Routes by name, the one of the id that was sought first."""

    routes: list[FoundRoute]
    has_more: bool


class Score(BaseModel):
    """The risk of a route on a day, from 0 (none known) to 100."""

    route_id: int
    route_name: str
    target_date: str
    risk_score: float = Field(description="One decimal; the colour follows the risk before it is rounded")
    color_code: str = Field(description="green, yellow, orange or red")
    computed_at: str
    weather: str | None = Field(None, description="`unavailable` if computed without a forecast")
    history: str | None = Field(None, description="`unavailable` while it is not known what weather is usual there")


class ManyQuery(Told):
    """Routes whose scores are wanted."""

    route_ids: list[RouteId] = Field(max_length=MOST_IDS)
    date: str | None = Field(None, description=_DAY)


class ManyScores(BaseModel):
    """Scores in the order of the ids, and why others have none."""

    target_date: str
    scores: list[Score]
    missing: dict[str, str]


def init_app(app: APIFlask) -> None:
    """Add the scores."""
    app.extensions["safegrid_scores"] = Serving(settings_of(app), app.extensions["safegrid_client"].engine)
    app.register_error_handler(UnknownRoute, lambda error: respond(Problem(404, str(error))))
    app.register_error_handler(OutsideWindow, lambda error: respond(Problem(422, str(error), {"date": str(error)})))
    app.register_blueprint(bp)


def serving() -> Serving:
    """What answers for scores in the current app."""
    return cast(Serving, current_app.extensions["safegrid_scores"])


@bp.get("")
@bp.input(RouteQuery, location="query", arg_name="wanted")
@bp.output(Routes)
@bp.doc(summary="Routes by id or name", operation_id="findRoutes")
@guard.reads_grid
def routes(wanted: RouteQuery) -> Response:
    """A search."""
    with client().engine.connect() as connection, connection.begin():
        found = store.search(connection, wanted.q, wanted.limit + 1, wanted.offset)
    told = [pick(FoundRoute, route) for route in found[: wanted.limit]]
    return answer(Routes(routes=told, has_more=len(found) > wanted.limit))


@bp.get("/<int(max=2147483647):route_id>/safety")
@bp.input(DayQuery, location="query", arg_name="wanted")
@bp.output(Score)
@bp.doc(summary="The score of a route on a day", operation_id="getRouteSafety")
@guard.reads_grid
def one(route_id: int, wanted: DayQuery) -> Response:
    """One score, as it is kept."""
    return Response(serving().one(route_id, scored_day(wanted.date)), mimetype=JSON)


@bp.post("/safety")
@bp.input(ManyQuery, arg_name="wanted")
@bp.output(ManyScores)
@bp.doc(summary="The scores of many routes on a day", operation_id="getRoutesSafety")
def many(wanted: ManyQuery) -> Response:
    """Many scores."""
    day = scored_day(wanted.date)
    bulk = serving().many(wanted.route_ids, day)
    scores = [json.loads(bulk.found[route_id]) for route_id in wanted.route_ids if route_id in bulk.found]
    return jsonify(target_date=str(day), scores=scores, missing={str(id_): why for id_, why in bulk.missing.items()})


@bp.get("/<int(max=2147483647):route_id>/safety/explain")
@bp.input(DayQuery, location="query", arg_name="wanted")
@bp.output(Explanation)
@bp.doc(summary="Why a route has its score on a day", operation_id="explainRouteSafety")
@guard.reads_grid
def explain(route_id: int, wanted: DayQuery) -> Response:
    """The accidents that add most to the risk, with every factor."""
    return jsonify(serving().explain(route_id, scored_day(wanted.date)))
