"""The first page: ask for a run, and see the last ones."""

from collections.abc import Sequence

from flask import Blueprint, Flask, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from jobs import catalogue
from jobs.errors import ParameterError
from web import forms, guard, runs
from web.clients import client

LATEST = 20

bp = Blueprint("overview", __name__)


def init_app(app: Flask) -> None:
    """Add the pages."""
    app.register_blueprint(bp)


@bp.get("/")
def index() -> ResponseReturnValue:
    """A form for each job, and the last runs."""
    return _page([forms.form(job) for job in catalogue.load().values()])


@bp.get("/live")
def live() -> ResponseReturnValue:
    """The last runs alone, for the page's script."""
    latest = runs.latest(LATEST)
    response = make_response(render_template("runs/_table.html", rows=latest))
    response.headers["X-Open"] = str(int(any(row.is_open for row in latest)))
    return response


@bp.post("/jobs/<slug>")
def start(slug: str) -> ResponseReturnValue:
    """Ask for a run; what is wrong is told beside its field."""
    job = catalogue.find(slug)
    try:
        submission = client().submit(job.name, forms.read(job, request.form), guard.asker("form"))
    except ParameterError as error:
        wrong = forms.form(job, request.form, error.problems)
        others = catalogue.load().values()
        return _page([wrong if other.name == job.name else forms.form(other) for other in others]), 422
    if submission.is_new:
        flash("The run was asked for. It begins as soon as a worker is free.")
    else:
        flash("An equal request is under way already: this is its run.")
    return redirect(url_for("runs.show", run_id=submission.run_id), 303)


def _page(asked: Sequence[forms.Form]) -> str:
    latest = runs.latest(LATEST)
    return render_template("overview/index.html", forms=asked, rows=latest, is_open=any(row.is_open for row in latest))
