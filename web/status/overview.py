"""The first page: is all well, what is going on, and what to do if something is not."""

import datetime as dt
from typing import Any

from flask import Blueprint, Flask, make_response, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import InterfaceError, OperationalError

from jobs import catalogue
from web.http.errors import wants_problem
from web.runs import shown
from web.runs.store import RunFilter
from web.status import store, verdict
from web.status.verdict import Seen

# About a screen, below the jobs.
LATEST = 12

bp = Blueprint("overview", __name__)


def init_app(app: Flask) -> None:
    """Add the pages."""
    app.jinja_env.globals["address_of"] = address_of
    app.register_blueprint(bp)


@bp.get("/")
def index() -> ResponseReturnValue:
    """Everything at a glance."""
    values, status = _look()
    return render_template("status/overview.html", **values), status


@bp.get("/live")
def live() -> ResponseReturnValue:
    """What changes, for the page's script."""
    values, status = _look()
    response = make_response(render_template("status/_overview.html", **values), status)
    response.headers["X-Open"] = str(int(bool(values.get("at_work") or values.get("is_open"))))
    return response


def address_of(link: str) -> str:
    """Where a finding's link leads: to `run:ID`, `job:SLUG` or a page."""
    kind, _, name = link.partition(":")
    if kind == "run":
        return url_for("runs.show", run_id=name)
    return url_for("jobs.show", slug=name) if kind == "job" else url_for(link)


def _look() -> tuple[dict[str, Any], int]:
    try:
        found = store.survey()
        latest = shown.latest(LATEST, RunFilter())
    except (OperationalError, InterfaceError):
        # People see what is wrong and what to do; programs get the problem.
        if wants_problem():
            raise
        seen = Seen(dt.datetime.now(dt.UTC), postgresql=False)
        return {"seen": seen, "findings": verdict.findings(seen), "rows": [], "jobs": []}, 503
    return {
        **vars(found),
        "at_work": shown.with_progress(found.at_work),
        "findings": verdict.findings(found.seen),
        "rows": latest,
        "is_open": any(row.is_open for row in latest),
        "jobs": list(catalogue.load().values()),
    }, 200
