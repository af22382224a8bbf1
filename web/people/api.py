"""Users, tokens and the audit as JSON."""

import datetime as dt
from typing import Any, Literal

from apiflask import APIBlueprint, APIFlask
from flask import Response
from pydantic import Field
from sqlalchemy import Row

from web.http.clients import client, settings
from web.http.schemas import Changed, PageSize, Schema, as_json, from_row
from web.people import accounts, changes, guard
from web.people.accounts import Role
from web.people.store import entries, names, passwords, sessions
from web.people.store import tokens as token_store
from web.people.store import users as user_store

bp = APIBlueprint("people_api", __name__, url_prefix="/api/v1/admin", tag="Administration")


class User(Schema):
    """A user."""

    name: str
    role: Role
    issuer: str | None = Field(description="The OpenID provider of the user; null for users with a password here")
    created_by: str
    created_at: dt.datetime
    last_sign_in: dt.datetime | None


class Users(Schema):
    """All users, except the operator set in the environment."""

    users: list[User]


class NewUser(Schema):
    """A user to add."""

    name: str = Field(min_length=1, max_length=names.LONGEST)
    password: str = Field(min_length=passwords.SHORTEST, max_length=passwords.LONGEST)
    role: Role = "viewer"


class UserChange(Schema):
    """A new password, a new role, or both."""

    password: str = Field("", max_length=passwords.LONGEST)
    role: Role | None = None


class Token(Schema):
    """A token, without the token itself."""

    id: int
    name: str
    hint: str
    role: Role
    created_by: str
    created_at: dt.datetime
    expires_at: dt.datetime | None
    last_used: dt.datetime | None
    revoked_at: dt.datetime | None


class Tokens(Schema):
    """All tokens, except the one set in the environment."""

    tokens: list[Token]


class NewToken(Schema):
    """A token to make."""

    name: str = Field(min_length=1, max_length=names.LONGEST)
    role: Role = "viewer"
    days: int | None = Field(
        token_store.DAYS,
        strict=True,
        ge=1,
        le=token_store.MOST_DAYS,
        description="Days that it is valid; null without end",
    )


class MadeToken(Schema):
    """A new token. It is shown only in this response."""

    id: int
    token: str


class Session(Schema):
    """A browser in which a user is signed in."""

    id: int
    name: str
    role: Role
    browser: str
    address: str | None
    created_at: dt.datetime
    last_seen: dt.datetime
    expires_at: dt.datetime


class Sessions(Schema):
    """All sessions, the most recently used first."""

    sessions: list[Session]


class Entry(Schema):
    """One change."""

    id: int
    at: dt.datetime
    who: str
    kind: Literal["operator", "person", "oidc", "token", "stranger"] | None = Field(
        description="Null for older entries"
    )
    account_id: str | None = Field(description="Id of the user or token; `environment` if it is set in the environment")
    action: str
    target: str
    address: str | None


class AuditQuery(Schema):
    """Which entries."""

    limit: PageSize = 50
    # Within PostgreSQL's bigint.
    before: int | None = Field(
        None, ge=1, le=2**62, description="Only older entries: the value of `next` from the previous page"
    )


class Audit(Schema):
    """Who changed what, newest first."""

    entries: list[Entry]
    next: int | None


def init_app(app: APIFlask) -> None:
    """Add the API."""
    app.register_blueprint(bp)


@bp.get("/users")
@bp.output(Users)
@bp.doc(summary="List the users", operation_id="listUsers")
@guard.for_operators
def users() -> Response:
    """The users."""
    with client().engine.connect() as connection:
        return as_json(Users(users=[from_row(User, row) for row in user_store.everybody(connection)]))


@bp.post("/users")
@bp.input(NewUser, arg_name="wanted")
@bp.output(User, status_code=201)
@bp.doc(summary="Add a user", operation_id="addUser")
def add_user(wanted: NewUser) -> Response:
    """A new user."""
    return as_json(from_row(User, changes.add_user(wanted.name, wanted.password, wanted.role)), 201)


@bp.patch("/users/<name>")
@bp.input(UserChange, arg_name="wanted")
@bp.output(User)
@bp.doc(summary="Change the password or role of a user. Their sessions end", operation_id="changeUser")
def change_user(name: str, wanted: UserChange) -> Response:
    """A changed user."""
    return as_json(from_row(User, changes.change_user(name, wanted.password, wanted.role or "")))


@bp.delete("/users/<name>")
@bp.output(Changed)
@bp.doc(summary="Remove a user", operation_id="removeUser")
def remove_user(name: str) -> Response:
    """Remove a user."""
    changes.remove_user(name)
    return as_json(Changed(changed=True))


@bp.get("/tokens")
@bp.output(Tokens)
@bp.doc(summary="List the tokens; the tokens themselves are not shown", operation_id="listTokens")
@guard.for_operators
def tokens() -> Response:
    """The tokens."""
    with client().engine.connect() as connection:
        return as_json(Tokens(tokens=[from_row(Token, row) for row in token_store.listed(connection)]))


@bp.post("/tokens")
@bp.input(NewToken, arg_name="wanted")
@bp.output(MadeToken, status_code=201)
@bp.doc(summary="Make a token. It is shown only in this response", operation_id="makeToken")
def make_token(wanted: NewToken) -> Response:
    """A new token."""
    token_id, secret = changes.add_token(wanted.name, wanted.role, wanted.days)
    return as_json(MadeToken(id=token_id, token=secret), 201)


@bp.delete("/tokens/<int(max=4611686018427387904):token_id>")
@bp.output(Changed)
@bp.doc(summary="Revoke a token", operation_id="revokeToken")
def revoke_token(token_id: int) -> Response:
    """Revoke a token."""
    changes.revoke_token(token_id)
    return as_json(Changed(changed=True))


@bp.get("/sessions")
@bp.output(Sessions)
@bp.doc(summary="List the sessions: who is signed in, in which browser", operation_id="listSessions")
@guard.for_operators
def list_sessions() -> Response:
    """The sessions that have not ended."""
    with client().engine.connect() as connection:
        found = sessions.lasting(connection, accounts.policy(settings()))
    return as_json(Sessions(sessions=[_session(row) for row in found]))


@bp.delete("/sessions/<int(max=4611686018427387904):session_id>")
@bp.output(Changed)
@bp.doc(summary="End a session. Its browser has to sign in again", operation_id="endSession")
def end_session(session_id: int) -> Response:
    """End anybody's session."""
    changes.end_session(session_id, own=False)
    return as_json(Changed(changed=True))


def _session(row: Row[Any]) -> Session:
    """Those without a user are of the operator of the environment."""
    values = {name: getattr(row, name) for name in Session.model_fields}
    return Session(**{**values, "name": row.name or settings().admin_username, "role": row.role or "operator"})


@bp.get("/audit")
@bp.input(AuditQuery, location="query", arg_name="wanted")
@bp.output(Audit)
@bp.doc(summary="List the audit entries, newest first", operation_id="listChanges")
@guard.for_operators
def audit(wanted: AuditQuery) -> Response:
    """The audit."""
    with client().engine.connect() as connection:
        found = entries.newest(connection, wanted.limit + 1, wanted.before)
    shown = [from_row(Entry, row) for row in found[: wanted.limit]]
    return as_json(Audit(entries=shown, next=shown[-1].id if len(found) > len(shown) else None))
