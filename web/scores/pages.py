"""The scores of climbing routes: how many are warm, a route's seven days, and why a score is what it is."""

import datetime as dt
from collections.abc import Mapping

from flask import Blueprint, Flask, abort, render_template, request
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from jobs import catalogue
from jobs.scores import store
from jobs.scores.cached import CachedScore
from jobs.scores.climbing.rows import Route
from jobs.scores.days import DAYS, days_from, today
from jobs.scores.model import COLOUR_BOUNDS, COLOURS, HIGHEST_RISK
from jobs.scores.serving import scored_day
from jobs.scores.weather.open_meteo import ATTRIBUTION
from web.html import charts
from web.http.clients import client
from web.runs import filters
from web.scores import accidents, coverage
from web.scores.serving import serving
from worker import overview
from worker.results import Warming

# Routes found, on a page; and popular ones with their seven days, which are a screen.
LISTED = 50
SHOWN = 15


bp = Blueprint("scores", __name__, url_prefix="/scores")


def init_app(app: Flask) -> None:
    """Add the pages."""
    app.jinja_env.globals["risk_colours"] = list(zip(COLOURS, (*COLOUR_BOUNDS.tolist(), HIGHEST_RISK), strict=True))
    app.register_blueprint(bp)


@bp.get("/")
def index() -> ResponseReturnValue:
    """What is warm, and a search for routes: `?q=` an id or a part of a name, `?page=`."""
    sought = filters.text_of(request.args.get("q", ""))
    if sought:
        return _found(sought, _page_number(request.args.get("page", "")))
    warm = coverage.read()
    warming = catalogue.remedy("scores_not_warm").job.name
    with client().engine.connect() as connection:
        last = overview.last_ended(connection, [warming]).get(warming)
        cadence = overview.cadences(connection).get(warming)
        warmed = Warming.last(connection)
    return render_template(
        "scores/index.html", **vars(warm), shown=warm.riskiest(SHOWN), last=last, cadence=cadence, warmed=warmed
    )


def _page_number(text: str) -> int:
    # Behind 99,999 pages of 50 there is no route; a longer number may not fit an OFFSET.
    if text and not (text.isdecimal() and len(text) < 6 and int(text)):
        abort(422, f"{text} is not a page number")
    return int(text or 1)


def _found(sought: str, page: int) -> str:
    with client().engine.connect() as connection, connection.begin():
        routes = store.search(connection, sought, LISTED + 1, (page - 1) * LISTED)
    has_more = len(routes) > LISTED
    return render_template("scores/found.html", sought=sought, page=page, routes=routes[:LISTED], has_more=has_more)


@bp.get("/<int(max=2147483647):route_id>")
def show(route_id: int) -> ResponseReturnValue:
    """A route's seven days, and why one of them is what it is: `?date=`, today when left out."""
    day = scored_day(request.args.get("date"))
    route = _route(route_id)
    if not route.is_placed:
        return render_template("scores/show.html", route=route)
    week = serving().week(route_id)
    explained = serving().explain(route_id, day)
    return render_template(
        "scores/show.html",
        route=route,
        week=week,
        chart=_chart(week.scores),
        days=days_from(today(), DAYS),
        day=day,
        explained=explained,
        accidents=[accidents.from_contribution(one, day) for one in explained.largest_contributions],
        attribution=ATTRIBUTION,
    )


def _route(route_id: int) -> Route:
    with client().engine.connect() as connection, connection.begin():
        found = store.routes(connection, [route_id]).get(route_id)
    if found is None:
        abort(404, f"There is no route {route_id}. Search for it by its name on the page Scores.")
    return found


def _chart(scores: Mapping[dt.date, CachedScore]) -> Markup:
    bars = [charts.Bar(score.risk, f"{day:%a %-d}", score.colour) for day, score in scores.items()]
    words = ", ".join(f"{day:%A} {score.risk} {score.colour}" for day, score in scores.items())
    marks = COLOUR_BOUNDS.tolist()
    return charts.columns(bars, f"Risk by day, 0 to 100: {words}", highest=HIGHEST_RISK, marks=marks)
