"""Security headers, cookies, https, and the platform's router in front of us."""

import datetime as dt
import secrets
from collections.abc import Mapping
from typing import cast

import structlog
from flask import Flask, Response, current_app, g, redirect, request
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.sansio.utils import host_is_trusted
from werkzeug.wrappers import Response as AnyResponse

from web.http.clients import settings, settings_of
from web.http.errors import Problem, respond, wants_problem

log = structlog.get_logger("safegrid.web")

# Nothing inline, nothing from elsewhere.
CONTENT = {
    "default-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "object-src": "'none'",
}
# In a policy, a source: what carries this response's nonce.
NONCE = "'nonce-{nonce}'"
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
HTTPS_ONLY = f"max-age={365 * 24 * 3600}; includeSubDomains"
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
    if proxies := settings_of(app).proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    app.before_request(_refuse_host)
    if production:
        app.before_request(_to_https)
        app.after_request(_only_https)
    app.after_request(_add_headers)


def widen(app: Flask, place: str, more: Mapping[str, str]) -> None:
    """Let one endpoint, or all of a blueprint, load what others may not: {directive: sources}."""
    app.extensions["safegrid_policies"][place] = _written({**CONTENT, **more})


def nonce() -> str:
    """What marks scripts of this response as ours, where its policy has NONCE."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    return str(g.nonce)


def _refuse_host() -> AnyResponse | None:
    """A host that is not ours would stand in redirects, and let another site's page act as ours."""
    hosts = settings().hosts.split()
    if not hosts or request.endpoint in PLAIN or host_is_trusted(request.host, hosts):
        return None
    return respond(
        Problem(400, f"This server does not serve {request.host}. An administrator can add the name to SAFEGRID_HOSTS.")
    )


def _to_https() -> AnyResponse | None:
    if request.is_secure or request.endpoint in PLAIN:
        return None
    if "X-Forwarded-Proto" in request.headers and not settings().proxies:
        log.warning("proxy_not_believed", remedy="Behind a proxy that sets X-Forwarded-Proto, set SAFEGRID_PROXIES=1")
    # Without known hosts, whoever sent the request chose where this would lead. And a program that is sent on would go
    # on sending its token in the open, unnoticed.
    if settings().hosts and not wants_problem():
        return redirect(request.url.replace("http://", "https://", 1), 301)
    return respond(Problem(403, "Only https is served: use https:// in the address."))


def _only_https(response: Response) -> Response:
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = HTTPS_ONLY
    return response


def _add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["Content-Security-Policy"] = _policy()
    # A module that another imports is named without its version: a browser asks each time whether it has changed.
    if request.endpoint == "static" and "v" not in request.args:
        response.headers["Cache-Control"] = "no-cache"
    # What needs a sign-in stays in no cache.
    if request.endpoint not in ("static", "rq_dashboard.static"):
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def _policy() -> str:
    policies = cast(dict[str, str], current_app.extensions["safegrid_policies"])
    wider = policies.get(request.endpoint or "") or policies.get(request.blueprint or "")
    return wider.replace("{nonce}", nonce()) if wider else _written(CONTENT)


def _written(policy: Mapping[str, str]) -> str:
    return "; ".join(f"{directive} {sources}" for directive, sources in policy.items())
