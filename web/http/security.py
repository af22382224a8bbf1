"""Security headers, cookies, and the platform's router in front of us."""

import datetime as dt
import functools
from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, request
from flask_talisman import Talisman
from werkzeug.middleware.proxy_fix import ProxyFix

from web.http.clients import settings_of

# Nothing inline, nothing from elsewhere.
CONTENT = {
    "default-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "object-src": "'none'",
}
SESSION = dt.timedelta(hours=12)


def init_app(app: Flask) -> None:
    """Set the headers of every answer, and how the session's cookie travels."""
    production = settings_of(app).production
    app.config.update(
        # A browser takes a cookie of this prefix only over https and only for this very host.
        SESSION_COOKIE_NAME="__Host-safegrid" if production else "safegrid",
        SESSION_COOKIE_SECURE=production,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=SESSION,
        SEND_FILE_MAX_AGE_DEFAULT=dt.timedelta(days=30),
    )
    if production:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign]
    Talisman(
        app,
        force_https=production,
        force_https_permanent=True,
        strict_transport_security=production,
        strict_transport_security_include_subdomains=False,
        session_cookie_secure=production,
        content_security_policy=CONTENT,
        frame_options="DENY",
        # Flask-WTF compares the referrer of https requests, so our own pages must send it.
        referrer_policy="same-origin",
        permissions_policy={"camera": "()", "geolocation": "()", "microphone": "()", "browsing-topics": "()"},
    )
    app.after_request(_keep_private)


def widen(app: Flask, endpoint: str, more: Mapping[str, str]) -> None:
    """Let one page load what others may not: {directive: sources}."""
    view = app.view_functions[endpoint]

    # A view of this app alone: its sources are from this app's settings.
    @functools.wraps(view)
    def widened(*args: Any, **values: Any) -> Any:
        return view(*args, **values)

    widened.talisman_view_options = {"content_security_policy": {**CONTENT, **more}}  # type: ignore[attr-defined]
    app.view_functions[endpoint] = widened


def _keep_private(response: Response) -> Response:
    """What needs a sign-in stays in no cache."""
    if request.endpoint not in ("static", "rq_dashboard.static"):
        response.headers.setdefault("Cache-Control", "no-store")
    return response
