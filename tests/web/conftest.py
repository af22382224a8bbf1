"""The app on real engines, somebody who is signed in, and a program with a token."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from jinja2 import BytecodeCache, FileSystemBytecodeCache
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

import worker.settings
from web import create_app
from web.people.store import passwords
from web.settings import Settings
from worker import performing
from worker.client import Client

PASSWORD = "correct horse battery"
TOKEN = "a-token-of-the-tests-only-1"
SECRETS = {"secret_key": "fpVnUwWjyBMZ83qo62UJHcAoEiTrSg90", "admin_password": PASSWORD, "admin_api_token": TOKEN}
BEARER = {"Authorization": f"Bearer {TOKEN}"}
ADMIN = "/api/v1/admin"
TASKS = f"{ADMIN}/tasks"

MakeApp = Callable[..., APIFlask]


_compile_builder = Rule._compile_builder


def _once_needed(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
    """Each test has an app of its own, whose start would go into builders of addresses that it never builds."""
    name = "_build_unknown" if append_unknown else "_build"

    def build(rule: Rule, /, **values: Any) -> tuple[str, str]:
        made = _compile_builder(rule, append_unknown).__get__(rule, None)
        setattr(rule, name, made)
        found: tuple[str, str] = made(**values)
        return found

    return build


Rule._compile_builder = _once_needed  # type: ignore[method-assign]


class ReadingClient(FlaskClient):
    """Reads each response to its end, as a browser does, so that no served file stays open."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        return super().open(*args, **{"buffered": True, **kwargs})


@pytest.fixture(autouse=True)
def _no_web_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    others = (
        "PUBLIC_READ",
        "SAFEGRID_CORS_ORIGINS",
        "WEB_CONCURRENCY",
        "SAFEGRID_BASE_MAP_URL",
        "SAFEGRID_BASE_MAP_FILE",
        "SAFEGRID_BASE_MAP_ATTRIBUTION",
        "SAFEGRID_SESSION_IDLE_S",
        *(f"SAFEGRID_OIDC_{one}" for one in ("ISSUER", "CLAIM", "OPERATORS", "VIEWERS")),
    )
    for name in ("SECRET_KEY", "ADMIN_USERNAME", "ADMIN_PASSWORD", "ADMIN_API_TOKEN", *others):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(Settings.model_config, "env_file", None)


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes of passwords are slow on purpose, and tests sign in all the time."""
    monkeypatch.setattr(passwords, "METHOD", "pbkdf2:sha256:1")
    passwords._nobody.cache_clear()


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> BytecodeCache:
    """So that not every app compiles them anew."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def make_app(
    settings: worker.settings.Settings, tmp_path: Path, compiled_templates: BytecodeCache
) -> Iterator[MakeApp]:
    """Makes apps on the test's engines; keywords are settings."""
    apps: list[APIFlask] = []

    def make(**values: Any) -> APIFlask:
        given = {"database_url": settings.database_url, "redis_url": settings.redis_url, "home": tmp_path}
        app = create_app(Settings(**{**given, **SECRETS, **values}))
        app.jinja_env.bytecode_cache = compiled_templates
        app.test_client_class = ReadingClient
        apps.append(app)
        return app

    yield make
    for app in apps:
        app.extensions["safegrid_client"].close()


@pytest.fixture
def app(make_app: MakeApp) -> APIFlask:
    return make_app()


@pytest.fixture
def client(app: APIFlask) -> Client:
    client: Client = app.extensions["safegrid_client"]
    return client


@pytest.fixture
def visitor(app: APIFlask) -> FlaskClient:
    """A browser that nobody has signed in with."""
    return app.test_client()


@pytest.fixture
def browser(visitor: FlaskClient) -> FlaskClient:
    """A browser whose user is signed in."""
    assert sign_in(visitor).status_code == 303
    return visitor


@pytest.fixture
def program(app: APIFlask) -> FlaskClient:
    """A caller with a token, without cookies."""
    program = app.test_client(use_cookies=False)
    program.environ_base["HTTP_AUTHORIZATION"] = BEARER["Authorization"]
    return program


@pytest.fixture
def perform(settings: worker.settings.Settings) -> Callable[[str], Any]:
    """Does a run as a work-horse would."""
    return lambda run_id: performing.perform(settings, run_id, "a worker")


def sign_in(browser: FlaskClient, password: str = PASSWORD, username: str = "admin", target: str = "") -> Any:
    form = {"csrf_token": csrf_token(browser, "/sign-in"), "username": username, "password": password}
    return browser.post("/sign-in", query_string={"next": target} if target else None, data=form)


# What some addresses cannot do without.
NEEDED = {
    "places_api.places": "?q=high street",
    "places_api.cells": "?cells=89195910b67ffff",
    "grid_api.changes": "?compare=12",
    "grid_api.unusual": "?bbox=50.88,-1.42,50.92,-1.38",
}


def plain_paths(app: APIFlask) -> list[str]:
    """Every address that takes a GET without a name in its path, with what it needs; not of a provider or base map."""
    rules = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ()) and not rule.arguments]
    # The favicon is a file, which the test client would leave open.
    left_out = ("oidc.start", "oidc.callback", "oidc.leave", "grid.base_file")
    asked = [rule for rule in rules if rule.endpoint not in left_out and rule.rule != "/rq/favicon.ico"]
    return [rule.rule + NEEDED.get(rule.endpoint, "") for rule in asked]


def csrf_token(browser: FlaskClient, page: str = "/docs") -> str:
    """The token of a page's first form."""
    return token_in(browser.get(page).get_data(as_text=True))


def token_in(html: str) -> str:
    """The token of its first form."""
    match = re.search(r'name="csrf_token" value="([^"]+)"', html)
    assert match, f"no form in {html}"
    return match[1]


def ask(program: FlaskClient, slug: str = "cleanup-history", **parameters: Any) -> str:
    """The task_id of a run that was asked for."""
    answer = program.post(f"{TASKS}/{slug}", json=parameters)
    assert answer.status_code == 202, answer.json
    return str(answer.json["task_id"])
