"""Who may come in, by password, session or token: the first operator of the environment, and those of the tables."""

import datetime as dt
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Any, Literal

from flask_login import UserMixin
from sqlalchemy import Engine, Row
from sqlalchemy.exc import InterfaceError, OperationalError
from werkzeug.exceptions import Forbidden

from web.http.names import comparable
from web.http.security import SESSION
from web.people.store import passwords, sessions, tokens, users
from web.people.store.entries import Actor
from web.people.store.errors import TokenExpired
from web.people.store.sessions import Device, Holder, Policy
from web.settings import Settings

Role = Literal["viewer", "operator"]
Kind = Literal["operator", "person", "oidc", "token"]
TOKEN_NAME = "api token"  # noqa: S105 - a name
# Of those whose name and secret stand in the environment.
ENVIRONMENT = "environment"


@dataclass(frozen=True)
class Account(UserMixin):  # type: ignore[misc]
    """Somebody who has come in. Kind and id say who, whatever their name looks like."""

    name: str
    kind: Kind
    id: str
    role: Role = "operator"
    owner_id: int | None = None
    """The user who is behind it; none for what stands in the environment, and for what that made."""
    session_id: int | None = None
    """By which they have come in; none by a token, and with PostgreSQL away."""
    secret: str = field(default="", repr=False)
    """Of a session that has just begun."""

    @property
    def is_operator(self) -> bool:
        """Whether they may change things."""
        return self.role == "operator"

    @property
    def key(self) -> str:
        """What nobody else has."""
        return f"{self.kind} {self.id}"

    @property
    def actor(self) -> Actor:
        """As the audit has them."""
        return Actor(self.name, self.kind, self.id)

    @property
    def holder(self) -> Holder:
        """Whose sessions are theirs. Raises Forbidden."""
        if self.kind == "token":
            raise Forbidden(f"{self.name} has no sessions. Sign in with a browser.")
        return Holder(None if self.kind == "operator" else int(self.id))

    def get_id(self) -> str:
        """What the browser's cookie keeps."""
        return self.secret


def by_password(settings: Settings, engine: Engine, username: str, password: str, device: Device) -> Account | None:
    """The account that these open, with a session that has begun; both are compared whatever the first comparison says.

    The first operator comes in with PostgreSQL away, too, and has no session then.
    """
    right_name = _equal(comparable(username), comparable(settings.admin_username))
    right_password = _equal(password, settings.admin_password)
    if right_name or "\0" in username:
        # As long as for a user, so that the time tells nobody which name is the operator's.
        passwords.fits(password, None)
        return _begin_of_operator(settings, engine, device) if right_name and right_password else None
    with engine.connect() as connection:
        found = users.by_password(connection, username, password)
    return begin(settings, engine, found, device) if found else None


def begin(settings: Settings, engine: Engine, user: Row[Any], device: Device) -> Account | None:
    """The account of a user as they were read, with a session that has begun; none if they have changed since."""
    with engine.connect() as connection:
        secret = sessions.begin(connection, user, device, policy(settings))
    return _person(user, user.id, secret=secret) if secret else None


def by_session(settings: Settings, engine: Engine, secret: str, *, is_activity: bool) -> Account | None:
    """The account whose session has that secret."""
    with engine.connect() as connection:
        found = sessions.find(connection, secret, policy(settings), is_activity=is_activity)
    if found is None:
        return None
    if found.user_id is None:
        return _operator(settings, session_id=found.id)
    # Since then the operator may have come to have the name of a user, and the provider may be no longer ours.
    is_shadowed = comparable(found.name) == comparable(settings.admin_username)
    is_ours = found.issuer in (None, settings.oidc_issuer)
    return _person(found, found.user_id, session_id=found.id) if is_ours and not is_shadowed else None


def without_session(settings: Settings, mark: str) -> Account | None:
    """The first operator, by the mark that their cookie has: for when PostgreSQL, and so every session, is away."""
    return _operator(settings) if hmac.compare_digest(mark.encode(), operator_mark(settings).encode()) else None


def by_token(settings: Settings, engine: Engine, token: str) -> Account | None:
    """The account of a bearer token. Raises TokenExpired."""
    if settings.admin_api_token and _equal(token, settings.admin_api_token):
        return Account(TOKEN_NAME, "token", ENVIRONMENT)
    if not token.startswith("sg_"):
        return None
    with engine.connect() as connection:
        found = tokens.by_secret(connection, token)
    if found is None:
        return None
    if found.is_expired:
        raise TokenExpired(found.expires_at)
    # It never does more than its owner.
    role = "viewer" if "viewer" in (found.role, found.owner_role) else "operator"
    return Account(f"token {found.name}", "token", str(found.id), role, owner_id=found.owner_id)


def policy(settings: Settings) -> Policy:
    """How long sessions last."""
    return Policy(dt.timedelta(seconds=settings.session_idle_s), SESSION, operator_mark(settings))


def operator_mark(settings: Settings) -> str:
    """Of the operator's name and password: their sessions end when either changes."""
    text = f"operator\0{settings.admin_username}\0{settings.admin_password}"
    return hmac.digest(settings.secret_key.encode(), text.encode(), "sha256").hex()


def _begin_of_operator(settings: Settings, engine: Engine, device: Device) -> Account:
    try:
        with engine.connect() as connection:
            secret = sessions.begin_of_operator(connection, device, policy(settings))
    except (OperationalError, InterfaceError):
        return _operator(settings)
    return _operator(settings, secret=secret)


def _operator(settings: Settings, **session: Any) -> Account:
    return Account(settings.admin_username, "operator", ENVIRONMENT, **session)


def _person(row: Row[Any], user_id: int, **session: Any) -> Account:
    return Account(row.name, "oidc" if row.subject else "person", str(user_id), row.role, owner_id=user_id, **session)


def _equal(given: str, expected: str) -> bool:
    """In a time that reveals nothing of either, not even their lengths."""
    digests = (hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in (given, expected))
    return hmac.compare_digest(*digests)
