"""Scores of many routes at once, and routes as GeoJSON with their colours."""

import datetime as dt
import json
from typing import Annotated, Any, Literal

from apiflask import APIBlueprint, APIFlask
from flask import Response, jsonify
from pydantic import BaseModel, BeforeValidator, Field

from jobs.grid.query import Sides
from jobs.parameters import no_flag
from jobs.scores import store
from jobs.scores.climbing.rows import Route
from jobs.scores.days import DAYS, days_from, today
from jobs.scores.serving import MOST_IDS, scored_day
from web.http.clients import client
from web.http.schemas import Schema
from web.people import guard
from web.scores.schemas import DAY, Score, Sought
from web.scores.serving import serving

# PostgreSQL's integer; true and false are none, though Python takes them for 1 and 0.
RouteId = Annotated[int, BeforeValidator(no_flag), Field(ge=0, le=2**31 - 1)]
RouteIds = Annotated[list[RouteId], Field(max_length=MOST_IDS)]

bp = APIBlueprint("many_scores_api", __name__, url_prefix="/api/v1/routes", tag="Scores")
GEOJSON = "application/geo+json"


class ManyQuery(Schema):
    """Routes to return the scores of, on one day."""

    route_ids: RouteIds
    date: str | None = Field(None, description=DAY)
    order: Literal["given", "risk"] = Field("given", description="In the order of the ids, or the highest risk first")


class ManyScores(BaseModel):
    """Scores, and why other routes have no score."""

    target_date: str
    scores: list[Score]
    missing: dict[str, str]


class TableQuery(Schema):
    """Routes and days to return scores of."""

    route_ids: RouteIds
    dates: list[str] | None = Field(
        None, min_length=1, max_length=DAYS, description="Dates, YYYY-MM-DD. Default: today and the next six days"
    )


class ScoreTable(BaseModel):
    """Scores by route and day, in the order of the request, and why other routes have no score."""

    target_dates: list[str]
    scores: list[Score]
    missing: dict[str, str]


class MapQuery(Sought):
    """Which routes a map shows, and on which day."""

    date: str | None = Field(None, description=DAY)
    bbox: Sides | None = Field(None, description="lat_min,lng_min,lat_max,lng_max in degrees")
    limit: int = Field(200, ge=1, le=MOST_IDS)


class Point(BaseModel):
    """A position in degrees, longitude first."""

    type: Literal["Point"]
    coordinates: tuple[float, float]


class RouteProperties(BaseModel):
    """A route with its score; without a score if `missing` names it."""

    route_id: int
    route_name: str
    mountain_name: str
    type: str
    grade: str
    risk_score: float | None
    color_code: str | None
    target_date: str | None = None
    computed_at: str | None = None
    risk_uncapped: float | None = None
    weather: str | None = None
    history: str | None = None


class RouteFeature(BaseModel):
    """A route as GeoJSON."""

    type: Literal["Feature"]
    id: int
    geometry: Point
    properties: RouteProperties


class RouteMap(BaseModel):
    """Routes as a GeoJSON FeatureCollection, those on the mountains with the most accidents first."""

    type: Literal["FeatureCollection"]
    target_date: str
    has_more: bool = Field(description="Whether more routes match: narrow the query, or raise `limit`")
    missing: dict[str, str] = Field(description="Why routes have no score")
    features: list[RouteFeature]


def init_app(app: APIFlask) -> None:
    """Add what has many scores."""
    app.register_blueprint(bp)


@bp.post("/safety")
@bp.input(ManyQuery, arg_name="wanted")
@bp.output(ManyScores)
@bp.doc(summary="Get the scores of many routes on one day", operation_id="getRoutesSafety")
@guard.reads_grid
@guard.asks_by_post
def many(wanted: ManyQuery) -> Response:
    """Many scores."""
    day = scored_day(wanted.date)
    scores, missing = _scores(wanted.route_ids, [day])
    if wanted.order == "risk":
        scores.sort(key=lambda score: score.get("risk_uncapped", score["risk_score"]), reverse=True)
    return jsonify(target_date=str(day), scores=scores, missing=missing)


@bp.post("/scores")
@bp.input(TableQuery, arg_name="wanted")
@bp.output(ScoreTable)
@bp.doc(summary="Get the scores of many routes on several days", operation_id="getScoreTable")
@guard.reads_grid
@guard.asks_by_post
def table(wanted: TableQuery) -> Response:
    """Many scores of several days."""
    asked = wanted.dates
    days = list(dict.fromkeys(map(scored_day, asked))) if asked else days_from(today(), DAYS)
    scores, missing = _scores(wanted.route_ids, days)
    return jsonify(target_dates=list(map(str, days)), scores=scores, missing=missing)


@bp.get("/geojson")
@bp.input(MapQuery, location="query", arg_name="wanted")
@bp.output(RouteMap, content_type=GEOJSON)
@bp.doc(summary="Get routes as GeoJSON with the colours of their scores on one day", operation_id="getRouteMap")
@guard.reads_grid
def geojson(wanted: MapQuery) -> Response:
    """Routes on a map; those without a score are there too."""
    day = scored_day(wanted.date)
    with client().engine.connect() as connection, connection.begin():
        found = store.popular_routes(connection, wanted.limit + 1, wanted.q, wanted.bbox)
    routes = found[: wanted.limit]
    scores, missing = _scores([route.route_id for route in routes], [day])
    by_id = {score["route_id"]: score for score in scores}
    body = {
        "type": "FeatureCollection",
        "target_date": str(day),
        "has_more": len(found) > len(routes),
        "missing": missing,
        "features": [_feature(route, by_id.get(route.route_id, {})) for route in routes],
    }
    response = jsonify(body)
    response.content_type = GEOJSON
    return response


def _feature(route: Route, score: dict[str, Any]) -> dict[str, Any]:
    described = {"mountain_name": route.mountain_name, "type": route.type, "grade": route.grade}
    named = {"route_id": route.route_id, "route_name": route.name}
    return {
        "type": "Feature",
        "id": route.route_id,
        "geometry": {"type": "Point", "coordinates": [route.longitude, route.latitude]},
        "properties": {**named, "risk_score": None, "color_code": None, **score, **described},
    }


def _scores(route_ids: list[int], days: list[dt.date]) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """In the order of routes, then of days; and why routes have none."""
    bulk = serving().many(route_ids, days)
    wanted = ((route_id, day) for route_id in route_ids for day in days)
    scores = [json.loads(bulk.found[one]) for one in wanted if one in bulk.found]
    return scores, {str(route_id): why for route_id, why in bulk.missing.items()}
