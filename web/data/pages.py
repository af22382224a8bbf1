"""The crime data that is held: months by areas, and what stands in a month."""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, Flask, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Row

from jobs.months import month_text, months_from
from web.data import store
from web.data.address import known_month
from web.data.lines import Line, cells, lines
from web.data.store import Overview
from web.html import charts
from web.http.clients import client

# Three years, which is what the source offers.
SHOWN = 36

bp = Blueprint("data", __name__, url_prefix="/data")


def init_app(app: Flask) -> None:
    """Add the pages."""
    app.register_blueprint(bp)


@bp.get("/")
def index() -> ResponseReturnValue:
    """Months by areas: the last three years, or `?year=` one of those of which a month is held."""
    year = request.args.get("year", type=int)
    with client().engine.connect() as connection:
        if year and year not in store.years(connection):
            abort(404, f"No month of {year} is ingested")
        found = store.overview(connection, SHOWN, year)
        usual = store.usual(connection, found.between)
    missing = found.source.missing if found.source else ()
    return render_template(
        "data/index.html",
        **vars(found),
        cells=cells(found, usual),
        lines=_lines(found, missing),
        missing=set(missing),
        chart=_chart(found.crimes),
        year=year,
        shown=SHOWN,
    )


def _lines(found: Overview, missing: Sequence[dt.date]) -> list[Line]:
    """From the newest that is held or published to the oldest that is shown."""
    between = found.between
    known = {month for month in (*found.crimes, *missing, *found.deleted) if between.oldest <= month <= between.newest}
    return lines(max(known), min(known), known) if known else []


def _chart(sums: Mapping[dt.date, int]) -> Any:
    if not sums:
        return ""
    first, last = min(sums), max(sums)
    bars = [_bar(month, sums.get(month)) for month in months_from(first, last)]
    most = max(sums, key=lambda one: sums[one])
    words = (
        f"Crimes per month, {month_text(first)} to {month_text(last)}; the most in {month_text(most)}: {sums[most]:,}"
    )
    return charts.with_axes(charts.bars(bars, words), f"{sums[most]:,} crimes", month_text(first), month_text(last))


def _bar(month: dt.date, crimes: int | None) -> charts.Bar:
    if crimes is None:
        return charts.Bar(0, f"{month_text(month)}: not ingested", "absent")
    link = url_for("data.month", month=month_text(month))
    return charts.Bar(crimes, f"{month_text(month)}: {crimes:,} crimes", "plain", link)


@bp.get("/<month>")
def month(month: str) -> ResponseReturnValue:
    """A month: its categories, unplaced crimes, how it came in, its grid."""
    day = known_month(month)
    with client().engine.connect() as connection:
        found = store.month(connection, day)
    return render_template(
        "data/month.html",
        **{
            **vars(found),
            "day": day,
            "areas": [area for area in found.areas if area.slug in found.held] or found.areas,
            "table": _by_category(found.categories),
            "most": max((row.n for row in found.categories), default=1),
        },
    )


def _by_category(rows: Sequence[Row[Any]]) -> dict[str, dict[str, int]]:
    """{category's name: {area: crimes}}, most first."""
    table: dict[str, dict[str, int]] = defaultdict(dict)
    for row in rows:
        table[row.name][row.area] = row.n
    return dict(sorted(table.items(), key=lambda one: -sum(one[1].values())))
