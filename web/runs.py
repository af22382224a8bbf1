"""The runs: a list to search and to act on, and a page for each."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Flask, Response, abort, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Row

from jobs import catalogue
from jobs.models.runs import STATES
from web import audit, batches, filters, formats, guard
from web.clients import client
from web.tasks import Progress, as_listed, find, progress_of
from worker import attempts, listing
from worker.listing import Wanted

LISTED = 50
MOST_EXPORTED = 100_000
CSV_COLUMNS = ("task_id", "task_name", "status", "state", "parameters", "requested_by", "origin")
CSV_TIMES = ("created_at", "started_at", "ended_at")

bp = Blueprint("runs", __name__, url_prefix="/runs")


@dataclass(frozen=True)
class ShownRun:
    """A run and how far it is."""

    run: Row[Any]
    progress: Progress | None

    @property
    def is_open(self) -> bool:
        return self.run.ended_at is None

    @property
    def seconds_left(self) -> float | None:
        """As long as the rest takes at the rate so far. None where that rate says nothing.

        A later attempt goes on where an earlier one was, so what is done was not all done by this one.
        """
        known = self.progress
        if known is None or not known.rate or self.run.attempt != 1 or self.run.state != "started":
            return None
        return (known.total - known.done) / known.rate if known.total else None


def init_app(app: Flask) -> None:
    """Add the pages."""
    app.register_blueprint(bp)


def latest(count: int, wanted: Wanted) -> list[ShownRun]:
    """The newest runs that are wanted."""
    with client().engine.connect() as connection:
        return with_progress(listing.page(connection, wanted, count))


def with_progress(rows: Sequence[Row[Any]]) -> list[ShownRun]:
    """Only those at work have their progress looked up."""
    return [ShownRun(run, progress_of(run) if run.state == "started" else None) for run in rows]


@bp.get("/")
def index() -> ResponseReturnValue:
    """The runs of a filter, newest first, a page at a time."""
    wanted = filters.wanted(request.args)
    with client().engine.connect() as connection:
        found = listing.page(connection, wanted, LISTED + 1, filters.position(request.args.get("before", "")))
    rows = found[:LISTED]
    older = filters.cursor(rows[-1].created_at, rows[-1].id) if len(found) > LISTED else ""
    return render_template(
        "runs/index.html",
        rows=with_progress(rows),
        older=older,
        sought=filters.given(request.args),
        states=(*STATES, filters.OPEN),
        jobs=list(catalogue.load()),
        queues=catalogue.QUEUES,
        is_first="before" not in request.args,
        searched=listing.SEARCHED,
    )


@bp.post("/act")
def act() -> ResponseReturnValue:
    """Retry or cancel the runs that were chosen, or all of the filter; asks before it does."""
    action = request.form.get("action", "")
    if action not in batches.STATES:
        abort(422, f"{action!r} cannot be done to runs; {' and '.join(batches.STATES)} can")
    given = filters.given(request.form)
    chosen = _chosen(action)
    if not chosen:
        takes = " or ".join(batches.STATES[action])
        flash(f"None of these runs can be {batches.DONE[action]}: that takes one that is {takes}.")
        return redirect(_address(given), 303)
    if not request.form.get("confirmed"):
        return render_template("runs/act.html", action=action, ids=chosen, sought=given, most=batches.MOST_AT_ONCE)
    done = batches.do(action, chosen)
    left = len(chosen) - len(done)
    tail = f" {left} had changed in the meantime and were left alone." if left else ""
    flash(f"{formats.counted(len(done), 'run')} {batches.DONE[action]}.{tail}")
    return redirect(_address(given), 303)


def _address(given: dict[str, Any]) -> str:
    return url_for("runs.index", **given)


def _chosen(action: str) -> list[str]:
    """Ids of the runs that were ticked, or of all that the filter finds and that this can be done to."""
    if request.form.get("which") != "all":
        return list(dict.fromkeys(find(run_id).id for run_id in request.form.getlist("run")[: batches.MOST_AT_ONCE]))
    return batches.matching(action, filters.wanted(request.form))


@bp.get("/export.<form>")
def export(form: str) -> ResponseReturnValue:
    """The runs of a filter as CSV or JSON."""
    if form not in ("csv", "json"):
        abort(404, f"There is no list as {form}; there are csv and json")
    wanted = filters.wanted(request.args)
    # Asked for here, so that an error is still an answer; the lines come as the database gives them.
    lines = _lines(wanted, _csv_line, _csv_head()) if form == "csv" else _as_array(_lines(wanted, json.dumps))
    kind = "text/csv; charset=utf-8" if form == "csv" else "application/json"
    return Response(lines, content_type=kind, headers={"Content-Disposition": f'attachment; filename="runs.{form}"'})


def _lines(wanted: Wanted, line_of: Callable[[dict[str, Any]], str], head: str = "") -> Iterator[str]:
    engine = client().engine

    def lines() -> Iterator[str]:
        yield head
        with engine.connect() as connection:
            for run in listing.every(connection, wanted, MOST_EXPORTED):
                yield line_of(as_listed(run))

    return lines()


def _as_array(lines: Iterator[str]) -> Iterator[str]:
    separator = "[\n"
    for line in filter(None, lines):
        yield separator + line
        separator = ",\n"
    yield "[]\n" if separator == "[\n" else "\n]\n"


def _csv_head() -> str:
    return _as_csv([*CSV_COLUMNS, *CSV_TIMES, "error"])


def _csv_line(task: dict[str, Any]) -> str:
    values = {**task, "parameters": json.dumps(task["parameters"])}
    return _as_csv([_inert(values[name]) for name in (*CSV_COLUMNS, *CSV_TIMES, "error")])


def _inert(value: Any) -> str:
    """Spreadsheets take a text that begins like this for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _as_csv(values: Sequence[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(values)
    return buffer.getvalue()


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
    state = client().cancel(find(run_id).id, guard.who())
    audit.note("cancelled", f"run {run_id}")
    flash("The run was cancelled." if state == "cancelled" else "The run is being stopped.")
    return redirect(url_for("runs.show", run_id=run_id), 303)


@bp.post("/<run_id>/retry")
def retry(run_id: str) -> ResponseReturnValue:
    """Begin the run again."""
    client().retry(find(run_id).id)
    audit.note("retried", f"run {run_id}")
    flash("The run begins again, from its last checkpoint.")
    return redirect(url_for("runs.show", run_id=run_id), 303)


def _of(run_id: str) -> dict[str, Any]:
    run = find(run_id)
    with client().engine.connect() as connection:
        tried = attempts.of(connection, run_id)
        chain = listing.chain(connection, run_id)
        months = listing.months_of(connection, run_id)
    job = catalogue.load().get(run.job)
    return {
        "shown": ShownRun(run, progress_of(run)),
        "run": run,
        "attempts": tried,
        "chain": chain if len(chain) > 1 else (),
        "months": months,
        "job": job,
    }
