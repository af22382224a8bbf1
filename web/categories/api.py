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
    """A category, with the months in which it was in use."""

    slug: str
    name: str
    first_month: dt.date
    last_month: dt.date | None
    weights: dict[str, float] = Field(description="Harm of one crime by scheme")


class UnknownCategory(Schema):
    """A category that the source uses and nobody has added: its crimes are set aside."""

    slug: str
    records: int
    first_month: dt.date
    last_month: dt.date


class Categories(Schema):
    """Every category, and those that are not known."""

    categories: list[Category]
    unknown: list[UnknownCategory]


class NewCategory(Schema):
    """A category to add."""

    slug: Text
    name: Text
    weights: dict[str, float] = Field(description="Harm of one crime, of every scheme", max_length=50)


class Added(Schema):
    """What came in with the category."""

    crimes: int = Field(description="That had been set aside")
    months: list[str] = Field(description="YYYY-MM")
    task_ids: list[str] = Field(description="Of the runs that rebuild the grid of these months")


def init_app(app: APIFlask) -> None:
    """Add the API."""
    app.register_error_handler(CategoryRefused, lambda error: respond(Problem(422, str(error))))
    app.register_blueprint(bp)


@bp.get("/categories")
@bp.output(Categories)
@bp.doc(summary="The categories of crime, and those that are not known", operation_id="listCategories")
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
@bp.doc(summary="Add a category, and take in its crimes that were set aside", operation_id="addCategory")
def add(wanted: NewCategory) -> Response:
    """A new category."""
    done = changes.add(wanted.slug, wanted.name, wanted.weights, "api")
    months = [month_text(month) for month in done.taken.months]
    return as_json(Added(crimes=done.taken.crimes, months=months, task_ids=done.task_ids), 201)
