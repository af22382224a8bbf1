"""The first page: is all well, what is going on, and what to do if something is not."""

import datetime as dt
from typing import Any

from flask import Blueprint, Flask, make_response, render_template, url_for
from flask.typing import ResponseReturnValue
from redis import RedisError
from sqlalchemy.exc import InterfaceError, OperationalError

from jobs import catalogue
from web import runs, verdict
from web.clients import client
from web.errors import wants_problem
from web.verdict import Seen
from worker import holdings, listing, overview
from worker.listing import Wanted

LATEST = 12
FAILURES_SINCE = dt.timedelta(days=1)

bp = Blueprint("overview", __name__)


def init_app(app: Flask) -> None:
    """Add the pages."""
    app.jinja_env.globals["address_of"] = address_of
    app.register_blueprint(bp)


@bp.get("/")
def index() -> ResponseReturnValue:
    """Everything at a glance."""
    shown, status = _look()
    return render_template("overview/index.html", **shown), status


@bp.get("/live")
def live() -> ResponseReturnValue:
    """What changes, for the page's script."""
    shown, status = _look()
    response = make_response(render_template("overview/_live.html", **shown), status)
    response.headers["X-Open"] = str(int(bool(shown.get("at_work") or shown.get("is_open"))))
    return response


def address_of(link: str) -> str:
    """Where a finding's link leads: to `run:ID`, `job:SLUG` or a page."""
    kind, _, name = link.partition(":")
    if kind == "run":
        return url_for("runs.show", run_id=name)
    return url_for("jobs.show", slug=name) if kind == "job" else url_for(link)


def look() -> tuple[Seen, dict[str, Any]]:
    """What is going on, and what the page shows of it beside the verdict. Raises sqlalchemy's errors."""
    seen = Seen(dt.datetime.now(dt.UTC))
    jobs = list(catalogue.load())
    with client().engine.connect() as connection:
        seen.queues = overview.queues(connection)
        seen.cadences = overview.cadences(connection)
        seen.last = overview.last_ended(connection, jobs)
        seen.newest_held = holdings.newest_month(connection)
        seen.look = holdings.last_look(connection)
        failures = overview.failures(connection, seen.now - FAILURES_SINCE)
        at_work = listing.at_work(connection)
    workers = _ask_redis(seen)
    return seen, {"failures": failures, "at_work": runs.with_progress(at_work), "workers": workers}


def _ask_redis(seen: Seen) -> list[overview.WorkerState]:
    redis = client().redis
    try:
        workers = overview.workers(redis)
        seen.schedulers = overview.schedulers(redis)
    except RedisError:
        seen.redis = False
        return []
    seen.workers = {queue.name: sum(queue.name in worker.queues for worker in workers) for queue in seen.queues}
    return workers


def _look() -> tuple[dict[str, Any], int]:
    try:
        seen, shown = look()
        latest = runs.latest(LATEST, Wanted())
    except (OperationalError, InterfaceError):
        # People see what is wrong and what to do; programs get the problem.
        if wants_problem():
            raise
        seen = Seen(dt.datetime.now(dt.UTC), postgresql=False)
        return {"seen": seen, "findings": verdict.findings(seen), "rows": [], "jobs": []}, 503
    is_open = any(row.is_open for row in latest)
    return {
        **shown,
        "seen": seen,
        "findings": verdict.findings(seen),
        "rows": latest,
        "is_open": is_open,
        "jobs": list(catalogue.load().values()),
    }, 200
