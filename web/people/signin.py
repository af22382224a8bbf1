"""Signing in and out."""

import structlog
from flask import Blueprint, Flask, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, logout_user

from web.http import known
from web.http.clients import client, settings
from web.people import accounts, audit, changes, entrance, guard
from web.people.devices import device
from web.people.store import names

log = structlog.get_logger("safegrid.web")

bp = Blueprint("signin", __name__)


def init_app(app: Flask) -> None:
    """Add the pages."""
    app.register_blueprint(bp)


@bp.route("/sign-in", methods=["GET", "POST"])
def signin() -> ResponseReturnValue:
    """The form, and what comes of it."""
    target = entrance.local_path(request.args.get("next", "")) or url_for("overview.index")
    if request.method != "POST":
        return redirect(target) if current_user.is_authenticated else render_template("people/signin.html")
    username = request.form.get("username", "")
    password = request.form.get("password", "")
    account = accounts.by_password(settings(), client().engine, username, password, device())
    if account is None:
        log.warning("sign_in_refused", address=request.remote_addr)
        audit.note_if_possible(audit.STRANGER, "was refused", tried_name(username))
        error = "The name or password is wrong. Check both and try again."
        return render_template("people/signin.html", error=error, username=username), 401
    changes.end_own_session()
    entrance.enter(account)
    log.info("signed_in", who=account.name, address=request.remote_addr)
    audit.note_if_possible(account.actor, "signed in")
    return known.remember(redirect(target, 303), account.name)


@bp.post("/sign-out")
def signout() -> ResponseReturnValue:
    """End the session."""
    who = guard.signed_in()
    changes.end_own_session()
    audit.note_if_possible(who.actor, "signed out")
    logout_user()
    session.clear()
    flash("You are signed out.")
    # Whoever comes next to this browser would be let in by the provider.
    response = redirect(url_for("signin.signin", leave=1 if who.kind == "oidc" else None), 303)
    # Not its cookies, in which the way out by the provider is remembered.
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def tried_name(given: str) -> str:
    """The name that somebody tried, as it can stand in a line: nothing in it breaks, hides or turns what follows."""
    plain = (one if one.isprintable() else one.encode("unicode_escape").decode() for one in given[: names.LONGEST])
    return "".join(plain)[: names.LONGEST]
