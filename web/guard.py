"""Closed by default: who is asking is settled here, before any view."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import Flask, current_app, g, redirect, request, url_for
from flask_login import LoginManager, current_user
from flask_wtf import CSRFProtect
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized
from werkzeug.wrappers import Response

from web import accounts
from web.accounts import Account
from web.clients import settings
from web.errors import sends_token, wants_problem
from worker.ledger import Asker

OPEN = ("static", "signin.signin", "health.healthz")
View = TypeVar("View", bound=Callable[..., Any])


def init_app(app: Flask) -> None:
    """Guard every route of the app, those that do not exist too."""
    app.config.update(
        # The guard itself checks, because requests with a token need no CSRF token.
        WTF_CSRF_CHECK_DEFAULT=False,
        # A form may stay open for as long as its session.
        WTF_CSRF_TIME_LIMIT=None,
    )
    CSRFProtect().init_app(app)
    login = LoginManager()
    login.session_protection = "strong"
    login.user_loader(lambda session_id: accounts.by_session(settings(), session_id))
    login.init_app(app)
    app.before_request(_let_in)


def reads_grid(view: View) -> View:
    """Mark a view that only reads the grid: with PUBLIC_READ it needs no sign-in."""
    view.reads_grid = True  # type: ignore[attr-defined]
    return view


def asker(origin: str) -> Asker:
    """Who the ledger says has asked."""
    account = cast(Account, g.get("token_account") or current_user)
    return Asker(origin, account.name)


def _let_in() -> Response | None:
    if sends_token():
        g.token_account = _token_account()
        return None
    if not (request.endpoint in OPEN or current_user.is_authenticated or _is_public()):
        return _refuse()
    if request.endpoint:
        current_app.extensions["csrf"].protect()
    return None


def _token_account() -> Account:
    given = request.authorization
    account = accounts.by_token(settings(), (given and given.token) or "")
    if account is None:
        raise _unauthorized("This token opens nothing: send `Authorization: Bearer` with the value of ADMIN_API_TOKEN")
    return account


def _is_public() -> bool:
    view = current_app.view_functions.get(request.endpoint or "")
    return settings().public_read and request.method in ("GET", "HEAD") and getattr(view, "reads_grid", False)


def _refuse() -> Response:
    if wants_problem():
        raise _unauthorized("Sign in, or send `Authorization: Bearer` with the value of ADMIN_API_TOKEN")
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("signin.signin", next=wanted if wanted != "/" else None))


def _unauthorized(detail: str) -> Unauthorized:
    return Unauthorized(detail, www_authenticate=WWWAuthenticate("bearer", {"realm": "safegrid"}))
