"""The categories of crime: a page on which operators add those that the source began to use."""

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from jobs.ingestion.categories import CategoryRefused
from web.categories import changes, store
from web.http.clients import client

bp = Blueprint("categories", __name__, url_prefix="/categories")


def init_app(app: Flask) -> None:
    """Add the page."""
    app.register_blueprint(bp)


@bp.get("/")
def index() -> ResponseReturnValue:
    """Every category, those that are not known, and a form for another; `?slug=` fills it."""
    return _page({"slug": request.args.get("slug", "")})


@bp.post("/")
def add() -> ResponseReturnValue:
    """Add a category."""
    given = {name: value.strip() for name, value in request.form.items()}
    try:
        done = changes.add(given.get("slug", ""), given.get("name", ""), _weights(given), "form")
    except CategoryRefused as error:
        return _page(given, str(error)), 422
    flash(
        f"The category {given['name']} is added. Crimes that had been set aside and are now ingested: "
        f"{done.taken.crimes:,}."
    )
    return redirect(url_for("categories.index"), 303)


def _weights(given: dict[str, str]) -> dict[str, float]:
    """Raises CategoryRefused."""
    weights = {}
    for name, text in given.items():
        scheme = name.removeprefix("weight-")
        if scheme == name or not text:
            continue
        try:
            weights[scheme] = float(text)
        except ValueError:
            raise CategoryRefused(f"The weight of {scheme} must be a number (given: {text[:50]})") from None
    return weights


def _page(given: dict[str, str], problem: str = "") -> str:
    with client().engine.connect() as connection:
        shown = {
            "categories": store.every(connection),
            "schemes": store.schemes(connection),
            "unknown": store.unknown(connection),
        }
    return render_template("categories/index.html", **shown, given=given, problem=problem)
