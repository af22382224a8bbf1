"""The schedule: every cadence with its next time, its last occurrences, and a way to let it rest."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Flask, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from sqlalchemy import Row

from jobs import catalogue
from web.html import formats, graphs
from web.http.clients import client
from web.jobs import durations
from web.status import pauses, store
from worker import overview

# Of each job, its last runs tell what leads to it, however seldom it comes.
CHAINS_OF = 50

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
        followed = overview.followed(connection, list(catalogue.load()), CHAINS_OF)
    times = {name: durations.in_words(of) for name, of in timed.items() if of}
    shown = {"cadences": sorted(cadences, key=_due), "last": last, "times": times}
    chains = {"followed": followed, "graph": _graph(followed), "of": CHAINS_OF}
    return render_template("status/schedule.html", **shown, **chains)


def _graph(followed: Sequence[Row[Any]]) -> Markup:
    known = catalogue.load()
    names = dict.fromkeys(name for row in followed for name in (row.first, row.next) if name in known)
    nodes = [graphs.Node(name, formats.title_of(name), url_for("jobs.show", slug=known[name].slug)) for name in names]
    edges = [(row.first, row.next) for row in followed]
    return graphs.layered(nodes, edges, "Which job starts which, from left to right; also in the list below")


def _due(cadence: store.Cadence) -> tuple[bool, float]:
    return cadence.next_due is None, cadence.next_due.timestamp() if cadence.next_due else 0.0


@bp.post("/<slug>/pause")
def pause(slug: str) -> ResponseReturnValue:
    """Pause a cadence: its occurrences are skipped until it is resumed."""
    job = store.with_cadence(slug)
    pauses.pause("cadence", job.name)
    flash(f"{formats.title_of(job.name)} is paused. Its occurrences are skipped until you resume it.")
    return redirect(url_for("schedule.index"), 303)


@bp.post("/<slug>/resume")
def resume(slug: str) -> ResponseReturnValue:
    """Go on with a cadence."""
    job = store.with_cadence(slug)
    pauses.resume("cadence", job.name)
    flash(f"{formats.title_of(job.name)} is resumed.")
    return redirect(url_for("schedule.index"), 303)
