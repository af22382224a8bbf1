"""The categories of crime as JSON."""

import datetime as dt
from typing import Annotated

from apiflask import APIBlueprint, APIFlask
from flask import Response
from pydantic import AfterValidator, Field

from jobs.ingestion.categories import CategoryRefused
from jobs.months import month_text
from web.categories import changes, store
from web.http.clients import client
from web.http.errors import Problem, respond
from web.http.schemas import Schema, as_json, from_row, storable

bp = APIBlueprint("categories_api", __name__, url_prefix="/api/v1/admin", tag="Administration")

Text = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(storable)]


class Category(Schema):
    """A category with its first and last month."""

    slug: str
    name: str
    first_month: dt.date
    last_month: dt.date | None
    weights: dict[str, float] = Field(description="Weight of one crime, by scheme")


class UnknownCategory(Schema):
    """A category of the source that is not added here. Its crimes are set aside."""

    slug: str
    records: int
    first_month: dt.date
    last_month: dt.date


class Categories(Schema):
    """All categories, and the unknown categories of the source."""

    categories: list[Category]
    unknown: list[UnknownCategory]


class NewCategory(Schema):
    """A category to add."""

    slug: Text
    name: Text
    weights: dict[str, float] = Field(description="Weight of one crime, in every scheme", max_length=50)


class Added(Schema):
    """What was ingested with the category."""

    crimes: int = Field(description="Crimes that had been set aside and are now ingested")
    months: list[str] = Field(description="YYYY-MM")
    task_ids: list[str] = Field(description="The tasks that rebuild the grid of these months")


def init_app(app: APIFlask) -> None:
    """Add the API."""
    app.register_error_handler(CategoryRefused, lambda error: respond(Problem(422, str(error))))
    app.register_blueprint(bp)


@bp.get("/categories")
@bp.output(Categories)
@bp.doc(summary="List the categories, and the unknown categories of the source", operation_id="listCategories")
def categories() -> Response:
    """Every category."""
    with client().engine.connect() as connection:
        known, unknown = store.every(connection), store.unknown(connection)
    return as_json(
        Categories(
            categories=[from_row(Category, row) for row in known],
            unknown=[from_row(UnknownCategory, row) for row in unknown],
        )
    )


@bp.post("/categories")
@bp.input(NewCategory, arg_name="wanted")
@bp.output(Added, status_code=201)
@bp.doc(summary="Add a category, and ingest its crimes that were set aside", operation_id="addCategory")
def add(wanted: NewCategory) -> Response:
    """A new category."""
    done = changes.add(wanted.slug, wanted.name, wanted.weights, "api")
    months = [month_text(month) for month in done.taken.months]
    return as_json(Added(crimes=done.taken.crimes, months=months, task_ids=done.task_ids), 201)
