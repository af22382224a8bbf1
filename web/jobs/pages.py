"""Asking for runs: the jobs, and a form for each made from its declaration."""

from collections.abc import Mapping

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded

from jobs import catalogue
from jobs.catalogue import Job
from jobs.errors import ParameterError
from web.http.clients import client
from web.http.errors import respond, too_many, wants_problem
from web.jobs import durations, forms
from web.jobs.submission import submit
from web.runs import shown
from web.runs.store import RunFilter
from web.runs.tasks import find
from worker import due, overview

bp = Blueprint("jobs", __name__, url_prefix="/jobs")


def init_app(app: Flask) -> None:
    """Add the pages."""
    app.register_blueprint(bp)


@bp.get("/")
def index() -> ResponseReturnValue:
    """A form for each job."""
    asked = [forms.form(job, choices=_choices(job)) for job in catalogue.load().values()]
    return render_template("jobs/index.html", forms=asked)


@bp.get("/<slug>")
def show(slug: str) -> ResponseReturnValue:
    """One job: its form, how long it takes, its last runs. `?from=RUN` fills the form with that run's parameters."""
    job = catalogue.find(slug)
    like = request.args.get("from", "")
    given = forms.written(job, find(like).parameters) if like else request.args.to_dict() or None
    return _page(job, forms.form(job, given, choices=_choices(job)), like)


@bp.post("/<slug>")
def start(slug: str) -> ResponseReturnValue:
    """Ask for a run; what is wrong is shown beside its field."""
    job = catalogue.find(slug)
    try:
        parameters = forms.read(job, _fields(request.form))
        due_at = due.time(job.name, request.form.get(due.PARAMETER, ""))
        submission = submit(job, parameters, "form", due_at)
    except ParameterError as error:
        wrong = forms.form(job, _fields(request.form), error.problems, _choices(job))
        return _page(job, wrong, ""), 422
    if submission.is_new and due_at:
        flash(f"The run is planned. It starts at {due_at:%Y-%m-%d %H:%M} UTC.")
    elif submission.is_new:
        flash("The run is queued. It starts as soon as a worker is free.")
    elif submission.is_sooner:
        flash("An equal run was planned for later. It now starts sooner.")
    else:
        flash("An equal run is already open: this is it.")
    return redirect(url_for("runs.show", run_id=submission.run_id), 303)


@bp.errorhandler(RateLimitExceeded)
def refuse(error: RateLimitExceeded) -> ResponseReturnValue:
    """A form that was sent too often keeps its values."""
    problem = too_many(error)
    if wants_problem():
        return respond(problem)
    job = catalogue.find(str((request.view_args or {})["slug"]))
    flash(problem.detail)
    form = forms.form(job, _fields(request.form), choices=_choices(job))
    return _page(job, form, ""), problem.status, problem.headers


def _fields(sent: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in sent.items() if name != "csrf_token"}


def _choices(job: Job) -> dict[str, list[str]]:
    """What its parameters can be chosen from, as they declare it."""
    offered = forms.sources(job)
    if not offered:
        return {}
    with client().engine.connect() as connection, connection.begin():
        return {name: list(one.source(connection)) for name, one in offered.items()}


def _page(job: Job, form: forms.Form, like: str) -> str:
    with client().engine.connect() as connection:
        timed = overview.durations(connection, [job.name], durations.SHOWN)[job.name]
    latest = shown.latest(10, RunFilter(job=job.name))
    times = {"chart": durations.chart(timed), "times": durations.in_words(timed)}
    return render_template("jobs/show.html", form=form, job=job, like=like, rows=latest, **times)
