"""Browsers that somebody has signed in with: guesses at a name from elsewhere do not keep them out."""

import datetime as dt
import hmac

from flask import current_app, request
from werkzeug.wrappers import Response

from web.http.clients import settings
from web.http.names import comparable

COOKIE = "safegrid-known"
KEPT = dt.timedelta(days=400)


def remember(response: Response, name: str) -> Response:
    """Let this browser be known for that name."""
    response.set_cookie(
        _cookie(),
        _mark(name),
        max_age=KEPT,
        secure=settings().production,
        httponly=True,
        samesite="Strict",
    )
    return response


def is_known(name: str) -> bool:
    """Whether that name has signed in with this browser."""
    return hmac.compare_digest(request.cookies.get(_cookie(), "").encode(), _mark(name).encode())


def _cookie() -> str:
    return f"__Host-{COOKIE}" if current_app.config["SESSION_COOKIE_SECURE"] else COOKIE


def _mark(name: str) -> str:
    key = settings().secret_key.encode()
    return hmac.digest(key, f"known browser\0{comparable(name)}".encode("utf-8", "surrogatepass"), "sha256").hex()
