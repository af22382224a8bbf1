"""Who is told of events, and what was sent to them."""

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from jobs.models.events import KINDS
from web.http.errors import Problem, respond
from web.people import guard
from web.subscribers import changes, store
from worker.events.subscribers import SubscriberError, UnknownSubscriber

# Deliveries on a page, a line each.
LISTED = 50

bp = Blueprint("subscribers", __name__, url_prefix="/subscribers")


def init_app(app: Flask) -> None:
    """Add the pages."""
    app.register_error_handler(
        SubscriberError, lambda error: respond(Problem(422, str(error), {error.field: error.problem}))
    )
    app.register_error_handler(UnknownSubscriber, lambda error: respond(Problem(404, str(error))))
    app.register_blueprint(bp)


@bp.get("/")
@guard.for_operators
def index() -> ResponseReturnValue:
    """All of them, and a form for another."""
    return _page()


@bp.post("/")
def add() -> ResponseReturnValue:
    """Add a subscriber, and show its secret this once."""
    name, url, secret = (request.form.get(field, "") for field in ("name", "url", "secret"))
    kinds = request.form.getlist("kinds")
    try:
        _, made = changes.add(name, url, kinds, secret)
    except SubscriberError as error:
        kept = {"name": name, "url": url, "kinds": kinds}
        return _page(kept=kept, field=error.field, problem=error.problem), 422
    return _page(secret=made, of=name)


@bp.get("/<int(max=4611686018427387904):subscriber_id>")
@guard.for_operators
def show(subscriber_id: int) -> ResponseReturnValue:
    """What was and is to be sent to one."""
    before = request.args.get("before", "")
    found = store.sent(subscriber_id, LISTED + 1, int(before) if before.isdecimal() and len(before) < 19 else None)
    older = found[LISTED - 1].number if len(found) > LISTED else None
    (one,) = [one for one in store.every() if one.id == subscriber_id]
    return render_template("subscribers/show.html", one=one, sent=found[:LISTED], older=older, is_first=not before)


@bp.post("/<int(max=4611686018427387904):subscriber_id>/secret")
def renew_secret(subscriber_id: int) -> ResponseReturnValue:
    """Make a new secret, and show it this once."""
    secret = changes.renew_secret(subscriber_id)
    return _page(secret=secret, of=next(one.name for one in store.every() if one.id == subscriber_id))


@bp.post("/<int(max=4611686018427387904):subscriber_id>/delete")
def remove(subscriber_id: int) -> ResponseReturnValue:
    """Delete a subscriber."""
    flash(f"The subscriber {changes.remove(subscriber_id)} is deleted. No more events are sent to it.")
    return redirect(url_for("subscribers.index"), 303)


def _page(**shown: object) -> str:
    return render_template("subscribers/index.html", subscribers=store.every(), kinds=KINDS, **shown)
