"""The admin in a real browser: gunicorn, Chromium, and real workers where a test wants them."""

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import HTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

import web.settings
from tests.conftest import needs
from tests.processes import safegrid
from tests.web.conftest import PASSWORD, SECRETS, token_in
from web import create_app
from worker.client import Client
from worker.settings import Settings

CHROMIUM = Path("/usr/bin/chromium")
# Maps are drawn by WebGL, here without a graphics card; all else is quicker without WebGL.
FLAGS = ["--no-sandbox", "--enable-unsafe-swiftshader", "--disable-gpu-compositing"]
AXE = Path(os.environ.get("AXE_CORE", "/usr/share/nodejs/axe-core/axe.min.js"))
# Busy machines are slow.
expect.set_options(timeout=30_000)

Open = Callable[..., Page]


@contextmanager
def served(settings: Settings, home: Path, **values: Any) -> Iterator[str]:
    """Base URL of the admin on these settings, served by a thread of this process; keywords are the web's own."""
    given = {"database_url": settings.database_url, "redis_url": settings.redis_url, "home": home, **values}
    app = create_app(web.settings.Settings(**{**given, **SECRETS}))  # type: ignore[arg-type]
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    with closing(app.extensions["safegrid_client"]), serving(server) as address:
        yield address


@contextmanager
def serving(server: HTTPServer) -> Iterator[str]:
    """Base URL of a server, while a thread of this process lets it serve."""
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_: Any) -> None:
        """Only what goes wrong is worth a line."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


def let_in(context: BrowserContext, address: str, name: str, password: str) -> None:
    """Sign in without the page, which has tests of its own."""
    url = f"{address}/sign-in"
    form = {"csrf_token": token_in(context.request.get(url).text()), "username": name, "password": password}
    assert context.request.post(url, form=form, max_redirects=0).status == 303


def sign_in(page: Page, address: str, name: str = "admin", password: str = PASSWORD) -> None:
    page.goto(f"{address}/sign-in")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{address}/")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    needs("the package chromium", CHROMIUM.exists())
    with chromium() as browser:
        yield browser


@pytest.fixture
def address(settings: Settings, tmp_path: Path, browser: Browser) -> Iterator[str]:
    with served(settings, tmp_path) as address:
        yield address


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator[Open]:
    """Opens pages of somebody who is signed in; keywords are those of a browser's context."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def open_one(path: str = "/", *, name: str = "admin", password: str = PASSWORD, **options: Any) -> Page:
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
        let_in(context, address, name, password)
        page.goto(address + path)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not faults


@pytest.fixture
def worker(settings: Settings, tmp_path: Path) -> Iterator[None]:
    """A real supervisor with its workers."""
    with safegrid(settings, "worker", log=tmp_path / "worker.log"):
        yield


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    with Client(settings) as client:
        yield client


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core."""
    found = AXE if AXE.exists() else _npm_axe()
    needs("axe-core (set AXE_CORE to its axe.min.js)", found is not None)
    assert found is not None
    return found.read_text()


def _npm_axe() -> Path | None:
    """Where npm has put it for us before."""
    if shutil.which("npm") is None:
        return None
    root = subprocess.run(["npm", "root", "--global"], capture_output=True, text=True, check=False).stdout.strip()
    file = Path(root) / "axe-core/axe.min.js"
    return file if file.exists() else None
