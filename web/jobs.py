"""Asking for runs: the jobs, and a form for each made from its declaration."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from jobs import catalogue
from jobs.catalogue import Job
from jobs.errors import ParameterError
from web import audit, charts, formats, forms, guard, runs
from web.clients import client
from web.tasks import find
from worker import holdings, overview, transport
from worker.listing import Wanted

SHOWN = 30

bp = Blueprint("jobs", __name__, url_prefix="/jobs")


def init_app(app: Flask) -> None:
    """Add the pages."""
    app.register_blueprint(bp)


@bp.get("/")
def index() -> ResponseReturnValue:
    """A form for each job."""
    choices = _choices()
    asked = [forms.form(job, choices=choices) for job in catalogue.load().values()]
    return render_template("jobs/index.html", forms=asked)


@bp.get("/<slug>")
def show(slug: str) -> ResponseReturnValue:
    """One job: its form, how long it takes, its last runs. `?from=RUN` fills the form with that run's parameters."""
    job = catalogue.find(slug)
    like = request.args.get("from", "")
    given = forms.written(job, find(like).parameters) if like else request.args.to_dict() or None
    return _page(job, forms.form(job, given, choices=_choices()), like)


@bp.post("/<slug>")
def start(slug: str) -> ResponseReturnValue:
    """Ask for a run; what is wrong is told beside its field."""
    job = catalogue.find(slug)
    try:
        parameters = forms.read(job, _fields(request.form))
        submission = client().submit(job.name, parameters, guard.asker("form"))
    except ParameterError as error:
        wrong = forms.form(job, _fields(request.form), error.problems, _choices())
        return _page(job, wrong, ""), 422
    if submission.is_new:
        audit.note("asked for", f"{transport.describe(job.name, parameters)} as run {submission.run_id}")
        flash("The run was asked for. It begins as soon as a worker is free.")
    else:
        flash("An equal request is under way already: this is its run.")
    return redirect(url_for("runs.show", run_id=submission.run_id), 303)


def _fields(sent: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in sent.items() if name != "csrf_token"}


def _choices() -> dict[str, list[str]]:
    with client().engine.connect() as connection:
        return {"area": [area.slug for area in holdings.areas(connection)]}


def _page(job: Job, form: forms.Form, like: str) -> str:
    with client().engine.connect() as connection:
        timed = overview.durations(connection, [job.name], SHOWN)[job.name]
    latest = runs.latest(10, Wanted(job=job.name))
    return render_template(
        "jobs/show.html", form=form, job=job, like=like, rows=latest, chart=chart(timed), times=timing(timed)
    )


def chart(timed: Any) -> Any:
    """The durations of a job's last runs as bars; each leads to its run."""
    bars = [
        charts.Bar(
            run.seconds,
            f"{run.created_at:%Y-%m-%d %H:%M} UTC: {run.state}, {formats.duration(run.seconds)}",
            run.state,
            url_for("runs.show", run_id=run.id),
        )
        for run in timed
    ]
    return charts.bars(bars, f"Durations of the last {len(bars)} runs: {timing(timed)}")


def timing(timed: Any) -> str:
    """Median and 95th percentile in words."""
    found = overview.percentiles(timed)
    failed = sum(run.state == "failed" for run in timed)
    words = (
        f"half take up to {formats.duration(found[0])}, 95 % up to {formats.duration(found[1])}"
        if found
        else "none has finished"
    )
    return f"{words}; {failed} of {len(timed)} failed" if failed else words
