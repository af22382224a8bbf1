"""The grid on a map, and one of its cells with its categories and months."""

import datetime as dt
import gzip
import json
from collections.abc import Set
from typing import Any

from flask import Blueprint, Flask, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from jobs.grid.answers import Answer, NoSuchCell
from jobs.grid.changes.query import ChangeQuery
from jobs.grid.export.formats import FORMATS
from jobs.grid.geojson import APPROXIMATE, ATTRIBUTION, LICENCE_URL
from jobs.grid.query import SHOWN_FIRST, CellQuery, QueryRefused
from jobs.grid.trends.query import TrendQuery
from jobs.months import month_text
from web.data import store as data
from web.grid import base, changes, trends
from web.grid.choices import MEASURES, Choices, MapQuery, asked
from web.grid.reader import reader
from web.html import charts
from web.http.clients import client, settings
from web.people import guard

bp = Blueprint("grid", __name__, url_prefix="/map")

SOURCE = {"attribution": ATTRIBUTION, "licence_url": LICENCE_URL, "approximate": APPROXIMATE}


def init_app(app: Flask) -> None:
    """Add the pages. Only the map itself may load tiles of the base map."""
    app.register_blueprint(bp)
    base.init_app(app)


@bp.get("/")
@guard.reads_grid
def index() -> ResponseReturnValue:
    """The map."""
    with client().engine.connect() as connection:
        choices = Choices.read(connection, settings().h3_resolution)
        has_crimes = data.newest_month(connection) is not None
    wanted, problems = _wanted(choices)
    page = render_template(
        "grid/index.html",
        **SOURCE,
        choices=choices,
        wanted=wanted,
        problems=problems,
        given={} if problems else _given(),
        period={} if problems else _given("from", "to", "area"),
        files={name: form.name for name, form in FORMATS.items() if form.is_there},
        has_crimes=has_crimes,
        measures=MEASURES,
        first=SHOWN_FIRST,
        base=base.base_map(settings()),
    )
    return page, 422 if problems else 200


def _wanted(choices: Choices) -> tuple[MapQuery, dict[str, str]]:
    """What the address asks for; what a bare one asks for, with the problems, where that cannot be shown."""
    try:
        wanted = asked(MapQuery, request.args)
        choices.check(wanted)
    except QueryRefused as error:
        return MapQuery(), error.problems
    return wanted, {}


def _given(*names: str) -> dict[str, str]:
    """What of the address the grid is asked with; only these parameters where some are named."""
    wanted = names or request.args.keys() - {"measure", "cell", "compare"}
    return {name: value for name, value in request.args.items() if value and name in wanted}


@bp.get("/base.pmtiles")
@guard.reads_grid
def base_file() -> ResponseReturnValue:
    """The file of the base map, by ranges."""
    return base.part_of_file()


@bp.get("/cells/<h3>")
@guard.reads_grid
def cell(h3: str) -> ResponseReturnValue:
    """One cell as a page."""
    return render_template("grid/cell.html", **_cell(h3))


@bp.get("/cells/<h3>/part")
@guard.reads_grid
def part(h3: str) -> ResponseReturnValue:
    """One cell for the map's script."""
    return render_template("grid/_cell.html", **_cell(h3))


def _cell(h3: str) -> dict[str, Any]:
    """What the templates show of a cell. Raises NoSuchCell, QueryRefused."""
    found = _read(reader().cell(h3, asked(CellQuery, _only(request.args.keys() - {"compare"}))))
    with client().engine.connect() as connection:
        names = data.category_names(connection)
    return {**SOURCE, "cell": found, "names": names, **_history(found), **_trend(h3), **_change(h3), "given": _given()}


def _read(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(gzip.decompress(answer.packed or b""))
    return found


def _trend(h3: str) -> dict[str, Any]:
    """The cell against its own past; none where its crimes are of long ago."""
    try:
        query = asked(TrendQuery, _only({"to", "category"}))
        return trends.of(_read(reader().past.trend(h3, query)))
    except NoSuchCell:
        return {"trend": None}


def _change(h3: str) -> dict[str, Any]:
    """Its crimes of the other period, where one is asked for."""
    if not request.args.get("compare"):
        return {"change": None}
    query = asked(ChangeQuery, _only({"from", "to", "category", "compare"}))
    return changes.of(_read(reader().past.change(h3, query)))


def _only(names: Set[str]) -> MultiDict[str, str]:
    """These parameters of the address, as often as they are given."""
    return MultiDict([(name, value) for name, value in request.args.items(multi=True) if name in names])


def _history(cell: dict[str, Any]) -> dict[str, str]:
    """Crimes of every month that was read, those without any too: as `chart`, and in `words`."""
    counts = {month_text(dt.date.fromisoformat(one["month"])): one["crimes"] for one in cell["by_month"]}
    bars = [charts.Bar(counts.get(month, 0), f"{month}: {counts.get(month, 0)}") for month in cell["months"]]
    most = max(counts, key=lambda month: counts[month])
    words = f"Crimes per month, {cell['months'][0]} to {cell['months'][-1]}; the most in {most}: {counts[most]}"
    return {"chart": charts.bars(bars, words), "words": words}
