"""How often somebody may ask. The counts are in Redis, so that all processes share them."""

import hashlib
from http import HTTPStatus
from typing import Any

from flask import Flask, current_app, g, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import current_user

from web.http import known
from web.http.clients import settings_of
from web.http.names import comparable
from web.settings import Settings

# Nobody types faster; and at this rate a password of 12 characters is not guessed.
SIGN_INS = "10 per minute"
# Of wrong passwords for one name, from whatever addresses. Browsers that the name has signed in with are let try on.
_WRONG, _MINUTES = 20, 15
_GUESSES = f"{_WRONG} per {_MINUTES} minutes"
_TOO_MANY = f"{_WRONG} wrong passwords in {_MINUTES} minutes"
# Of those behind one address.
_BY_PROVIDER = "30 per minute"
# Of tokens that open nothing, per address and minute.
_REFUSED = 30
# Of one user or token: a backfill of every month by a script passes, and a loop gone wild does not fill the ledger.
REQUESTS = "600 per minute"
# Of an address that reads without having come in: a map that is moved about asks for some dozen tiles a second.
READS = "1200 per minute"
# Views that take work on share one count.
_ASKING = (
    *("jobs.start", "jobs_api.submit", "runs_api.batch", "runs_api.retry", "runs.retry", "runs.act"),
    *("areas.add", "areas.remove", "areas.move", "areas_api.add", "areas_api.remove", "areas_api.move"),
)


def init_app(app: Flask) -> None:
    """Limit the views that are worth it: sign-ins per address, requests for work per account. Comes after the views."""
    limiter = Limiter(
        get_remote_address,
        app=app,
        storage_uri=storage_uri(settings_of(app)),
        # Counting must not hold up what is counted.
        storage_options={"socket_connect_timeout": 1, "socket_timeout": 1, "key_prefix": "safegrid:limits"},
        # Redis away: each process counts for itself, and nobody is turned away for it.
        in_memory_fallback_enabled=True,
        swallow_errors=True,
    )
    views: dict[str, Any] = app.view_functions
    _limit_guesses(limiter, views)
    # Each asks the provider.
    for endpoint in ("oidc.start", "oidc.callback", "oidc.leave"):
        views[endpoint] = limiter.limit(_BY_PROVIDER)(views[endpoint])
    requests = limiter.shared_limit(REQUESTS, scope="requests", key_func=_who_asks)
    for endpoint in _ASKING:
        views[endpoint] = requests(views[endpoint])
    if settings_of(app).public_read:
        readers = limiter.shared_limit(READS, scope="reads", exempt_when=_has_come_in)
        for endpoint, view in list(views.items()):
            if getattr(view, "reads_grid", False):
                views[endpoint] = readers(view)
    app.extensions["safegrid_limiter"] = limiter


def _limit_guesses(limiter: Limiter, views: dict[str, Any]) -> None:
    sign_ins = limiter.limit(SIGN_INS, methods=["POST"])
    by_name = limiter.limit(
        _GUESSES,
        methods=["POST"],
        key_func=_who_is_guessed,
        exempt_when=lambda: known.is_known(_name_given()),
        deduct_when=lambda response: response.status_code == HTTPStatus.UNAUTHORIZED,
        error_message=f"{_TOO_MANY} for this name, from browsers that have not signed in with it before",
    )
    views["signin.signin"] = sign_ins(by_name(views["signin.signin"]))
    # Who has found a browser that is signed in does not guess its password.
    own = limiter.limit(
        _GUESSES,
        key_func=_who_asks,
        deduct_when=lambda _response: bool(g.get("guessed_wrong")),
        error_message=f"{_TOO_MANY} for this account",
    )
    views["account.change_password"] = sign_ins(own(views["account.change_password"]))


def count_refused_token() -> None:
    """Count a token that opens nothing. Raises RateLimitExceeded where the address has sent many."""
    limiter = current_app.extensions["safegrid_limiter"]
    with limiter.limit(f"{_REFUSED} per minute", error_message=f"{_REFUSED} invalid tokens per minute"):
        pass


def _name_given() -> str:
    return request.form.get("username", "")


def _who_is_guessed() -> str:
    name = comparable(_name_given())
    return f"name {hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _account() -> Any:
    return g.get("token_account") or current_user


def _has_come_in() -> bool:
    return bool(_account().is_authenticated)


def _who_asks() -> str:
    """Who has come in, so that those behind one address do not share a count."""
    return str(getattr(_account(), "key", None) or get_remote_address())


def storage_uri(settings: Settings) -> str:
    """The cache's address as the library `limits` writes it."""
    if settings.redis_url.startswith("unix://"):
        return f"redis+{settings.redis_url}"
    return settings.redis_url
