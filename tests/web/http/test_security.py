"""Headers and cookies."""

import pytest
from apiflask import APIFlask
from flask import request
from flask.testing import FlaskClient

from tests.web.conftest import BEARER, PASSWORD, MakeApp, csrf_token, sign_in
from worker import logs
from worker.settings import Settings


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
    return make_app(app_env="production", proxies=1, hosts="safegrid.test .safegrid.example localhost")


def test_production_sends_people_to_https(production: APIFlask) -> None:
    answer = production.test_client().get("/runs/", base_url="http://safegrid.test")
    assert (answer.status_code, answer.location) == (301, "https://safegrid.test/runs/")


def test_a_program_is_not_sent_on_with_its_token(production: APIFlask) -> None:
    answer = production.test_client().get("/api/v1/grid", base_url="http://safegrid.test", headers=BEARER)
    assert (answer.status_code, "Location" in answer.headers) == (403, False)


def test_what_is_refused_is_logged_in_a_line(
    make_app: MakeApp, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(settings)
    client = make_app().test_client()
    client.get("/api/v1/grid/cells/a%0A2026-01-01T00:00:00Z%20forged%1b[31m")
    client.get("/api/v1/grid", headers={"Authorization": "Bearer opens-nothing"})
    said = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert [("request_refused" in line, "status=401" in line) for line in said] == [(True, True)] * 2
    assert "opens-nothing" not in "".join(said)


def test_production_lets_the_platform_ask_after_its_health(production: APIFlask) -> None:
    assert production.test_client().get("/healthz").status_code == 200


def test_production_believes_its_router(production: APIFlask) -> None:
    answer = production.test_client().get("/sign-in", headers={"X-Forwarded-Proto": "https"})
    assert answer.status_code == 200
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-safegrid=")
    assert "Secure" in cookie


@pytest.mark.parametrize(
    "host", ["elsewhere.example", "safegrid.test.elsewhere.example", "safegrid.test@elsewhere.example"]
)
def test_a_host_that_is_not_ours_leads_nowhere(production: APIFlask, host: str) -> None:
    for proto in ("http", "https"):
        answer = production.test_client().get("/runs/", headers={"Host": host, "X-Forwarded-Proto": proto})
        assert (answer.status_code, "Location" in answer.headers) == (400, False)
    # Whoever asks after its health asks by an address.
    assert production.test_client().get("/healthz", headers={"Host": host}).status_code == 200
    inside = {"Host": "a.safegrid.example", "X-Forwarded-Proto": "https"}
    assert production.test_client().get("/sign-in", headers=inside).status_code == 200


def test_without_known_hosts_nobody_is_sent_on(make_app: MakeApp) -> None:
    answer = make_app(app_env="production").test_client().get("/runs/", headers={"Host": "elsewhere.example"})
    assert (answer.status_code, "Location" in answer.headers) == (403, False)
    assert "Only https is served" in answer.text


def test_what_a_stranger_says_of_a_proxy_is_not_believed(make_app: MakeApp) -> None:
    said = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
    alone = make_app(app_env="production").test_client()
    assert alone.get("/sign-in", headers=said).status_code == 403


@pytest.mark.parametrize(("proxies", "address"), [(0, "127.0.0.1"), (1, "203.0.113.1"), (2, "203.0.113.2")])
def test_the_address_is_that_before_our_proxies(make_app: MakeApp, proxies: int, address: str) -> None:
    app = make_app(proxies=proxies)
    app.add_url_rule("/address", "address", lambda: str(request.remote_addr))
    chain = "198.51.100.7, 203.0.113.2, 203.0.113.1"
    assert app.test_client().get("/address", headers={"X-Forwarded-For": chain, **BEARER}).text == address


def test_under_a_prefix_people_stay_there(app: APIFlask) -> None:
    visitor = app.test_client()
    prefix = {"SCRIPT_NAME": "/safegrid"}
    assert visitor.get("/runs/", environ_overrides=prefix).location == "/safegrid/sign-in?next=/safegrid/runs/"
    form = {"csrf_token": csrf_token(visitor, "/sign-in"), "username": "admin", "password": PASSWORD}
    for target, there in (("/safegrid/runs/", "/safegrid/runs/"), ("", "/safegrid/")):
        answer = visitor.post("/sign-in", query_string={"next": target}, data=form, environ_overrides=prefix)
        assert answer.location == there
        form["csrf_token"] = csrf_token(visitor)


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
