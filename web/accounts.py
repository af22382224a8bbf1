"""Who may come in: the first operator, by password, session or token."""

import hashlib
import hmac
from dataclasses import dataclass

from flask_login import UserMixin

from web.settings import Settings

TOKEN_NAME = "api token"  # noqa: S105 - a name


@dataclass(frozen=True)
class Account(UserMixin):  # type: ignore[misc]
    """Somebody who is signed in."""

    name: str
    session_id: str

    def get_id(self) -> str:
        """What the session's cookie keeps."""
        return self.session_id


def by_password(settings: Settings, username: str, password: str) -> Account | None:
    """The account that these open; both are compared whatever the first comparison says."""
    right_name = _equal(username, settings.admin_username)
    right_password = _equal(password, settings.admin_password)
    return _operator(settings) if right_name and right_password else None


def by_session(settings: Settings, session_id: str) -> Account | None:
    """The account that signed in; none once its name or password has changed."""
    operator = _operator(settings)
    return operator if _equal(session_id, operator.session_id) else None


def by_token(settings: Settings, token: str) -> Account | None:
    """The account of a bearer token; none if no token is configured."""
    if not settings.admin_api_token or not _equal(token, settings.admin_api_token):
        return None
    return Account(TOKEN_NAME, "")


def _operator(settings: Settings) -> Account:
    name, password = settings.admin_username, settings.admin_password
    mark = hmac.digest(settings.secret_key.encode(), f"{name}\0{password}".encode(), "sha256").hex()[:32]
    return Account(name, mark)


def _equal(given: str, expected: str) -> bool:
    """In a time that tells nothing of either, not even their lengths."""
    digests = (hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in (given, expected))
    return hmac.compare_digest(*digests)
