"""What every way of signing in does at its end: the browser holds the session, and goes on to a page of ours."""

from urllib.parse import urlsplit

from flask import session
from flask_login import login_user

from web.http.clients import settings
from web.people import accounts
from web.people.accounts import Account


def enter(account: Account) -> None:
    """Let the browser hold the session that has begun, and nothing of what it held before."""
    session.clear()
    login_user(account)
    if account.kind == "operator":
        session["operator"] = accounts.operator_mark(settings())


def local_path(target: str) -> str | None:
    """The path if it is one of ours: a link must not lead people elsewhere by our sign-in."""
    # Browsers drop control characters and read a backslash as a slash.
    is_plain = target.isprintable() and "\\" not in target and " " not in target
    if not is_plain or not target.startswith("/") or target.startswith("//"):
        return None
    parts = urlsplit(target)
    return None if parts.scheme or parts.netloc else target
