"""The runs: a list to search and to act on, and a page for each."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Flask, Response, abort, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from sqlalchemy import Row

from jobs import catalogue
from jobs.models.runs import STATES
from web.html import formats, graphs
from web.http.clients import client
from web.runs import changes, export, filters, shown, store
from web.runs.tasks import find, progress_of
from worker import attempts

# Runs on a page, a line each.
LISTED = 50
# Of a longer chain the list is easier to read.
MOST_DRAWN = 30

bp = Blueprint("runs", __name__, url_prefix="/runs")


def init_app(app: Flask) -> None:
    """Add the pages."""
    app.register_blueprint(bp)


@bp.get("/")
def index() -> ResponseReturnValue:
    """The runs of a filter, newest first, a page at a time."""
    wanted = filters.wanted(request.args)
    with client().engine.connect() as connection:
        found = store.page(connection, wanted, LISTED + 1, filters.position(request.args.get("before", "")))
    rows = found[:LISTED]
    older = filters.cursor(rows[-1].created_at, rows[-1].id) if len(found) > LISTED else ""
    return render_template(
        "runs/index.html",
        rows=shown.with_progress(rows),
        older=older,
        sought=filters.given(request.args),
        states=(*STATES, filters.OPEN),
        jobs=list(catalogue.load()),
        queues=catalogue.queues(),
        is_first="before" not in request.args,
        searched=store.SEARCHED,
    )


@bp.post("/act")
def act() -> ResponseReturnValue:
    """Retry, cancel or discard the runs that were chosen, or all of the filter; asks before it does."""
    action = request.form.get("action", "")
    if action not in changes.STATES:
        abort(422, f"{action} is not an action for runs. Use {' or '.join(changes.STATES)}")
    given = filters.given(request.form)
    chosen = _chosen(action)
    if not chosen:
        takes = " or ".join(changes.STATES[action])
        flash(f"None of these runs can be {changes.DONE[action]}. Choose runs that are {takes}.")
        return redirect(_address(given), 303)
    if not request.form.get("confirmed"):
        return render_template("runs/act.html", action=action, ids=chosen, sought=given, most=changes.MOST_AT_ONCE)
    done = changes.do(action, chosen)
    left = len(chosen) - len(done)
    tail = f" {left} had changed in the meantime and were skipped." if left else ""
    flash(f"{formats.counted(len(done), 'run')} {changes.DONE[action]}.{tail}")
    return redirect(_address(given), 303)


def _address(given: dict[str, Any]) -> str:
    return url_for("runs.index", **given)


def _chosen(action: str) -> list[str]:
    """Ids of the runs that were ticked, or of all that the filter finds and that this can be done to."""
    if request.form.get("which") != "all":
        return list(dict.fromkeys(find(run_id).id for run_id in request.form.getlist("run")[: changes.MOST_AT_ONCE]))
    return changes.matching(action, filters.wanted(request.form))


@bp.get("/export.<form>")
def download(form: str) -> ResponseReturnValue:
    """The runs of a filter as CSV or JSON."""
    if form not in export.CONTENT_TYPES:
        abort(404, f"There is no download as {form}. Use csv or json")
    # The filter is read here, so that an error is still an answer; the lines come as the database gives them.
    lines = export.lines(filters.wanted(request.args), form)
    headers = {"Content-Disposition": f'attachment; filename="runs.{form}"'}
    return Response(lines, content_type=export.CONTENT_TYPES[form], headers=headers)


@bp.get("/<run_id>")
def show(run_id: str) -> ResponseReturnValue:
    """Everything about one run."""
    return render_template("runs/show.html", **_of(run_id))


@bp.get("/<run_id>/live")
def live(run_id: str) -> ResponseReturnValue:
    """What may change while the run is open, for the page's script."""
    values = _of(run_id)
    response = make_response(render_template("runs/_live.html", **values))
    response.headers["X-Open"] = str(int(values["shown"].is_open))
    return response


@bp.post("/<run_id>/cancel")
def cancel(run_id: str) -> ResponseReturnValue:
    """Cancel the run."""
    state = changes.cancel(run_id)
    flash("The run was cancelled." if state == "cancelled" else "The run is being stopped.")
    return redirect(url_for("runs.show", run_id=run_id), 303)


@bp.post("/<run_id>/pause")
def pause(run_id: str) -> ResponseReturnValue:
    """Pause the run."""
    changes.pause(run_id)
    flash("The run is paused.")
    return redirect(url_for("runs.show", run_id=run_id), 303)


@bp.post("/<run_id>/resume")
def resume(run_id: str) -> ResponseReturnValue:
    """Resume the run."""
    changes.resume(run_id)
    flash("The run is resumed.")
    return redirect(url_for("runs.show", run_id=run_id), 303)


@bp.post("/<run_id>/discard")
def discard(run_id: str) -> ResponseReturnValue:
    """Give up the run, which failed."""
    changes.discard(run_id)
    flash("The run is discarded. Its failure is no longer a finding.")
    return redirect(url_for("runs.show", run_id=run_id), 303)


@bp.post("/<run_id>/retry")
def retry(run_id: str) -> ResponseReturnValue:
    """Begin the run again."""
    changes.retry(run_id)
    flash("The run is retried from its last checkpoint.")
    return redirect(url_for("runs.show", run_id=run_id), 303)


def _of(run_id: str) -> dict[str, Any]:
    run = find(run_id)
    with client().engine.connect() as connection:
        tried = attempts.of(connection, run_id)
        chain = store.chain(connection, run_id)
        months = store.months_of(connection, run_id)
        paused_by = store.paused_by(connection, run_id)
    job = catalogue.load().get(run.job)
    return {
        "shown": shown.ShownRun(run, progress_of(run)),
        "run": run,
        "attempts": tried,
        "chain": chain if len(chain) > 1 else (),
        "graph": _graph(chain, run_id),
        "months": months,
        "paused_by": paused_by,
        "job": job,
    }


def _graph(chain: Sequence[Row[Any]], run_id: str) -> Markup:
    if len(chain) > MOST_DRAWN:
        return Markup("")
    nodes = [
        graphs.Node(
            one.id, formats.title_of(one.job), url_for("runs.show", run_id=one.id), one.state, is_here=one.id == run_id
        )
        for one in chain
    ]
    edges = [(one.parent_id, one.id) for one in chain if one.parent_id]
    return graphs.layered(
        nodes, edges, "The runs that led to this one and followed it, from left to right; also in the list below"
    )
