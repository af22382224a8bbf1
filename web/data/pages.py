"""The crime data that is held: months by areas, and what stands in a month."""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, Flask, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Row

from jobs.months import add_months, month_text, months_between
from web.data import store
from web.data.address import known_month
from web.html import charts
from web.http.clients import client

# Three years, which is what the source offers.
SHOWN = 36
# As many as the style sheet has, from light to dark.
SHADES = 7

bp = Blueprint("data", __name__, url_prefix="/data")


def init_app(app: Flask) -> None:
    """Add the pages."""
    app.register_blueprint(bp)


@bp.get("/")
def index() -> ResponseReturnValue:
    """Months by areas as a heat map; the last three years, or all of them with `?all=1`."""
    is_all = bool(request.args.get("all"))
    with client().engine.connect() as connection:
        found = store.overview(connection, None if is_all else SHOWN)
    missing = found.source.missing if found.source else ()
    count = _span(found.first, [*(row.month for row in found.months), *missing])
    return render_template(
        "data/index.html",
        **vars(found),
        held={(row.area, row.month): row for row in found.months},
        rows=store.span(found.first, count) if found.first else [],
        missing=set(missing),
        lacks=_lacks(found.coverage),
        shades=_shades(found.months),
        chart=_chart(found.crimes),
        is_all=is_all,
        shown=SHOWN,
    )


def _span(first: dt.date | None, known: Sequence[dt.date]) -> int:
    """How many months from the newest to the oldest that is held or missing."""
    return months_between(min(known), first) + 1 if first and known else 0


def _shades(months: Sequence[Row[Any]]) -> dict[tuple[str, dt.date], int]:
    """{(area, month): 1 to SHADES}, by its crimes between the area's fewest and most: areas differ in size."""
    by_area = defaultdict(list)
    for row in months:
        by_area[row.area].append(row)
    shades = {}
    for rows in by_area.values():
        fewest, most = min(row.records for row in rows), max(row.records for row in rows)
        for row in rows:
            # A single month, or months all alike, are in the middle.
            part = (row.records - fewest) / (most - fewest) if most > fewest else 0.5
            shades[row.area, row.month] = 1 + round(part * (SHADES - 1))
    return shades


def _lacks(coverage: Sequence[Row[Any]]) -> dict[tuple[str, dt.date], list[Row[Any]]]:
    """{(area, month): what forces supplied nothing of, or not all}"""
    lacks = defaultdict(list)
    for row in coverage:
        if row.status in ("missing", "partial"):
            lacks[row.area, row.month].append(row)
    return lacks


def _chart(sums: Mapping[dt.date, int]) -> Any:
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
            "before": add_months(day, -1),
            "after": add_months(day, 1),
        },
    )


def _by_category(rows: Sequence[Row[Any]]) -> dict[str, dict[str, int]]:
    """{category's name: {area: crimes}}, most first."""
    table: dict[str, dict[str, int]] = defaultdict(dict)
    for row in rows:
        table[row.name][row.area] = row.n
    return dict(sorted(table.items(), key=lambda one: -sum(one[1].values())))
