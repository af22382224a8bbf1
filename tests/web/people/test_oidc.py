"""Signing in by a provider of OpenID Connect, over real HTTP."""

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from flask.testing import FlaskClient

from jobs.errors import SettingsError
from jobs.settings import load
from tests.standins.provider import ANN, CLIENT_ID, CLIENT_SECRET, Claims, Provider
from tests.web.conftest import TASKS, MakeApp, csrf_token, sign_in
from tests.web.people.test_pages import NIGHT_SHIFT, USERS, press
from tests.web.people.test_sessions import copy_of, is_in, secret_of
from tests.web.people.test_tokens import bearer, made_on_the_page
from web.people.oidc import role_of
from web.settings import Settings

Enter = Callable[..., FlaskClient]


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as provider:
        yield provider


@pytest.fixture
def values(provider: Provider) -> dict[str, Any]:
    """The settings that lead to it."""
    client = {"oidc_client_id": CLIENT_ID, "oidc_client_secret": CLIENT_SECRET}
    return {
        "oidc_issuer": provider.issuer,
        **client,
        "oidc_viewers": "night shift, day shift",
        "oidc_operators": "chiefs",
    }


@pytest.fixture
def visitor(make_app: MakeApp, values: dict[str, Any]) -> FlaskClient:
    return make_app(**values).test_client()


def sent_away(browser: FlaskClient, target: str = "") -> str:
    """Where the browser comes back to after it was at the provider."""
    away = browser.get("/sign-in/oidc/", query_string={"next": target} if target else None)
    assert away.status_code == 302, away.text
    back = requests.get(away.location, allow_redirects=False, timeout=5)
    assert back.status_code == 302
    parts = urlsplit(back.headers["Location"])
    assert parts.path == "/sign-in/oidc/callback"
    return f"{parts.path}?{parts.query}"


def enter(browser: FlaskClient, target: str = "") -> Any:
    return browser.get(sent_away(browser, target))


def told(browser: FlaskClient) -> list[tuple[str, str, str]]:
    entries = browser.get("/api/v1/admin/audit").json["entries"]
    return [(one["who"], one["kind"], f"{one['action']} {one['target']}".strip()) for one in entries]


def test_the_provider_lets_somebody_in_with_the_role_of_their_claim(visitor: FlaskClient, provider: Provider) -> None:
    assert f"Sign in with {urlsplit(provider.issuer).netloc}" in visitor.get("/sign-in").text
    answer = enter(visitor, "/runs/?state=failed")
    assert (answer.status_code, answer.location) == (303, "/runs/?state=failed")
    page = visitor.get("/account/").text
    assert 'oidc:ann <span class="tag">viewer' in page
    assert "sets your role" in page
    assert press(visitor, "/jobs/cleanup-history").status_code == 403


def test_somebody_of_another_group_may_change_things_and_is_audited(visitor: FlaskClient, provider: Provider) -> None:
    provider.person["groups"] = ["others", "chiefs"]
    enter(visitor)
    assert press(visitor, "/jobs/cleanup-history").status_code == 303
    assert visitor.get(TASKS).json["tasks"][0]["requested_by"] == "oidc:ann"
    entries = told(visitor)
    host = urlsplit(provider.issuer).netloc
    assert ("oidc:ann", "oidc", f"signed in by {host}") in entries
    assert [one for one in entries if one[:2] == ("oidc:ann", "oidc") and one[2].startswith("asked for")]


@pytest.mark.parametrize("given", [None, [], ["others"], "others", [1, None], {"chiefs": True}, "Chiefs", ""])
def test_somebody_without_a_role_is_refused_and_told_why(visitor: FlaskClient, provider: Provider, given: Any) -> None:
    provider.person["groups"] = given
    answer = enter(visitor)
    assert answer.status_code == 403
    assert "but its claim groups gives you no role here" in answer.text
    assert not is_in(visitor)
    sign_in(visitor)
    said = f"was refused oidc:ann of {urlsplit(provider.issuer).netloc}, who has no role"
    assert ("(stranger)", "stranger", said) in told(visitor)


def test_whoever_was_there_before_is_signed_out_by_a_refusal_too(visitor: FlaskClient, provider: Provider) -> None:
    sign_in(visitor)
    before = copy_of(visitor, visitor.application)
    provider.person["groups"] = []
    assert enter(visitor).status_code == 403
    assert not is_in(before)


def changed(**values: Any) -> Callable[[Claims], Claims]:
    return lambda claims: {**claims, **values}


def without(name: str) -> Callable[[Claims], Claims]:
    return lambda claims: {key: value for key, value in claims.items() if key != name}


WRONG: dict[str, Callable[[Claims], Claims]] = {
    "wrong nonce": changed(nonce="another"),
    "no nonce": without("nonce"),
    "wrong audience": changed(aud="another"),
    "wrong audience, our party": changed(aud="another", azp=CLIENT_ID),
    "two audiences, another party": changed(aud=[CLIENT_ID, "another"], azp="another"),
    "no audience": without("aud"),
    "other issuer": changed(iss="https://elsewhere.example"),
    "no issuer": without("iss"),
    "expired": changed(exp=int(time.time()) - 60),
    "no expiry": without("exp"),
    "from tomorrow": changed(iat=int(time.time()) + 86_400),
    "no subject": without("sub"),
    "empty subject": changed(sub=""),
    "subject that is none": changed(sub=7),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_token_that_is_not_for_this_sign_in_is_refused(visitor: FlaskClient, provider: Provider, wrong: str) -> None:
    provider.tamper = WRONG[wrong]
    answer = enter(visitor)
    assert answer.status_code == 401, wrong
    assert "is not a valid sign-in. Try again" in answer.text
    assert not is_in(visitor)
    provider.tamper = dict
    assert enter(visitor).status_code == 303


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
@pytest.mark.parametrize("offered", [["RS256", "HS256", "none"], ["none"], None])
def test_a_token_that_no_key_pair_has_signed_is_refused(
    visitor: FlaskClient, provider: Provider, algorithm: str, offered: list[str] | None
) -> None:
    provider.algorithm = algorithm
    provider.metadata["id_token_signing_alg_values_supported"] = offered
    assert enter(visitor).status_code == 401
    assert not is_in(visitor)


def test_a_token_of_another_key_is_refused_and_a_new_key_is_fetched(visitor: FlaskClient, provider: Provider) -> None:
    assert enter(visitor).status_code == 303
    first = provider.key
    provider.change_key()
    assert enter(visitor).status_code == 303
    announced = provider.key
    provider.key = first
    forged = sent_away(visitor)
    press(visitor, "/sign-out") if is_in(visitor) else None
    provider.key = announced
    # The key that signs has the name of the one that is announced.
    provider._signed = lambda claims: _signed_by(first, announced.kid, claims)  # type: ignore[method-assign]
    assert visitor.get(forged).status_code == 401


def _signed_by(key: Any, name: str, claims: Claims) -> str:
    from joserfc import jwt

    return jwt.encode({"alg": "RS256", "kid": name}, claims, key)


def test_a_link_of_another_site_signs_nobody_in(visitor: FlaskClient) -> None:
    for site, location in (("cross-site", "/sign-in"), ("same-site", "/sign-in"), ("none", "/sign-in")):
        assert visitor.get("/sign-in/oidc/", headers={"Sec-Fetch-Site": site}).location == location
    assert "/authorize?" in visitor.get("/sign-in/oidc/", headers={"Sec-Fetch-Site": "same-origin"}).location


def test_what_comes_back_to_another_browser_or_twice_is_refused(
    visitor: FlaskClient, make_app: MakeApp, values: dict[str, Any]
) -> None:
    back = sent_away(visitor)
    # As a link by which somebody would have others come in as them.
    other = visitor.application.test_client()
    assert other.get(back).status_code == 401
    assert visitor.get(back).status_code == 303
    press(visitor, "/sign-out")
    assert visitor.get(back).status_code == 401


@pytest.mark.parametrize(
    "query",
    [
        "",
        "code=x",
        "state=x",
        "code=x&state=x",
        "error=access_denied",
        "error=%00&error_description=<script>",
        "code=&state=",
    ],
)
def test_an_odd_way_back_is_refused(visitor: FlaskClient, query: str) -> None:
    answer = visitor.get(f"/sign-in/oidc/callback?{query}")
    assert answer.status_code == 401
    assert "<script>" not in answer.text.partition("<main")[2]


def test_a_code_is_bound_to_the_browser_by_pkce(visitor: FlaskClient, provider: Provider) -> None:
    back = sent_away(visitor)
    with visitor.session_transaction() as session:
        key = next(key for key in session if key.startswith("_state_"))
        session[key] = {**session[key], "data": {**session[key]["data"], "code_verifier": "another" * 8}}
    assert visitor.get(back).status_code == 401


@pytest.mark.parametrize("said", ["https://elsewhere.example", "", None])
def test_somebody_elses_way_back_is_refused_where_the_provider_signs_its_own(
    visitor: FlaskClient, provider: Provider, said: str | None
) -> None:
    provider.metadata["authorization_response_iss_parameter_supported"] = True
    back = sent_away(visitor)
    assert visitor.get(back if said is None else f"{back}&iss={said}").status_code == 401
    assert visitor.get(f"{sent_away(visitor)}&iss={provider.issuer}").status_code == 303


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://elsewhere.example"},
        {"token_endpoint": "http://elsewhere.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": None},
    ],
)
def test_a_provider_that_is_another_or_is_not_secure_is_not_asked(
    visitor: FlaskClient, provider: Provider, metadata: Claims
) -> None:
    provider.metadata = metadata
    assert visitor.get("/sign-in/oidc/").status_code == 503


def test_a_provider_that_is_away_is_said_and_passwords_work(visitor: FlaskClient, provider: Provider) -> None:
    back = sent_away(visitor)
    provider.is_broken = True
    assert visitor.get(back).status_code in (401, 503)
    provider.stop()
    fresh = visitor.get("/sign-in/oidc/callback?code=x&state=x")
    assert fresh.status_code == 401
    assert sign_in(visitor).status_code == 303


def test_a_provider_that_was_away_at_first_is_asked_again(visitor: FlaskClient, provider: Provider) -> None:
    provider.is_broken = True
    answer = visitor.get("/sign-in/oidc/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    provider.is_broken = False
    assert enter(visitor).status_code == 303


def test_nobody_of_the_provider_looks_like_somebody_with_a_password(
    visitor: FlaskClient, provider: Provider, program: FlaskClient
) -> None:
    program.post(USERS, json=NIGHT_SHIFT)
    seen = []
    for subject, name in (
        ("1", "night-shift"),
        ("2", "Night-Shift"),
        ("3", "admin\u202e\u3164"),
        ("4", "  "),
        ("5", "x" * 999),
    ):
        provider.person = {**ANN, "sub": subject, "preferred_username": name}
        assert enter(visitor).status_code == 303
        seen.append(visitor.get("/account/").text.partition("<h1>")[2].partition(" <span")[0])
        press(visitor, "/sign-out")
    assert seen[0] == "oidc:night-shift"
    assert seen[1].startswith("oidc:Night-Shift ")
    assert seen[2:4] == ["oidc:admin", "oidc:4"]
    assert len(seen[4]) <= 64
    assert sign_in(visitor, "", "oidc:night-shift").status_code == 401
    assert program.post(USERS, json={**NIGHT_SHIFT, "name": "oidc:ann"}).status_code == 422


def test_a_provider_that_is_no_longer_ours_lets_nobody_stay(
    visitor: FlaskClient, make_app: MakeApp, values: dict[str, Any]
) -> None:
    enter(visitor)
    cookie = visitor.get_cookie("safegrid")
    assert cookie is not None
    for given, stays in ((values, True), ({}, False), ({**values, "oidc_issuer": "https://idp.example"}, False)):
        after = make_app(**given).test_client()
        after.set_cookie("safegrid", cookie.value)
        assert is_in(after) is stays


def test_somebody_is_known_by_their_subject_whatever_they_call_themselves(
    visitor: FlaskClient, provider: Provider, program: FlaskClient
) -> None:
    for name in ("ann", "boss"):
        provider.person["preferred_username"] = name
        enter(visitor)
    (user,) = program.get(USERS).json["users"]
    assert (user["name"], user["issuer"], user["role"]) == ("oidc:ann", provider.issuer, "viewer")


def test_a_role_that_changes_at_the_provider_ends_the_sessions_before(visitor: FlaskClient, provider: Provider) -> None:
    other = visitor.application.test_client()
    enter(other)
    provider.person["groups"] = ["chiefs"]
    enter(visitor)
    assert (is_in(visitor), is_in(other)) == (True, False)


def test_who_has_lost_their_role_loses_sessions_and_tokens(visitor: FlaskClient, provider: Provider) -> None:
    provider.person["groups"] = ["chiefs"]
    enter(visitor)
    token = bearer(made_on_the_page(visitor))
    caller = visitor.application.test_client(use_cookies=False)
    assert caller.get(TASKS, headers=token).status_code == 200
    provider.person["groups"] = []
    other = visitor.application.test_client()
    assert enter(other).status_code == 403
    assert not is_in(visitor)
    assert caller.get(TASKS, headers=token).status_code == 401


def test_a_sign_in_has_a_new_session_and_ends_with_the_sign_out_there_too(
    visitor: FlaskClient, provider: Provider
) -> None:
    enter(visitor)
    first = secret_of(visitor)
    enter(visitor)
    assert secret_of(visitor) != first
    left = press(visitor, "/sign-out")
    assert left.location == "/sign-in?leave=1"
    assert "Sign out there too" in visitor.get(left.location).text
    there = urlsplit(visitor.get("/sign-in/oidc/leave").location)
    assert f"{there.scheme}://{there.netloc}{there.path}" == f"{provider.issuer}/leave"
    asked = parse_qs(there.query)
    assert (asked["client_id"], asked["post_logout_redirect_uri"]) == ([CLIENT_ID], ["http://localhost/sign-in"])


def test_a_provider_without_a_way_out_leads_nowhere(visitor: FlaskClient, provider: Provider) -> None:
    provider.metadata["end_session_endpoint"] = "javascript:alert(1)"
    assert visitor.get("/sign-in/oidc/leave").location == "/sign-in"


def test_the_role_and_password_of_somebody_known_there_are_not_changed_here(
    visitor: FlaskClient, provider: Provider, program: FlaskClient
) -> None:
    enter(visitor)
    for change in ({"role": "operator"}, {"password": "seven grey herons"}):
        assert program.patch(f"{USERS}/oidc:ann", json=change).status_code == 404
    form = {"old": "", "new": "seven grey herons", "again": "seven grey herons", "csrf_token": csrf_token(visitor)}
    assert visitor.post("/account/password", data=form).status_code == 403
    assert program.delete(f"{USERS}/oidc:ann").status_code == 200
    assert not is_in(visitor)


def test_many_tries_are_refused(visitor: FlaskClient) -> None:
    answers = [visitor.get("/sign-in/oidc/callback?code=x&state=x").status_code for _ in range(31)]
    assert answers == [401] * 30 + [429]


def test_without_the_extra_the_admin_does_not_start_and_says_why(
    make_app: MakeApp, values: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "authlib.integrations.flask_client", None)
    monkeypatch.delitem(sys.modules, "web.people.provider", raising=False)
    monkeypatch.delattr("web.people.provider", raising=False)
    with pytest.raises(SettingsError, match=r"pip install 'safegrid\[oidc\]'"):
        make_app(**values)


def test_without_a_provider_there_is_no_way_to_one(make_app: MakeApp) -> None:
    visitor = make_app().test_client()
    assert "oidc" not in visitor.get("/sign-in").text
    for path in ("", "callback", "leave"):
        assert visitor.get(f"/sign-in/oidc/{path}").status_code == 404


@pytest.mark.parametrize(
    ("claim", "claims", "role"),
    [
        ("groups", {"groups": "chiefs"}, "operator"),
        ("groups", {"groups": ["day shift"]}, "viewer"),
        ("groups", {"groups": "day shift, chiefs"}, None),
        ("realm_access.roles", {"realm_access": {"roles": ["chiefs"]}}, "operator"),
        ("https://example.org/roles", {"https://example.org/roles": ["chiefs"]}, "operator"),
        ("realm_access.roles", {"realm_access": ["roles"]}, None),
        ("realm_access.roles", {}, None),
        ("groups", {"groups": 7}, None),
        ("groups", {"groups": True}, None),
    ],
)
def test_a_claim_gives_a_role(values: dict[str, Any], claim: str, claims: Claims, role: str | None) -> None:
    engines = {"database_url": "postgresql://x/y", "redis_url": "redis://x/0"}
    assert role_of(Settings(**{**engines, **values, "oidc_claim": claim}), claims) == role


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"SAFEGRID_OIDC_ISSUER": "http://idp.example"}, "SAFEGRID_OIDC_ISSUER: must be an https"),
        ({"SAFEGRID_OIDC_ISSUER": "https://idp.example/?x"}, "has as its issuer"),
        ({"SAFEGRID_OIDC_CLIENT_SECRET": ""}, "SAFEGRID_OIDC_CLIENT_SECRET: is required with SAFEGRID_OIDC_ISSUER"),
        ({"SAFEGRID_OIDC_CLIENT_ID": ""}, "SAFEGRID_OIDC_CLIENT_ID: is required"),
        ({"SAFEGRID_OIDC_VIEWERS": ""}, "who may sign in"),
        ({"SAFEGRID_OIDC_SCOPES": "profile"}, "openid among them"),
        ({"APP_ENV": "production", "SAFEGRID_OIDC_ISSUER": "http://127.0.0.1:5"}, "https:// address with APP_ENV"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    monkeypatch: pytest.MonkeyPatch, wrong: dict[str, str], said: str
) -> None:
    right = {
        "SAFEGRID_OIDC_ISSUER": "https://idp.example/",
        "SAFEGRID_OIDC_CLIENT_ID": "safegrid",
        "SAFEGRID_OIDC_CLIENT_SECRET": "x",
        "SAFEGRID_OIDC_VIEWERS": "all",
    }
    for name, value in right.items():
        monkeypatch.setenv(name, value)
    assert load(Settings).oidc_issuer == "https://idp.example/"
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=said):
        load(Settings)
