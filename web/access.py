"""Who may come in, and who changed what: pages for operators."""

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from jobs.models.people import ROLES
from web import audit, guard, people
from web.clients import client, settings
from web.errors import Problem, respond
from web.people import PersonError, UnknownPerson

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
def changes() -> ResponseReturnValue:
    """Who changed what, newest first."""
    before = request.args.get("before", "")
    with client().engine.connect() as connection:
        found = people.audit(connection, LISTED + 1, int(before) if before.isdecimal() and len(before) < 19 else None)
    older = found[LISTED - 1].id if len(found) > LISTED else None
    return render_template("people/audit.html", entries=found[:LISTED], older=older, is_first=not before)


@bp.post("/users")
def add_user() -> ResponseReturnValue:
    """Let somebody in."""
    name, role = request.form.get("name", "").strip(), request.form.get("role", "")
    try:
        check_name(name)
        with client().engine.connect() as connection:
            people.add_user(connection, name, request.form.get("password", ""), role, guard.who())
    except PersonError as error:
        return _page(user_given={"name": name, "role": role, "field": error.field, "error": str(error)}), 422
    audit.note("added", f"the {role} {name}")
    flash(f"{name} may sign in as {role}. Hand over the password on a safe way.")
    return redirect(url_for("people.index"), 303)


@bp.post("/users/<name>/change")
def change_user(name: str) -> ResponseReturnValue:
    """Another password or role."""
    password, role = request.form.get("password", ""), request.form.get("role", "")
    with client().engine.connect() as connection:
        people.change_user(connection, name, password=password, role=role)
    audit.note(
        "changed", f"{'password and ' if password else ''}role of {name}: {role}" if role else f"password of {name}"
    )
    flash(f"{name} was changed, and has to sign in again.")
    return redirect(url_for("people.index"), 303)


@bp.post("/users/<name>/remove")
def remove_user(name: str) -> ResponseReturnValue:
    """Let somebody in no more."""
    with client().engine.connect() as connection:
        people.remove_user(connection, name)
    audit.note("removed", f"the user {name}")
    flash(f"{name} may sign in no more.")
    return redirect(url_for("people.index"), 303)


@bp.post("/tokens")
def add_token() -> ResponseReturnValue:
    """Make a token, and show it this once."""
    name, role = request.form.get("name", "").strip(), request.form.get("role", "")
    try:
        with client().engine.connect() as connection:
            _, secret = people.add_token(connection, name, role, guard.who())
    except PersonError as error:
        return _page(token_given={"name": name, "role": role, "field": error.field, "error": str(error)}), 422
    audit.note("made", f"the {role} token {name}")
    return _page(secret=secret)


@bp.post("/tokens/<int:token_id>/revoke")
def revoke_token(token_id: int) -> ResponseReturnValue:
    """Let a token open nothing more."""
    with client().engine.connect() as connection:
        name = people.revoke_token(connection, token_id)
    audit.note("revoked", f"the token {name}")
    flash(f"The token {name} opens nothing more.")
    return redirect(url_for("people.index"), 303)


def check_name(name: str) -> None:
    """The environment's operator cannot be doubled. Raises PersonError."""
    if name == settings().admin_username:
        raise PersonError("name", f"{name} is the operator of the environment: choose another name")


def _page(**shown: object) -> str:
    with client().engine.connect() as connection:
        users, tokens = people.users(connection), people.tokens(connection)
    values = {"users": users, "tokens": tokens, "roles": ROLES, "shortest": people.SHORTEST_PASSWORD}
    return render_template("people/index.html", **values, settings=settings(), **shown)
