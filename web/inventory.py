"""What is held, as JSON: crimes by month, and scores in the cache."""

import datetime as dt
from typing import Any

from apiflask import APIBlueprint, APIFlask
from flask import Response
from pydantic import Field

from jobs.months import month_text
from web import risks
from web.answers import Told, answer, pick
from web.clients import client
from web.data import known
from worker import holdings

bp = APIBlueprint("inventory", __name__, url_prefix="/api/v1/admin", tag="Administration")


class HeldMonth(Told):
    """An area's month."""

    area: str
    month: str = Field(description="YYYY-MM-01")
    crimes: int
    unplaced: int
    set_aside: int
    ingested_at: dt.datetime
    cells: int | None = Field(description="Of the month's grid, over all areas; none while it is not built")


class Data(Told):
    """The crime data that is held."""

    areas: list[str]
    newest_held: str | None
    newest_published: str | None = Field(description="As of the last look at the source")
    missing: list[str] = Field(description="Published and not held, as of the last look at the source")
    months: list[HeldMonth]


class HeldCategory(Told):
    """Placed crimes of a category in an area's month."""

    area: str
    category: str
    name: str
    crimes: int


class Unplaced(Told):
    """Crimes of a force without a position, in an area's month."""

    area: str
    force: str
    crimes: int


class Try(Told):
    """A try to bring the month in."""

    area: str
    status: str
    current: bool = Field(description="Whether what is held came in by it")
    task_id: str | None
    crimes: int
    unplaced: int
    set_aside: int
    error: str | None
    started_at: dt.datetime
    ended_at: dt.datetime | None


class Month(Told):
    """A month in full."""

    month: str = Field(description="YYYY-MM-01")
    categories: list[HeldCategory] = Field(description="Most first")
    unplaced: list[Unplaced]
    tries: list[Try] = Field(description="The last 50, newest first")


class Day(Told):
    """Scores of a day."""

    day: dt.date
    wanted: int
    held: int
    shortest_s: float | None = Field(description="Seconds left of the one that ends first")
    longest_s: float | None
    without_weather: int
    without_history: int


class Scores(Told):
    """How much of what is to be warm is in the cache."""

    routes_held: int
    routes_with_coordinates: int
    routes_kept_warm: int
    routes_looked_up: int
    redis: bool = Field(description="Whether it answers; if not there are no days")
    days: list[Day]


def init_app(app: APIFlask) -> None:
    """Add the API."""
    app.register_blueprint(bp)


@bp.get("/data")
@bp.output(Data)
@bp.doc(summary="The crime data that is held", operation_id="getData")
def data() -> Response:
    """Months by areas."""
    with client().engine.connect() as connection:
        areas = [area.slug for area in holdings.areas(connection)]
        rows, grid = holdings.months(connection, holdings.EVER), holdings.grid(connection, holdings.EVER)
        newest, seen = holdings.newest_month(connection), holdings.last_look(connection)
    held = [
        HeldMonth(
            area=row.area,
            month=row.month.isoformat(),
            crimes=row.records,
            unplaced=row.unplaced,
            set_aside=row.set_aside,
            ingested_at=row.ended_at,
            cells=grid[row.month].cells if row.month in grid else None,
        )
        for row in rows
    ]
    published = seen.newest_published if seen else None
    return answer(
        Data(
            areas=areas,
            newest_held=newest.isoformat() if newest else None,
            newest_published=published.isoformat() if published else None,
            missing=[month_text(one) for one in seen.missing] if seen else [],
            months=held,
        )
    )


@bp.get("/data/<month>")
@bp.output(Month)
@bp.doc(summary="A month of the crime data, by category", operation_id="getMonth")
def month(month: str) -> Response:
    """One month."""
    day = known(month)
    with client().engine.connect() as connection:
        categories = holdings.categories(connection, day)
        unplaced = holdings.unplaced(connection, day)
        tries = holdings.tries(connection, day)
    return answer(
        Month(
            month=day.isoformat(),
            categories=[
                HeldCategory(area=row.area, category=row.slug, name=row.name, crimes=row.n) for row in categories
            ],
            unplaced=[Unplaced(area=row.area, force=row.force, crimes=row.n) for row in unplaced],
            tries=[_try(row) for row in tries],
        )
    )


def _try(row: Any) -> Try:
    return Try(
        area=row.area,
        status=row.status,
        current=row.current,
        task_id=row.run_id,
        crimes=row.records,
        unplaced=row.unplaced,
        set_aside=row.set_aside,
        error=row.error,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )


@bp.get("/scores")
@bp.output(Scores)
@bp.doc(summary="How much of what is to be warm is in the cache", operation_id="getScores")
def scores() -> Response:
    """The coverage."""
    warm = risks.look()
    return answer(
        Scores(
            routes_held=warm.catalogue.held,
            routes_with_coordinates=warm.catalogue.placed,
            routes_kept_warm=warm.catalogue.kept_warm,
            routes_looked_up=len(warm.catalogue.popular),
            redis=warm.weeks is not None,
            days=[pick(Day, one) for one in warm.coverage],
        )
    )
