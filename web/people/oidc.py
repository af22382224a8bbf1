"""Signing in by the organisation's provider (OpenID Connect), where one is set."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import structlog
from flask import Blueprint, Flask, current_app, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from jobs.errors import SettingsError
from web.http.clients import client, settings, settings_of
from web.http.errors import RETRY_AFTER_S, Problem, respond
from web.people import accounts, audit, changes, entrance
from web.people.accounts import Role
from web.people.devices import device
from web.people.store import names, users
from web.people.store.users import Known
from web.settings import Settings

if TYPE_CHECKING:
    # Imported where it is used: Authlib is an extra.
    from web.people.provider import Provider

log = structlog.get_logger("safegrid.web")

bp = Blueprint("oidc", __name__, url_prefix="/sign-in/oidc")
_EXTENSION = "safegrid_provider"


def init_app(app: Flask) -> None:
    """Add the pages. Raises SettingsError where a provider is set and Authlib is missing."""
    app.register_blueprint(bp)
    app.extensions[_EXTENSION] = None
    if not settings_of(app).oidc_issuer:
        return
    try:
        from web.people import provider
    except ImportError:
        raise SettingsError("SAFEGRID_OIDC_ISSUER needs the extra oidc: pip install 'safegrid[oidc]'") from None
    app.register_error_handler(provider.ProviderAway, _away)
    app.register_error_handler(provider.Refused, _refused)
    app.extensions[_EXTENSION] = provider.Provider(app, settings_of(app))
    app.jinja_env.globals["provider"] = app.extensions[_EXTENSION].host


@bp.get("/")
def start() -> ResponseReturnValue:
    """To the provider, where somebody wants to: a link elsewhere leads to our page, and signs nobody in unasked."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        return redirect(url_for("signin.signin"), 303)
    response = _provider().begin(url_for("oidc.callback", _external=True))
    session["next"] = entrance.local_path(request.args.get("next", "")) or ""
    return response


@bp.get("/callback")
def callback() -> ResponseReturnValue:
    """Back from the provider."""
    claims = _provider().claims()
    target = session.get("next") or url_for("overview.index")
    known = Known(settings().oidc_issuer, claims["sub"])
    role = role_of(settings(), claims)
    if role is None:
        return _without_role(known, claims)
    with client().engine.connect() as connection:
        user = users.known_by_provider(connection, known, name_of(claims), role)
    account = accounts.begin(settings(), client().engine, user, device())
    if account is None:
        return redirect(url_for("signin.signin"), 303)
    changes.end_own_session()
    entrance.enter(account)
    audit.note_if_possible(account.actor, "signed in", f"by {_provider().host}")
    return redirect(target, 303)


@bp.get("/leave")
def leave() -> ResponseReturnValue:
    """Sign out at the provider, too."""
    address = _provider().sign_out_address(url_for("signin.signin", _external=True))
    if address is None:
        flash(f"{_provider().host} has no sign-out page. Sign out on its own pages.")
        return redirect(url_for("signin.signin"), 303)
    return redirect(address, 303)


def role_of(settings: Settings, claims: Mapping[str, Any]) -> Role | None:
    """The role that the claim gives; none if it gives none. `a.b` is b of the claim a, unless a claim has that name."""
    found: Any = claims.get(settings.oidc_claim)
    if found is None:
        found = claims
        for part in settings.oidc_claim.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    listed = found if isinstance(found, list) else [found]
    given = {one for one in listed if isinstance(one, str)}
    if given & settings.oidc_values("operator"):
        return "operator"
    return "viewer" if given & settings.oidc_values("viewer") else None


def name_of(claims: Mapping[str, Any]) -> str:
    """A name that no user with a password can have. It says not who it is: people may choose theirs at the provider."""
    given = next((claims[one] for one in ("preferred_username", "email") if isinstance(claims.get(one), str)), "")
    return f"{names.OF_PROVIDER}{names.plain(given) or names.plain(str(claims['sub']))}"


def _provider() -> "Provider":
    found: Provider | None = current_app.extensions[_EXTENSION]
    if found is None:
        raise NotFound
    return found


def _without_role(known: Known, claims: Mapping[str, Any]) -> ResponseReturnValue:
    """Whoever has lost their role loses what they had by it, too."""
    name = name_of(claims)
    with client().engine.connect() as connection:
        users.forget(connection, known)
    changes.end_own_session()
    session.clear()
    audit.note_if_possible(audit.STRANGER, "was refused", f"{name} of {_provider().host}, who has no role")
    detail = (
        f"{_provider().host} knows you, but its claim {settings().oidc_claim} gives you no role here. Ask an "
        "administrator for a role."
    )
    return respond(Problem(403, detail))


def _refused(error: Exception) -> ResponseReturnValue:
    log.warning("sign_in_refused", address=request.remote_addr, by=_provider().host, error=str(error))
    audit.note_if_possible(audit.STRANGER, "was refused", f"what came back from {_provider().host}")
    said = f"What came back from {_provider().host} is not a valid sign-in. Try again."
    return render_template("people/signin.html", error=said), 401


def _away(error: Exception) -> ResponseReturnValue:
    log.warning("provider_is_away", error=str(error))
    detail = f"{_provider().host} cannot be reached. The log of the web process has the reason. Try again later."
    return respond(Problem(503, detail, headers=[("Retry-After", str(RETRY_AFTER_S))]))
