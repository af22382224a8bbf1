"""The first page: is all well, what is going on, and what to do if something is not."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Flask, make_response, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import InterfaceError, OperationalError

from jobs import catalogue
from web.findings import store as findings
from web.http.clients import read_again
from web.http.errors import wants_problem
from web.runs import shown
from web.runs.store import RunFilter
from web.status import store
from worker.findings.watch import Shown

# About a screen, below the jobs.
LATEST = 12
MOST_FINDINGS = 10

bp = Blueprint("overview", __name__)


def init_app(app: Flask) -> None:
    """Add the pages."""
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


def _look() -> tuple[dict[str, Any], int]:
    try:
        found = read_again(store.survey)
        latest = shown.latest(LATEST, RunFilter())
    except (OperationalError, InterfaceError):
        # People see what is wrong and what to do; programs get the problem.
        if wants_problem():
            raise
        return _told(findings.current_or_away()) | {"rows": [], "jobs": []}, 503
    return _told(found.findings) | {
        **vars(found),
        "counts": found.counts,
        "at_work": shown.with_progress(found.at_work),
        "rows": latest,
        "is_open": any(row.is_open for row in latest),
        "jobs": list(catalogue.load().values()),
    }, 200


def _told(found: Sequence[Shown]) -> dict[str, Any]:
    """What is wrong, and how many more the page of the findings has."""
    wrong = [one for one in found if findings.is_wrong(one)]
    return {
        "postgresql": all(one.kind != "postgresql_away" for one in found),
        "wrong": wrong[:MOST_FINDINGS],
        "more": len(wrong[MOST_FINDINGS:]),
        "others": len(found) - len(wrong),
    }
