"""Who may come in, by password, session or token: the first operator of the environment, and those of the tables."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any, Literal

from flask_login import UserMixin
from sqlalchemy import Engine, Row

from web.people import store
from web.settings import Settings

Role = Literal["viewer", "operator"]
TOKEN_NAME = "api token"  # noqa: S105 - a name


@dataclass(frozen=True)
class Account(UserMixin):  # type: ignore[misc]
    """Somebody who has come in."""

    name: str
    session_id: str
    role: Role = "operator"

    @property
    def is_operator(self) -> bool:
        """Whether they may change things."""
        return self.role == "operator"

    def get_id(self) -> str:
        """What the session's cookie keeps."""
        return self.session_id


def by_password(settings: Settings, engine: Engine, username: str, password: str) -> Account | None:
    """The account that these open; both are compared whatever the first comparison says.

    The first operator comes in with PostgreSQL away, too.
    """
    right_name = _equal(username, settings.admin_username)
    right_password = _equal(password, settings.admin_password)
    if right_name or "\0" in username:
        # As long as for a user, so that the time tells nobody which name is the operator's.
        store.check_nobody(password)
        return _operator(settings) if right_name and right_password else None
    with engine.connect() as connection:
        found = store.checked(connection, username, password)
    return _user(settings, found) if found else None


def by_session(settings: Settings, engine: Engine, session_id: str) -> Account | None:
    """The account that signed in; none once its name, password or role has changed."""
    operator = _operator(settings)
    if _equal(session_id, operator.session_id):
        return operator
    name = session_id.partition(":")[2]
    if not name:
        return None
    with engine.connect() as connection:
        found = store.user(connection, name)
    account = _user(settings, found) if found else None
    return account if account and _equal(session_id, account.session_id) else None


def by_token(settings: Settings, engine: Engine, token: str) -> Account | None:
    """The account of a bearer token."""
    if settings.admin_api_token and _equal(token, settings.admin_api_token):
        return Account(TOKEN_NAME, "")
    if not token.startswith("sg_"):
        return None
    with engine.connect() as connection:
        found = store.by_token(connection, token)
    return Account(f"token {found.name}", "", found.role) if found else None


def _operator(settings: Settings) -> Account:
    name, password = settings.admin_username, settings.admin_password
    return Account(name, _mark(settings, name, password))


def _user(settings: Settings, row: Row[Any]) -> Account:
    mark = _mark(settings, row.name, row.password_hash, row.role)
    return Account(row.name, f"{mark}:{row.name}", row.role)


def _mark(settings: Settings, *parts: str) -> str:
    """Of what a session depends on, so that it ends when that changes."""
    return hmac.digest(settings.secret_key.encode(), "\0".join(parts).encode(), "sha256").hex()[:32]


def _equal(given: str, expected: str) -> bool:
    """In a time that reveals nothing of either, not even their lengths."""
    digests = (hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in (given, expected))
    return hmac.compare_digest(*digests)
