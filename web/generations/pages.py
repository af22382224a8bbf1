"""The generations of the grid: a page on which operators publish an earlier one again."""

from flask import Blueprint, Flask, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from jobs.grid import generations
from jobs.grid.generations import GenerationRefused
from web.generations import changes
from web.http.clients import client

bp = Blueprint("generations", __name__, url_prefix="/generations")


def init_app(app: Flask) -> None:
    """Add the page."""
    app.register_blueprint(bp)


@bp.get("/")
def index() -> ResponseReturnValue:
    """The generations that are kept, and whether rebuilds are paused."""
    return _page()


@bp.post("/<int(max=9007199254740992):generation>/publish")
def publish(generation: int) -> ResponseReturnValue:
    """Publish an earlier one again."""
    try:
        run_id = changes.publish(generation, "form")
    except GenerationRefused as error:
        return _page(str(error)), 409
    return redirect(url_for("runs.show", run_id=run_id), 303)


@bp.post("/resume")
def resume() -> ResponseReturnValue:
    """Resume rebuilds."""
    done = changes.resume("form")
    flash("Rebuilds are resumed." if done.was_paused else "Rebuilds were not paused.")
    return redirect(url_for("generations.index"), 303)


def _page(problem: str = "") -> str:
    with client().engine.begin() as connection:
        found, paused = generations.kept(connection), generations.pause(connection)
    return render_template("generations/index.html", generations=found, paused=paused, problem=problem)
