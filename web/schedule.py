"""The schedule: every cadence with its next time, its last occurrences, and a way to let it rest."""

from flask import Blueprint, Flask, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from jobs import catalogue
from jobs.catalogue import Job
from web import formats, jobs, rests
from web.clients import client
from worker import occurrences, overview

DOTS = 30

bp = Blueprint("schedule", __name__, url_prefix="/schedule")


def init_app(app: Flask) -> None:
    """Add the pages."""
    app.register_blueprint(bp)


@bp.get("/")
def index() -> ResponseReturnValue:
    """All cadences, the next first."""
    scheduled = overview.scheduled()
    with client().engine.connect() as connection:
        cadences = overview.cadences(connection)
        dots = {name: list(occurrences.history(connection, name, DOTS))[::-1] for name in scheduled}
        last = overview.last_ended(connection, list(scheduled))
        timed = overview.durations(connection, list(scheduled), jobs.SHOWN)
    rows = sorted(scheduled.values(), key=lambda job: (job.name not in cadences, _due(cadences.get(job.name))))
    times = {name: jobs.timing(of) for name, of in timed.items() if of}
    return render_template("schedule/index.html", jobs=rows, cadences=cadences, dots=dots, last=last, times=times)


def _due(row: object) -> float:
    due = getattr(row, "next_due", None)
    return float(due.timestamp()) if due else 0.0


@bp.post("/<slug>/pause")
def pause(slug: str) -> ResponseReturnValue:
    """Let a cadence rest: its occurrences are skipped until it is resumed."""
    job = with_cadence(slug)
    rests.pause("cadence", job.name)
    flash(f"{formats.title_of(job.name)} rests: what would be due is skipped until you resume it.")
    return redirect(url_for("schedule.index"), 303)


@bp.post("/<slug>/resume")
def resume(slug: str) -> ResponseReturnValue:
    """Go on with a cadence."""
    job = with_cadence(slug)
    rests.resume("cadence", job.name)
    flash(f"{formats.title_of(job.name)} goes on with its cadence.")
    return redirect(url_for("schedule.index"), 303)


def with_cadence(slug: str) -> Job:
    """The job of that slug; 404 for one that runs on demand only."""
    job = catalogue.find(slug)
    if job.cron is None:
        abort(404, f"{job.name} has no cadence: it runs on demand")
    return job
