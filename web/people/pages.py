"""Users, tokens and the audit: pages for operators."""

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from jobs.models.people import ROLES
from web.http.clients import client, settings
from web.http.errors import Problem, respond
from web.people import accounts, changes, guard
from web.people.store import entries, passwords, sessions, tokens, users
from web.people.store.errors import PersonError, UnknownPerson

# Entries of the audit on a page, a line each.
LISTED = 100

bp = Blueprint("people", __name__, url_prefix="/people")


def init_app(app: Flask) -> None:
    """Add the pages."""
    app.register_error_handler(PersonError, lambda error: respond(Problem(422, str(error), {error.field: str(error)})))
    app.register_error_handler(UnknownPerson, lambda error: respond(Problem(404, str(error))))
    app.register_blueprint(bp)


@bp.get("/")
@guard.for_operators
def index() -> ResponseReturnValue:
    """Users and tokens."""
    return _page()


@bp.get("/audit")
@guard.for_operators
def audit() -> ResponseReturnValue:
    """Who changed what, newest first."""
    before = request.args.get("before", "")
    with client().engine.connect() as connection:
        # One more tells whether there is an older page. An id of 19 digits may be larger than a bigint.
        found = entries.newest(connection, LISTED + 1, int(before) if before.isdecimal() and len(before) < 19 else None)
    older = found[LISTED - 1].id if len(found) > LISTED else None
    return render_template("people/audit.html", entries=found[:LISTED], older=older, is_first=not before)


@bp.get("/sessions")
@guard.for_operators
def sessions_of_all() -> ResponseReturnValue:
    """Who is signed in."""
    with client().engine.connect() as connection:
        found = sessions.lasting(connection, accounts.policy(settings()))
    return render_template("people/sessions.html", sessions=found, operator=settings().admin_username)


@bp.post("/sessions/<int(max=4611686018427387904):session_id>/end")
def end_session(session_id: int) -> ResponseReturnValue:
    """End anybody's session."""
    name = changes.end_session(session_id, own=False)
    flash(f"The session of {name} has ended.")
    return redirect(url_for("people.sessions_of_all"), 303)


@bp.post("/users")
def add_user() -> ResponseReturnValue:
    """Add a user."""
    name, role = request.form.get("name", "").strip(), request.form.get("role", "")
    try:
        changes.add_user(name, request.form.get("password", ""), role)
    except PersonError as error:
        return _page(user_given={"name": name, "role": role, "field": error.field, "error": str(error)}), 422
    flash(f"{name} can now sign in as {role}. Send them the password over a safe channel.")
    return redirect(url_for("people.index"), 303)


@bp.post("/users/<name>/change")
def change_user(name: str) -> ResponseReturnValue:
    """Change a user's password or role."""
    changes.change_user(name, request.form.get("password", ""), request.form.get("role", ""))
    flash(f"{name} is changed and has to sign in again.")
    return redirect(url_for("people.index"), 303)


@bp.post("/users/<name>/remove")
def remove_user(name: str) -> ResponseReturnValue:
    """Delete a user."""
    revoked = changes.remove_user(name)
    flash(f"{name} is removed. Tokens revoked: {revoked}.")
    return redirect(url_for("people.index"), 303)


@bp.post("/tokens")
def add_token() -> ResponseReturnValue:
    """Make a token, and show it this once."""
    name, role, days = (request.form.get(field, "").strip() for field in ("name", "role", "days"))
    try:
        _, secret = changes.add_token(name, role, _days(days))
    except PersonError as error:
        given = {"name": name, "role": role, "days": days, "field": error.field, "error": str(error)}
        return _page(token_given=given), 422
    return _page(secret=secret)


@bp.post("/tokens/<int(max=4611686018427387904):token_id>/revoke")
def revoke_token(token_id: int) -> ResponseReturnValue:
    """Revoke a token."""
    name = changes.revoke_token(token_id)
    flash(f"The token {name} is revoked.")
    return redirect(url_for("people.index"), 303)


def _days(given: str) -> int | None:
    """For ever is said, and not what an empty field means. Raises PersonError."""
    if given == "never":
        return None
    # What is no number of days is refused as zero of them are.
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 6 else 0


def _page(**shown: object) -> str:
    with client().engine.connect() as connection:
        found = {"users": users.everybody(connection), "tokens": tokens.listed(connection)}
    values = {**found, "roles": ROLES, "shortest": passwords.SHORTEST}
    lives = {30: "30 days", tokens.DAYS: "90 days", 365: "a year", "never": "without end"}
    values |= {"lives": lives, "days": tokens.DAYS}
    return render_template("people/index.html", **values, settings=settings(), **shown)
