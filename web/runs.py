"""The runs: a list, and a page for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Flask, abort, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, Row

from jobs import catalogue
from jobs.models import Run
from jobs.models.runs import STATES
from web import guard
from web.clients import client
from web.tasks import Progress, find, progress_of
from worker import ledger

LISTED = 200

bp = Blueprint("runs", __name__, url_prefix="/runs")


@dataclass(frozen=True)
class ShownRun:
    """A run and how far it is."""

    run: Row[Any]
    progress: Progress | None

    @property
    def is_open(self) -> bool:
        return self.run.ended_at is None


def init_app(app: Flask) -> None:
    """Add the pages."""
    app.register_blueprint(bp)


def latest(count: int, *where: ColumnElement[bool]) -> Sequence[ShownRun]:
    """The newest runs; only those at work have their progress looked up."""
    with client().engine.connect() as connection:
        rows = ledger.latest(connection, count, *where)
    return [ShownRun(run, progress_of(run) if run.state == "started" else None) for run in rows]


@bp.get("/")
def index() -> ResponseReturnValue:
    """The latest runs of one state, one job, or all."""
    state, job = request.args.get("state", ""), request.args.get("job", "")
    if state and state not in STATES:
        abort(404, f"There is no state {state!r}; the states are {', '.join(STATES)}")
    where = [Run.state == state] if state else []
    where += [Run.job == catalogue.find(job).name] if job else []
    names = list(catalogue.load())
    return render_template(
        "runs/index.html", rows=latest(LISTED, *where), states=STATES, jobs=names, state=state, job=job
    )


@bp.get("/<run_id>")
def show(run_id: str) -> ResponseReturnValue:
    """Everything about one run."""
    return render_template("runs/show.html", **_of(run_id))


@bp.get("/<run_id>/live")
def live(run_id: str) -> ResponseReturnValue:
    """What may change while the run is open, for the page's script."""
    shown = _of(run_id)
    response = make_response(render_template("runs/_live.html", **shown))
    response.headers["X-Open"] = str(int(shown["shown"].is_open))
    return response


@bp.post("/<run_id>/cancel")
def cancel(run_id: str) -> ResponseReturnValue:
    """Cancel the run."""
    state = client().cancel(find(run_id).id, guard.asker("form").who)
    flash("The run was cancelled." if state == "cancelled" else "The run is being stopped.")
    return redirect(url_for("runs.show", run_id=run_id), 303)


@bp.post("/<run_id>/retry")
def retry(run_id: str) -> ResponseReturnValue:
    """Begin the run again."""
    client().retry(find(run_id).id)
    flash("The run begins again, from its last checkpoint.")
    return redirect(url_for("runs.show", run_id=run_id), 303)


def _of(run_id: str) -> dict[str, Any]:
    run = find(run_id)
    with client().engine.connect() as connection:
        attempts = ledger.attempts(connection, run_id)
    return {"shown": ShownRun(run, progress_of(run)), "run": run, "attempts": attempts}
