"""The findings: what is wrong now, what somebody has acknowledged, and what passed."""

from typing import Any

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from web.findings import changes, store
from web.html.formats import title_of
from web.http.clients import settings
from web.people import audit
from worker import doctor
from worker.findings.watch import Shown

PASSED = 50
_HOUR_MIN = 60
_LEVELS = {"critical": "bad", "warning": "warn", "notice": "note"}

bp = Blueprint("findings", __name__, url_prefix="/findings")


def init_app(app: Flask) -> None:
    """Add the pages."""
    app.jinja_env.globals.update(address_of=address_of, words_of=words_of, level_of=level_of)
    app.register_blueprint(bp)


@bp.get("/")
def index() -> ResponseReturnValue:
    """All of them."""
    return render_template("findings/index.html", **_look(), receivers=settings().receivers)


@bp.get("/live")
def live() -> ResponseReturnValue:
    """The same, for the page's script."""
    return render_template("findings/_list.html", **_look()), {"X-Open": "0"}


def _look() -> dict[str, Any]:
    found = store.current_or_away()
    is_away = any(one.kind == "postgresql_away" for one in found)
    return {
        "wrong": [one for one in found if store.is_wrong(one)],
        "notices": [one for one in found if one.severity == "notice" and not one.is_acknowledged],
        "acknowledged": [one for one in found if one.is_acknowledged],
        "passed": () if is_away else store.resolved(PASSED),
    }


@bp.post("/<int(max=4611686018427387904):finding_id>/acknowledge")
def acknowledge(finding_id: int) -> ResponseReturnValue:
    """For an hour with `hour`, else until it is over."""
    hour = bool(request.form.get("hour"))
    changes.acknowledge(finding_id, _HOUR_MIN if hour else None)
    flash("The finding is muted for an hour." if hour else "Acknowledged.")
    return redirect(_back(), 303)


@bp.post("/<int(max=4611686018427387904):finding_id>/take-back")
def take_back(finding_id: int) -> ResponseReturnValue:
    """It counts again."""
    changes.take_back(finding_id)
    flash("The finding is no longer acknowledged.")
    return redirect(url_for("findings.index"), 303)


@bp.post("/test-alert")
def test_alert() -> ResponseReturnValue:
    """Send a test message to every receiver."""
    for line in doctor.test_alerts(settings()):
        flash(f"Test message: {line.words}.")
    audit.note("sent", "a test message to every receiver")
    return redirect(url_for("findings.index"), 303)


def _back() -> str:
    return url_for("overview.index" if request.form.get("from") == "overview" else "findings.index")


def address_of(link: str) -> str:
    """Where a finding's link leads: to `run:ID`, `job:SLUG` or a page."""
    kind, _, name = link.partition(":")
    if kind == "run":
        return url_for("runs.show", run_id=name)
    return url_for("jobs.show", slug=name) if kind == "job" else url_for(link)


def words_of(link: str) -> str:
    """What is there."""
    kind, _, name = link.partition(":")
    if kind == "run":
        return "Its run"
    return title_of(name.replace("-", "_")) if kind == "job" else title_of(kind.partition(".")[0])


def level_of(finding: Shown) -> str:
    """Its severity, as the pages' colours and icons are named."""
    return _LEVELS[finding.severity]
