"""Queues and workers: what waits, who works, and what may be paused or given up."""

from flask import Blueprint, Flask, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from redis import RedisError

from web.html import charts, formats
from web.http.clients import client
from web.runs import shown
from web.runs import store as runs
from web.status import pauses, store
from worker import liveness, staffing

bp = Blueprint("queues", __name__, url_prefix="/queues")


def init_app(app: Flask) -> None:
    """Add the pages."""
    app.register_blueprint(bp)


@bp.get("/")
def index() -> ResponseReturnValue:
    """Every queue with its depth now and over the last day, and every worker."""
    queues = store.queues()
    with client().engine.connect() as connection:
        at_work = {row.run.id: row for row in shown.with_progress(runs.at_work(connection))}
    try:
        workers: list[liveness.WorkerState] | None = liveness.workers(client().redis)
    except RedisError:
        workers = None
    drawn = {queue.state.name: _chart(queue) for queue in queues}
    values = {"queues": queues, "charts": drawn, "workers": workers, "at_work": at_work, "hours": store.HOURS}
    return render_template("status/queues.html", most_workers=staffing.MOST, **values)


def _chart(queue: store.Queue) -> Markup:
    now, most = queue.waited[-1], max(queue.waited)
    words = f"Runs waiting in {queue.state.name} over the last {store.HOURS} hours: {now} now, {most} at most"
    return charts.area(queue.waited, words, least=4)


@bp.post("/<name>/pause")
def pause(name: str) -> ResponseReturnValue:
    """Let a queue rest: what is at work ends, nothing more begins."""
    pauses.pause("queue", store.known_queue(name))
    flash(f"The queue {name} is paused: runs at work go on, no other begins until you resume it.")
    return redirect(url_for("queues.index"), 303)


@bp.post("/<name>/resume")
def resume(name: str) -> ResponseReturnValue:
    """Go on with a queue."""
    pauses.resume("queue", store.known_queue(name))
    flash(f"The queue {name} goes on.")
    return redirect(url_for("queues.index"), 303)


@bp.post("/<name>/workers")
def workers(name: str) -> ResponseReturnValue:
    """Choose how many workers of the queue each supervisor has; the usual number when left empty."""
    queue, given = store.known_queue(name), request.form.get("workers", "").strip()
    if given and not (given.isdecimal() and len(given) < 9 and 1 <= int(given) <= staffing.MOST):
        abort(422, f"workers must be a whole number from 1 to {staffing.MOST} (given: {given[:20]!r})")
    pauses.choose_workers(queue, int(given) if given else None)
    flash(f"Each supervisor of {name} has {given or 'the usual number of'} workers in a moment.")
    return redirect(url_for("queues.index"), 303)


@bp.post("/<name>/purge")
def purge(name: str) -> ResponseReturnValue:
    """Cancel what waits in a queue."""
    count = pauses.purge(store.known_queue(name))
    flash(f"{formats.counted(count, 'waiting run')} of {name} cancelled. Those at work go on.")
    return redirect(url_for("queues.index"), 303)
