"""Headers and cookies."""

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.web.conftest import BEARER, MakeApp, sign_in


@pytest.mark.parametrize("path", ["/", "/runs/", "/docs", "/sign-in", "/nothing", "/openapi.json", "/healthz"])
def test_nothing_inline_and_nothing_from_elsewhere(browser: FlaskClient, path: str) -> None:
    headers = browser.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/", "/runs/", "/docs", "/sign-in", "/nothing"])
def test_pages_keep_to_their_policy(browser: FlaskClient, path: str) -> None:
    page = browser.get(path).text
    assert " style=" not in page
    assert "<style" not in page
    assert "<script>" not in page
    assert " onclick=" not in page
    assert "//cdn" not in page


def test_cookies_are_kept_from_scripts_and_other_sites(visitor: FlaskClient) -> None:
    session, known = sorted(sign_in(visitor).headers.getlist("Set-Cookie"), reverse=True)
    assert all("HttpOnly" in cookie for cookie in (known, session))
    assert (known.split("=")[0], "SameSite=Strict" in known) == ("safegrid-known", True)
    assert (session.split("=")[0], "SameSite=Lax" in session) == ("safegrid", True)


@pytest.fixture
def production(make_app: MakeApp) -> APIFlask:
    return make_app(app_env="production")


def test_production_sends_people_to_https(production: APIFlask) -> None:
    answer = production.test_client().get("/runs/", base_url="http://safegrid.test")
    assert (answer.status_code, answer.location) == (301, "https://safegrid.test/runs/")


def test_production_lets_the_platform_ask_after_its_health(production: APIFlask) -> None:
    assert production.test_client().get("/healthz").status_code == 200


def test_production_believes_its_router(production: APIFlask) -> None:
    answer = production.test_client().get("/sign-in", headers={"X-Forwarded-Proto": "https"})
    assert answer.status_code == 200
    assert "max-age" in answer.headers["Strict-Transport-Security"]
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-safegrid=")
    assert "Secure" in cookie


def test_development_does_not_believe_that_header(visitor: FlaskClient) -> None:
    answer = visitor.get("/sign-in", headers={"X-Forwarded-Proto": "https"})
    assert "Strict-Transport-Security" not in answer.headers


def test_an_error_tells_no_details(make_app: MakeApp) -> None:
    app = make_app()

    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("the secret is 42")

    answer = app.test_client().get("/broken", headers=BEARER)
    assert answer.status_code == 500
    assert answer.json["title"] == "Internal Server Error"
    assert "42" not in answer.text
