"""The crime data that is held: months by areas, and what stands in a month."""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Flask, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Row

from jobs.months import NotAMonth, add_months, month_text, months_between, parse_month
from web import charts
from web.clients import client
from worker import holdings

SHOWN = 36
SHADES = 7

bp = Blueprint("data", __name__, url_prefix="/data")


def init_app(app: Flask) -> None:
    """Add the pages."""
    app.register_blueprint(bp)


@bp.get("/")
def index() -> ResponseReturnValue:
    """Months by areas as a heat map; the last three years, or all of them with `?all=1`."""
    with client().engine.connect() as connection:
        newest = holdings.newest_month(connection)
        look = holdings.last_look(connection)
        known = [one for one in (newest, look and look.newest_published) if one]
        first = max(known, default=None)
        oldest = add_months(first, 1 - SHOWN) if first and not request.args.get("all") else holdings.EVER
        areas = holdings.areas(connection)
        months = holdings.months(connection, oldest)
        grid = holdings.grid(connection, oldest)
    held = {(row.area, row.month): row for row in months}
    count = _span(first, [row.month for row in months], look)
    return render_template(
        "data/index.html",
        areas=areas,
        held=held,
        grid=grid,
        look=look,
        newest=newest,
        rows=holdings.span(first, count) if first else [],
        missing=set(look.missing) if look else set(),
        shades=_shades(months),
        chart=_chart(months),
        is_all=bool(request.args.get("all")),
        shown=SHOWN,
    )


def _span(first: dt.date | None, months: Sequence[dt.date], look: holdings.Look | None) -> int:
    """How many months from the newest to the oldest that is held or missing."""
    known = [*months, *(look.missing if look else ())]
    if first is None or not known:
        return 0
    return months_between(min(known), first) + 1


def _shades(months: Sequence[Row[Any]]) -> dict[tuple[str, dt.date], int]:
    """{(area, month): 1 to SHADES}, by its crimes between the area's fewest and most: areas differ in size."""
    by_area = defaultdict(list)
    for row in months:
        by_area[row.area].append(row)
    shades = {}
    for rows in by_area.values():
        fewest, most = min(row.records for row in rows), max(row.records for row in rows)
        for row in rows:
            part = (row.records - fewest) / (most - fewest) if most > fewest else 0.5
            shades[row.area, row.month] = 1 + round(part * (SHADES - 1))
    return shades


def _chart(months: Sequence[Row[Any]]) -> Any:
    sums: dict[dt.date, int] = defaultdict(int)
    for row in months:
        sums[row.month] += row.records
    bars = [
        charts.Bar(
            sums[one], f"{month_text(one)}: {sums[one]:,} crimes", "plain", url_for("data.month", month=month_text(one))
        )
        for one in sorted(sums)
    ]
    if not bars:
        return ""
    most = max(sums, key=lambda one: sums[one])
    span = f"{month_text(min(sums))} to {month_text(max(sums))}"
    words = f"Crimes per month, {span}; most in {month_text(most)}: {sums[most]:,}"
    return charts.bars(bars, words)


@bp.get("/<month>")
def month(month: str) -> ResponseReturnValue:
    """A month: its categories, unplaced crimes, how it came in, its grid."""
    day = known(month)
    with client().engine.connect() as connection:
        areas = holdings.areas(connection)
        held = [row for row in holdings.months(connection, day) if row.month == day]
        categories = holdings.categories(connection, day)
        unplaced = holdings.unplaced(connection, day)
        tries = holdings.tries(connection, day)
        grid = holdings.grid(connection, day).get(day)
    return render_template(
        "data/month.html",
        day=day,
        areas=[area for area in areas if any(row.area == area.slug for row in held)] or areas,
        held={row.area: row for row in held},
        table=_by_category(categories),
        most=max((row.n for row in categories), default=1),
        unplaced=unplaced,
        tries=tries,
        grid=grid,
        before=add_months(day, -1),
        after=add_months(day, 1),
    )


def known(month: str) -> dt.date:
    """The month of an address; 404 for what is none."""
    try:
        return parse_month(month)
    except NotAMonth as error:
        abort(404, str(error))


def _by_category(rows: Sequence[Row[Any]]) -> dict[str, dict[str, int]]:
    """{category's name: {area: crimes}}, most first."""
    table: dict[str, dict[str, int]] = defaultdict(dict)
    for row in rows:
        table[row.name][row.area] = row.n
    return dict(sorted(table.items(), key=lambda one: -sum(one[1].values())))
