"""Queues and workers: what waits, who works, and what may be paused or given up."""

import datetime as dt
from typing import Any

from flask import Blueprint, Flask, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from redis import RedisError

from jobs.catalogue import QUEUES
from web import charts, formats, rests, runs
from web.clients import client
from worker import listing, overview

HOURS = 24

bp = Blueprint("queues", __name__, url_prefix="/queues")


def init_app(app: Flask) -> None:
    """Add the pages."""
    app.register_blueprint(bp)


@bp.get("/")
def index() -> ResponseReturnValue:
    """Every queue with its depth now and over the last day, and every worker."""
    now = dt.datetime.now(dt.UTC)
    with client().engine.connect() as connection:
        queues = overview.queues(connection)
        depths = overview.depths(connection, now, HOURS)
        at_work = {row.run.id: row for row in runs.with_progress(listing.at_work(connection))}
    try:
        workers: list[overview.WorkerState] | None = overview.workers(client().redis)
    except RedisError:
        workers = None
    drawn = {name: _chart(name, values) for name, values in depths.items()}
    return render_template(
        "queues/index.html", queues=queues, charts=drawn, depths=depths, workers=workers, at_work=at_work, hours=HOURS
    )


def _chart(name: str, values: list[int]) -> Any:
    words = f"Runs waiting in {name} over the last {HOURS} hours: {values[-1]} now, {max(values)} at most"
    return charts.area(values, words, least=4)


@bp.post("/<name>/pause")
def pause(name: str) -> ResponseReturnValue:
    """Let a queue rest: what is at work ends, nothing more begins."""
    known(name)
    rests.pause("queue", name)
    flash(f"The queue {name} rests: runs at work go on, nothing more begins until you resume it.")
    return redirect(url_for("queues.index"), 303)


@bp.post("/<name>/resume")
def resume(name: str) -> ResponseReturnValue:
    """Go on with a queue."""
    known(name)
    rests.resume("queue", name)
    flash(f"The queue {name} goes on.")
    return redirect(url_for("queues.index"), 303)


@bp.post("/<name>/purge")
def purge(name: str) -> ResponseReturnValue:
    """Cancel what waits in a queue."""
    known(name)
    count = rests.purge(name)
    flash(f"{formats.counted(count, 'waiting run')} of {name} cancelled. Those at work go on.")
    return redirect(url_for("queues.index"), 303)


def known(name: str) -> str:
    """The queue of that name; 404 for another."""
    if name not in QUEUES:
        abort(404, f"There is no queue {name!r}; the queues are {', '.join(QUEUES)}")
    return name
