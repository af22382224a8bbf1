"""The schedule: every cadence with its next time, its last occurrences, and a way to let it rest."""

from flask import Blueprint, Flask, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from web.html import formats
from web.http.clients import client
from web.jobs import durations
from web.status import pauses, store
from worker import overview

bp = Blueprint("schedule", __name__, url_prefix="/schedule")


def init_app(app: Flask) -> None:
    """Add the pages."""
    app.register_blueprint(bp)


@bp.get("/")
def index() -> ResponseReturnValue:
    """All cadences, the next first."""
    cadences = store.schedule()
    names = [cadence.job.name for cadence in cadences]
    with client().engine.connect() as connection:
        last = overview.last_ended(connection, names)
        timed = overview.durations(connection, names, durations.SHOWN)
    times = {name: durations.in_words(of) for name, of in timed.items() if of}
    return render_template("status/schedule.html", cadences=sorted(cadences, key=_due), last=last, times=times)


def _due(cadence: store.Cadence) -> tuple[bool, float]:
    return cadence.next_due is None, cadence.next_due.timestamp() if cadence.next_due else 0.0


@bp.post("/<slug>/pause")
def pause(slug: str) -> ResponseReturnValue:
    """Let a cadence rest: its occurrences are skipped until it is resumed."""
    job = store.with_cadence(slug)
    pauses.pause("cadence", job.name)
    flash(f"{formats.title_of(job.name)} is paused: what would be due is skipped until you resume it.")
    return redirect(url_for("schedule.index"), 303)


@bp.post("/<slug>/resume")
def resume(slug: str) -> ResponseReturnValue:
    """Go on with a cadence."""
    job = store.with_cadence(slug)
    pauses.resume("cadence", job.name)
    flash(f"{formats.title_of(job.name)} goes on with its cadence.")
    return redirect(url_for("schedule.index"), 303)
