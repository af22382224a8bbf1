"""Security headers, cookies, https, and the platform's router in front of us."""

import datetime as dt
from collections.abc import Mapping
from typing import cast

from flask import Flask, Response, current_app, redirect, request
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response as AnyResponse

from web.http.clients import settings_of

# Nothing inline, nothing from elsewhere.
CONTENT = {
    "default-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "object-src": "'none'",
}
HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # Flask-WTF compares the referrer of https requests, so our own pages must send it.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), browsing-topics=()",
}
# A day at work.
SESSION = dt.timedelta(hours=12)
# What browsers keep a promise of https for: a year, as https://hstspreload.org asks.
HTTPS_ONLY = f"max-age={365 * 24 * 3600}"
# The platform and Prometheus ask from inside, without TLS; Prometheus has a token.
PLAIN = ("health.healthz", "health.readyz", "metrics.metrics")


def init_app(app: Flask) -> None:
    """Set the headers of every response, and how the session's cookie travels."""
    production = settings_of(app).production
    app.config.update(
        # A browser takes a cookie of this prefix only over https and only for this very host.
        SESSION_COOKIE_NAME="__Host-safegrid" if production else "safegrid",
        SESSION_COOKIE_SECURE=production,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=SESSION,
        # The address of a static file changes with its content, see web/html/formats.py.
        SEND_FILE_MAX_AGE_DEFAULT=dt.timedelta(days=30),
    )
    app.extensions["safegrid_policies"] = {}
    if production:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign]
        app.before_request(_to_https)
        app.after_request(_only_https)
    app.after_request(_add_headers)


def widen(app: Flask, place: str, more: Mapping[str, str]) -> None:
    """Let one endpoint, or all of a blueprint, load what others may not: {directive: sources}."""
    app.extensions["safegrid_policies"][place] = _written({**CONTENT, **more})


def _to_https() -> AnyResponse | None:
    if request.is_secure or request.endpoint in PLAIN:
        return None
    return redirect(request.url.replace("http://", "https://", 1), 301)


def _only_https(response: Response) -> Response:
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = HTTPS_ONLY
    return response


def _add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["Content-Security-Policy"] = _policy()
    # What needs a sign-in stays in no cache.
    if request.endpoint not in ("static", "rq_dashboard.static"):
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def _policy() -> str:
    policies = cast(dict[str, str], current_app.extensions["safegrid_policies"])
    wider = policies.get(request.endpoint or "") or policies.get(request.blueprint or "")
    return wider or _written(CONTENT)


def _written(policy: Mapping[str, str]) -> str:
    return "; ".join(f"{directive} {sources}" for directive, sources in policy.items())
