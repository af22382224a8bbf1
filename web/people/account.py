"""One's own account: where one is signed in, and the password."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Flask, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Row

from web.http.clients import client, settings
from web.people import accounts, changes, entrance, guard
from web.people.devices import device
from web.people.store import passwords, sessions
from web.people.store.errors import PersonError, WrongPassword

bp = Blueprint("account", __name__, url_prefix="/account")


def init_app(app: Flask) -> None:
    """Add the pages."""
    app.register_blueprint(bp)


@bp.get("/")
def index() -> ResponseReturnValue:
    """Sessions and password of whoever is signed in."""
    return _page()


@bp.post("/password")
def change_password() -> ResponseReturnValue:
    """Change the own password."""
    new = request.form.get("new", "")
    try:
        if new != request.form.get("again"):
            raise PersonError("again", "The two new passwords are not the same")
        account = changes.change_own_password(request.form.get("old", ""), new, device())
    except PersonError as error:
        g.guessed_wrong = isinstance(error, WrongPassword)
        return _page(wrong=error), 422
    entrance.enter(account)
    flash("Your password was changed. Your other sessions have ended.")
    return redirect(url_for("account.index"), 303)


@bp.post("/sessions/<int(max=4611686018427387904):session_id>/end")
def end_session(session_id: int) -> ResponseReturnValue:
    """End one of the own sessions."""
    changes.end_session(session_id, own=True)
    flash("The session has ended.")
    return redirect(url_for("account.index"), 303)


@bp.post("/sessions/end-others")
def end_others() -> ResponseReturnValue:
    """End all own sessions but this one."""
    changes.end_other_sessions()
    flash("You are now signed in with this browser only.")
    return redirect(url_for("account.index"), 303)


def _page(**shown: object) -> str:
    who = guard.signed_in()
    found: Sequence[Row[Any]] = ()
    if who.kind != "token":
        with client().engine.connect() as connection:
            found = sessions.lasting(connection, accounts.policy(settings()), who.holder)
    values = {"account": who, "sessions": found, "shortest": passwords.SHORTEST}
    return render_template("people/account.html", **values, idle_s=settings().session_idle_s, **shown)
