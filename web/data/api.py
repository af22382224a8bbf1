"""The crime data that is held, as JSON."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Literal

from apiflask import APIBlueprint, APIFlask
from flask import Response
from pydantic import Field

from jobs.months import month_text
from web.data import store
from web.data.address import known_month
from web.http.clients import client
from web.http.schemas import Schema, as_json, from_row

bp = APIBlueprint("data_api", __name__, url_prefix="/api/v1/admin", tag="Administration")


class Supplied(Schema):
    """What a force supplied for a month of an area."""

    force: str
    status: Literal["complete", "partial", "missing", "unknown"]
    reason: str


class HeldMonth(Schema):
    """A month of an area."""

    area: str
    month: str = Field(description="YYYY-MM-01")
    crimes: int
    unplaced: int
    set_aside: int
    is_whole: bool = Field(description="Whether the month is ingested for all of the area")
    is_partial: bool = Field(description="Whether crimes of an unknown category were set aside")
    as_of: dt.date | None = Field(description="The oldest release that a part of it comes from; null if unknown")
    ingested_at: dt.datetime
    cells: int | None = Field(
        description="Cells of the grid in this month, over all areas; null before the grid is built"
    )
    coverage: list[Supplied] = Field(description="By force. If a force is missing, fewer crimes do not mean safer")


class DeletedMonth(Schema):
    """A month whose crimes were deleted, because it is older than the months that are kept."""

    month: str = Field(description="YYYY-MM-01")
    crimes: int = Field(description="With a position")
    unplaced: int
    deleted_at: dt.datetime


class Data(Schema):
    """The ingested crime data."""

    areas: list[str]
    newest_held: str | None
    newest_published: str | None = Field(description="As of the last check of the source")
    missing: list[str] = Field(description="Published months that are not ingested, as of the last check of the source")
    deleted: list[DeletedMonth] = Field(description="Months older than those that are kept, newest first")
    months: list[HeldMonth]


class HeldCategory(Schema):
    """Placed crimes of a category in an area's month."""

    area: str
    category: str
    name: str
    crimes: int


class Unplaced(Schema):
    """Crimes of a force without a position, in an area's month."""

    area: str
    force: str
    crimes: int


class SetAside(Schema):
    """Records of the source that were set aside, by reason."""

    area: str
    reason: str
    category: str | None = Field(description="Category to add, so that these crimes are ingested")
    records: int
    example: str = Field(description="One of the records, as JSON")


class Try(Schema):
    """One ingestion of the month."""

    area: str
    status: str
    current: bool = Field(description="Whether the current crimes come from it")
    task_id: str | None
    crimes: int
    unplaced: int
    set_aside: int
    error: str | None
    started_at: dt.datetime
    ended_at: dt.datetime | None


class Month(Schema):
    """A month in full."""

    month: str = Field(description="YYYY-MM-01")
    categories: list[HeldCategory] = Field(description="Most first")
    unplaced: list[Unplaced]
    set_aside: list[SetAside] = Field(description="Most first")
    tries: list[Try] = Field(description="The last 50 ingestions, newest first")


def init_app(app: APIFlask) -> None:
    """Add the API."""
    app.register_blueprint(bp)


@bp.get("/data")
@bp.output(Data)
@bp.doc(summary="List the ingested months", operation_id="getData")
def data() -> Response:
    """Months by areas."""
    with client().engine.connect() as connection:
        found = store.overview(connection)
    supplied = _by_month(found.coverage)
    published = found.source.newest_published if found.source else None
    return as_json(
        Data(
            areas=[area.slug for area in found.areas],
            newest_held=found.newest.isoformat() if found.newest else None,
            newest_published=published.isoformat() if published else None,
            missing=[month_text(one) for one in found.source.missing] if found.source else [],
            deleted=[
                DeletedMonth(**{**row._mapping, "month": month.isoformat()}) for month, row in found.deleted.items()
            ],
            months=[
                _month(row, found.grid.get(row.month), supplied.get((row.area, row.month), [])) for row in found.months
            ],
        )
    )


def _by_month(coverage: Sequence[Any]) -> dict[tuple[str, dt.date], list[Supplied]]:
    found: dict[tuple[str, dt.date], list[Supplied]] = {}
    for row in coverage:
        found.setdefault((row.area, row.month), []).append(from_row(Supplied, row))
    return found


def _month(row: Any, grid: Any, coverage: list[Supplied]) -> HeldMonth:
    return HeldMonth(
        area=row.area,
        month=row.month.isoformat(),
        crimes=row.records,
        unplaced=row.unplaced,
        set_aside=row.set_aside,
        is_whole=row.is_whole,
        is_partial=row.is_partial,
        as_of=row.release,
        ingested_at=row.ended_at,
        cells=grid.cells if grid else None,
        coverage=coverage,
    )


@bp.get("/data/<month>")
@bp.output(Month)
@bp.doc(summary="Get a month of the crime data, by category", operation_id="getMonth")
def month(month: str) -> Response:
    """One month."""
    day = known_month(month)
    with client().engine.connect() as connection:
        found = store.month(connection, day)
    return as_json(
        Month(
            month=day.isoformat(),
            categories=[
                HeldCategory(area=row.area, category=row.slug, name=row.name, crimes=row.n) for row in found.categories
            ],
            unplaced=[Unplaced(area=row.area, force=row.force, crimes=row.n) for row in found.unplaced],
            set_aside=[from_row(SetAside, row) for row in found.set_aside],
            tries=[_try(row) for row in found.tries],
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
