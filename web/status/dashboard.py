"""rq-dashboard under /rq, to look at only.

The ledger is the truth: what somebody changes in RQ alone, the sweep undoes.
"""

import re
from typing import Any

import rq_dashboard
import rq_dashboard.web
from flask import Flask, Response, current_app, request
from jinja2.ext import Extension
from rq.job import Job
from rq.serializers import JSONSerializer
from werkzeug.exceptions import Forbidden, NotFound

from web.http import security
from web.http.clients import settings_of

# Its pages carry scripts and styles inline, which a nonce tells from those that somebody else put in; its templates are
# compiled in the browser.
LOOSE_CONTENT = {
    "script-src": f"'self' {security.NONCE} 'unsafe-eval'",
    "style-src": f"'self' {security.NONCE}",
    "style-src-attr": "'unsafe-inline'",
    "img-src": "'self' data:",
}
_READING = (
    "queues_overview",
    "workers_overview",
    "jobs_overview",
    "job_view",
    "list_queues",
    "list_jobs",
    "job_info",
    "list_workers",
    "favicon",
    "static",
)
# Their data goes into the page unescaped; that of list_jobs does not.
_RAW = ("list_queues", "job_info", "list_workers")
# Redis counts to 2^63, and the first job of a page has the number page times per_page.
_COUNT = re.compile("[1-9][0-9]{0,6}")
_REGISTRIES = ("queued", "failed", "deferred", "started", "finished", "scheduled", "canceled")


class _Nonces(Extension):
    """Marks the scripts and styles in the source of its templates, and so none of the data."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """The source as it is compiled."""
        if not (name or "").startswith("rq_dashboard/"):
            return source
        return re.sub("<(script|style)(?=[ >])", r'<\1 nonce="{{ nonce() }}"', source)


def init_app(app: Flask) -> None:
    """Mount it on the Redis of the queues, unless it is switched off."""
    if not settings_of(app).rq_dashboard:
        return
    app.config["RQ_DASHBOARD_REDIS_URL"] = settings_of(app).queue_redis_url
    app.config["RQ_DASHBOARD_DISABLE_DELETE"] = True
    rq_dashboard.web.config.serializer = JSONSerializer
    rq_dashboard.web.setup_rq_connection(app)
    # APIFlask asks this of every blueprint that has a before_request.
    rq_dashboard.blueprint.enable_openapi = False
    app.register_blueprint(rq_dashboard.blueprint, url_prefix="/rq")
    app.before_request(_only_look)
    app.after_request(_escape)
    security.widen(app, rq_dashboard.blueprint.name, LOOSE_CONTENT)
    app.jinja_env.add_extension(_Nonces)
    app.jinja_env.globals["nonce"] = security.nonce


def _only_look() -> None:
    """Refuses what changes something, and what its views would respond to with an error of their own."""
    if request.blueprint != "rq_dashboard":
        return
    name = str(request.endpoint).removeprefix("rq_dashboard.")
    if name not in _READING or request.method not in ("GET", "HEAD"):
        raise Forbidden("These pages are read only. To cancel or retry a run, open its page under Runs.")
    if not _is_there(request.view_args or {}):
        raise NotFound(
            "RQ has nothing of this name. It forgets finished jobs after a day. Runs stay in the list of runs."
        )


def _escape(response: Response) -> Response:
    """A description, a result or an error may hold text from elsewhere, which must not become part of the page."""
    if str(request.endpoint).removeprefix("rq_dashboard.") in _RAW and response.is_json:
        response.set_data(response.get_data(as_text=True).replace("<", "&lt;").replace(">", "&gt;"))
    return response


def _is_there(asked: dict[str, Any]) -> bool:
    return (
        asked.get("instance_number", 0) == 0
        and asked.get("registry_name", "queued") in _REGISTRIES
        and asked.get("order", "asc") in ("asc", "dsc")
        and all(_COUNT.fullmatch(str(asked.get(name, 1))) for name in ("page", "per_page"))
        and ("job_id" not in asked or bool(Job.exists(asked["job_id"], connection=_redis())))
    )


def _redis() -> Any:
    return current_app.redis_conn  # type: ignore[attr-defined]
