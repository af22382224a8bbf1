"""Users, tokens and the audit as JSON."""

import datetime as dt
from typing import Literal

from apiflask import APIBlueprint, APIFlask
from flask import Response
from pydantic import Field

from web import audit, guard, people
from web.access import check_name
from web.answers import Changed, Told, answer, pick
from web.clients import client

bp = APIBlueprint("membership", __name__, url_prefix="/api/v1/admin", tag="Administration")

Role = Literal["viewer", "operator"]


class User(Told):
    """Somebody who signs in."""

    name: str
    role: Role
    created_by: str
    created_at: dt.datetime
    last_sign_in: dt.datetime | None


class Users(Told):
    """All users but the operator of the environment."""

    users: list[User]


class NewUser(Told):
    """Somebody to let in."""

    name: str = Field(min_length=1, max_length=people.LONGEST_NAME)
    password: str = Field(min_length=people.SHORTEST_PASSWORD, max_length=1024)
    role: Role = "viewer"


class UserChange(Told):
    """Another password, another role, or both."""

    password: str = Field("", max_length=1024)
    role: Role | None = None


class Token(Told):
    """A program's key, without the key."""

    id: int
    name: str
    hint: str
    role: Role
    created_by: str
    created_at: dt.datetime
    last_used: dt.datetime | None
    revoked_at: dt.datetime | None


class Tokens(Told):
    """All tokens but that of the environment."""

    tokens: list[Token]


class NewToken(Told):
    """A key to make."""

    name: str = Field(min_length=1, max_length=people.LONGEST_NAME)
    role: Role = "viewer"


class MadeToken(Told):
    """A key: only this answer has it."""

    id: int
    token: str


class Entry(Told):
    """Somebody changed something."""

    id: int
    at: dt.datetime
    who: str
    action: str
    target: str
    address: str | None


class AuditQuery(Told):
    """Which entries."""

    limit: int = Field(50, ge=1, le=500)
    before: int | None = Field(None, ge=1, le=2**62, description="Only older ones: `next` of the page before")


class Audit(Told):
    """Who changed what, newest first."""

    entries: list[Entry]
    next: int | None


def init_app(app: APIFlask) -> None:
    """Add the API."""
    app.register_blueprint(bp)


@bp.get("/users")
@bp.output(Users)
@bp.doc(summary="Who may sign in", operation_id="listUsers")
@guard.for_operators
def users() -> Response:
    """The users."""
    with client().engine.connect() as connection:
        return answer(Users(users=[pick(User, row) for row in people.users(connection)]))


@bp.post("/users")
@bp.input(NewUser, arg_name="wanted")
@bp.output(User, status_code=201)
@bp.doc(summary="Let somebody in", operation_id="addUser")
def add_user(wanted: NewUser) -> Response:
    """A new user."""
    name = wanted.name.strip()
    check_name(name)
    with client().engine.connect() as connection:
        people.add_user(connection, name, wanted.password, wanted.role, guard.who())
        row = people.user(connection, name)
    audit.note("added", f"the {wanted.role} {name}")
    return answer(pick(User, row), 201)


@bp.patch("/users/<name>")
@bp.input(UserChange, arg_name="wanted")
@bp.output(User)
@bp.doc(summary="Change somebody's password or role; their sessions end", operation_id="changeUser")
def change_user(name: str, wanted: UserChange) -> Response:
    """A changed user."""
    with client().engine.connect() as connection:
        people.change_user(connection, name, password=wanted.password, role=wanted.role or "")
        row = people.user(connection, name)
    changed = [*(["password"] if wanted.password else []), *([f"role ({wanted.role})"] if wanted.role else [])]
    audit.note("changed", f"{' and '.join(changed)} of {name}")
    return answer(pick(User, row))


@bp.delete("/users/<name>")
@bp.output(Changed)
@bp.doc(summary="Let somebody in no more", operation_id="removeUser")
def remove_user(name: str) -> Response:
    """Remove a user."""
    with client().engine.connect() as connection:
        people.remove_user(connection, name)
    audit.note("removed", f"the user {name}")
    return answer(Changed(changed=True))


@bp.get("/tokens")
@bp.output(Tokens)
@bp.doc(summary="The tokens, without themselves", operation_id="listTokens")
@guard.for_operators
def tokens() -> Response:
    """The tokens."""
    with client().engine.connect() as connection:
        return answer(Tokens(tokens=[pick(Token, row) for row in people.tokens(connection)]))


@bp.post("/tokens")
@bp.input(NewToken, arg_name="wanted")
@bp.output(MadeToken, status_code=201)
@bp.doc(summary="Make a token; only this answer has it", operation_id="makeToken")
def make_token(wanted: NewToken) -> Response:
    """A new token."""
    with client().engine.connect() as connection:
        token_id, secret = people.add_token(connection, wanted.name, wanted.role, guard.who())
    audit.note("made", f"the {wanted.role} token {wanted.name}")
    return answer(MadeToken(id=token_id, token=secret), 201)


@bp.delete("/tokens/<int(max=4611686018427387904):token_id>")
@bp.output(Changed)
@bp.doc(summary="Let a token open nothing more", operation_id="revokeToken")
def revoke_token(token_id: int) -> Response:
    """Revoke a token."""
    with client().engine.connect() as connection:
        name = people.revoke_token(connection, token_id)
    audit.note("revoked", f"the token {name}")
    return answer(Changed(changed=True))


@bp.get("/audit")
@bp.input(AuditQuery, location="query", arg_name="wanted")
@bp.output(Audit)
@bp.doc(summary="Who changed what, newest first", operation_id="listChanges")
@guard.for_operators
def changes(wanted: AuditQuery) -> Response:
    """The audit."""
    with client().engine.connect() as connection:
        found = people.audit(connection, wanted.limit + 1, wanted.before)
    shown = [pick(Entry, row) for row in found[: wanted.limit]]
    return answer(Audit(entries=shown, next=shown[-1].id if len(found) > len(shown) else None))
