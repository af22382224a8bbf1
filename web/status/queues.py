"""Queues and workers: what waits, who works, and what may be paused or given up."""

from typing import Any

from flask import Blueprint, Flask, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from redis import RedisError

from web.html import charts, formats
from web.http.clients import client
from web.runs import shown
from web.runs import store as runs
from web.status import pauses, store
from worker import liveness, overview, staffing

# The height of a chart of waiting runs is never less: one that waits is no mountain.
LEAST = 4

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
    days = 30 if request.args.get("days") == "30" else 1
    ended = store.throughput(days)
    values: dict[str, Any] = {
        "queues": queues,
        "charts": drawn,
        "workers": workers,
        "at_work": at_work,
        "hours": store.HOURS,
    }
    values |= {"days": days, "ended": ended, "throughput": _throughput(ended, days)}
    return render_template("status/queues.html", most_workers=staffing.MOST, **values)


def _throughput(ended: overview.Throughput, days: int) -> Markup:
    form, unit = ("%-d %b", "per day") if days > 1 else ("%H:%M", "per hour")
    times = [(ended.begins + index * ended.step).strftime(form) for index in range(len(ended.finished))]
    bars = [
        (
            charts.Bar(finished, f"{at} UTC: {finished} finished, {failed} failed", "finished"),
            charts.Bar(failed, f"{at} UTC: {finished} finished, {failed} failed", "failed"),
        )
        for at, finished, failed in zip(times, ended.finished, ended.failed, strict=True)
    ]
    most = max(map(sum, zip(ended.finished, ended.failed, strict=True)))
    in_all = f"{sum(ended.finished)} finished and {sum(ended.failed)} failed in all"
    words = f"Ended runs, at most {most} {unit}: {in_all}"
    half = times[len(times) // 2]
    return charts.with_axes(charts.stacked(bars, words), f"{most} runs {unit}", f"{times[0]} UTC", half, "now")


def _chart(queue: store.Queue) -> Markup:
    now, most = queue.waited[-1], max(queue.waited)
    words = f"Runs waiting in {queue.state.name} over the last {store.HOURS} hours: {now} now, {most} at most"
    chart = charts.area(queue.waited, words, least=LEAST)
    return charts.with_axes(
        chart, f"{max(most, LEAST)} runs", f"{store.HOURS} h ago", f"{store.HOURS // 2} h ago", "now"
    )


@bp.post("/<name>/pause")
def pause(name: str) -> ResponseReturnValue:
    """Let a queue rest: what is at work ends, nothing more begins."""
    pauses.pause("queue", store.known_queue(name))
    flash(f"The queue {name} is paused. Runs at work continue; no other run starts until you resume it.")
    return redirect(url_for("queues.index"), 303)


@bp.post("/<name>/resume")
def resume(name: str) -> ResponseReturnValue:
    """Go on with a queue."""
    pauses.resume("queue", store.known_queue(name))
    flash(f"The queue {name} is resumed.")
    return redirect(url_for("queues.index"), 303)


@bp.post("/<name>/workers")
def workers(name: str) -> ResponseReturnValue:
    """Choose how many workers of the queue each supervisor has; the usual number when left empty."""
    queue, given = store.known_queue(name), request.form.get("workers", "").strip()
    if given and not (given.isdecimal() and len(given) < 9 and 1 <= int(given) <= staffing.MOST):
        abort(422, f"workers must be a whole number from 1 to {staffing.MOST} (given: {given[:20]})")
    pauses.choose_workers(queue, int(given) if given else None)
    count = formats.counted(int(given), "worker") if given else "the default number of workers"
    flash(f"Each supervisor of {name} will have {count} in a few seconds.")
    return redirect(url_for("queues.index"), 303)


@bp.post("/<name>/purge")
def purge(name: str) -> ResponseReturnValue:
    """Cancel what waits in a queue."""
    count = pauses.purge(store.known_queue(name))
    flash(f"{formats.counted(count, 'waiting run')} of {name} cancelled. Runs at work continue.")
    return redirect(url_for("queues.index"), 303)
