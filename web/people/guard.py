"""Closed by default: who is asking is settled here, before any view."""

from typing import cast

from flask import Flask, current_app, g, redirect, request, session, url_for
from flask_login import LoginManager, current_user
from flask_wtf import CSRFProtect
from sqlalchemy.exc import InterfaceError, OperationalError
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, Unauthorized
from werkzeug.wrappers import Response

from web.http import limits
from web.http.clients import client, read_again, settings
from web.http.errors import sends_token, wants_problem
from web.http.marks import View, has, mark
from web.people import accounts
from web.people.accounts import Account
from web.people.store.errors import TokenExpired
from worker.ledger import Requester

OPEN = (
    *("static", "signin.signin", "health.healthz", "health.readyz"),
    *("oidc.start", "oidc.callback", "oidc.leave"),
)
# What a viewer may send: these change nothing that others see.
_HARMLESS = (
    *("signin.signout", "signin.signin"),
    *("account.change_password", "account.end_session", "account.end_others"),
)
# What the first operator sees with PostgreSQL, and so every session, away: the page that says so, and the way out.
_WITHOUT_SESSIONS = ("overview.index", "overview.live", "signin.signin", "signin.signout")
BACKGROUND = "X-Background"
"""Of requests that a page makes by itself: they do not keep a session from idling."""
_SEND = "send `Authorization: Bearer` with ADMIN_API_TOKEN or a token from the page People"


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
    # Addresses change with networks, and browsers with their updates.
    login.session_protection = None
    login.user_loader(_by_session)
    login.init_app(app)
    app.before_request(_let_in)
    app.context_processor(lambda: {"may_change": (one := account()) is not None and one.is_operator})


def reads_grid(view: View) -> View:
    """Mark a view that only reads the grid: with PUBLIC_READ it needs no sign-in."""
    return mark(view, "reads_grid")


def asks_by_post(view: View) -> View:
    """Mark a view that reads what no query string can ask for: viewers may POST to it."""
    return mark(view, "asks_by_post")


def for_operators(view: View) -> View:
    """Mark a view that viewers may not even read."""
    return mark(view, "for_operators")


def account() -> Account | None:
    """Who is asking; none for somebody who has not come in."""
    # The account itself: after a sign-out the proxy is somebody else.
    found = g.get("token_account") or current_user._get_current_object()
    return cast(Account, found) if found and found.is_authenticated else None


def signed_in() -> Account:
    """Who is asking, where only those who have come in get to."""
    return cast(Account, account())


def who() -> str:
    """The name of whoever is asking, who has come in."""
    return signed_in().name


def requester(origin: str) -> Requester:
    """Who the ledger says has asked."""
    return Requester(origin, who())


def _by_session(secret: str) -> Account | None:
    if "sessions_are_away" in g:
        # The page that says so asks again.
        return None
    is_activity = BACKGROUND not in request.headers
    try:
        return read_again(lambda: accounts.by_session(settings(), client().engine, secret, is_activity=is_activity))
    except (OperationalError, InterfaceError):
        g.sessions_are_away = True
        operator = accounts.without_session(settings(), session.get("operator", ""))
        if operator is None or request.endpoint not in _WITHOUT_SESSIONS:
            raise
        return operator


def _let_in() -> Response | None:
    if sends_token():
        g.token_account = _token_account()
        _check_role()
        return None
    if request.endpoint in OPEN:
        current_app.extensions["csrf"].protect()
        return None
    if not current_user.is_authenticated:
        # There is no session that a page of another origin could use.
        return None if _is_public() else _refuse()
    if request.endpoint:
        current_app.extensions["csrf"].protect()
    _check_role()
    return None


def _check_role() -> None:
    """A viewer reads; an operator changes things. Raises Forbidden."""
    who = account()
    if who is None or who.is_operator or request.endpoint in _HARMLESS or has("asks_by_post"):
        return
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        raise Forbidden(
            f"{who.name} is a viewer and cannot make changes. Ask an operator to do it, or to make you an operator."
        )
    if has("for_operators"):
        raise Forbidden(f"{who.name} is a viewer. Only operators can open this page.")


def _token_account() -> Account:
    given = request.authorization
    problem = f"This token is not valid: {_SEND}"
    try:
        found = accounts.by_token(settings(), client().engine, (given and given.token) or "")
    except TokenExpired as error:
        found, problem = None, str(error)
    if found is None:
        limits.count_refused_token()
        raise _unauthorized(problem)
    return found


def _is_public() -> bool:
    is_reading = request.method in ("GET", "HEAD") or has("asks_by_post")
    return settings().public_read and is_reading and has("reads_grid")


def _refuse() -> Response:
    if wants_problem():
        raise _unauthorized(f"Sign in, or {_SEND}")
    wanted = request.full_path.rstrip("?") if request.method == "GET" and request.path != "/" else None
    return redirect(url_for("signin.signin", next=wanted and request.script_root + wanted))


def _unauthorized(detail: str) -> Unauthorized:
    return Unauthorized(detail, www_authenticate=WWWAuthenticate("bearer", {"realm": "safegrid"}))
