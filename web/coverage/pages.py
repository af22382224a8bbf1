"""What the forces did not supply, and the known gaps: a page that operators may change."""

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import ValidationError

from jobs.coverage import gaps, store
from jobs.coverage.gaps import GapError
from jobs.held import deleting
from jobs.models.coverage import KINDS
from jobs.problems import problems_of
from web.coverage import changes
from web.coverage.wanted import NewGap
from web.http.clients import client

bp = Blueprint("coverage", __name__, url_prefix="/coverage")


def init_app(app: Flask) -> None:
    """Add the page."""
    app.register_blueprint(bp)


@bp.get("/")
def index() -> ResponseReturnValue:
    """What is missing, and the known gaps."""
    return _page()


@bp.post("/gaps")
def add_gap() -> ResponseReturnValue:
    """Note a gap."""
    given = {name: value.strip() for name, value in request.form.items() if name in NewGap.model_fields}
    try:
        made = changes.add_gap(NewGap(**{name: value for name, value in given.items() if value}).as_gap())
    except ValidationError as error:
        return _page(given=given, problems=problems_of(NewGap, error)), 422
    except GapError as error:
        return _page(given=given, problems={error.field: str(error)}), 422
    flash(f"The gap of {made.force} is added: {made.span}, {made.kind}.")
    return redirect(url_for("coverage.index"), 303)


@bp.post("/gaps/<int(max=4611686018427387904):gap_id>/remove")
def remove_gap(gap_id: int) -> ResponseReturnValue:
    """Delete a gap."""
    gone = changes.remove_gap(gap_id)
    flash(f"The gap of {gone.force} is deleted: {gone.span}.")
    return redirect(url_for("coverage.index"), 303)


def _page(**shown: object) -> str:
    with client().engine.begin() as connection:
        known, missing = gaps.known(connection), store.not_supplied(connection)
        deleted = [row.month for row in deleting.deleted(connection)]
    return render_template("coverage/index.html", gaps=known, missing=missing, deleted=deleted, kinds=KINDS, **shown)
