"""The examples of docs/embedding.md, as they stand there: programs, and a page of another origin."""

import datetime as dt
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import town
from tests.browser.conftest import served, serving
from tests.docs.blocks import ROOT, blocks
from worker.client import Client
from worker.settings import Settings

SHOWN = "http://localhost:8000"
MAPLIBRE = ROOT / "web/static/vendor/maplibre-gl"
DRAWN_MS = 60_000


def example(kind: str, address: str) -> str:
    (block,) = (one for one in blocks() if one.file == "docs/embedding.md" and one.kind == kind)
    assert SHOWN in block.text
    return block.script.replace(SHOWN, address)


@pytest.fixture
def grid(client: Client) -> None:
    with client.engine.connect() as connection:
        town.build(connection, dt.date(2024, 5, 1), months=3, crimes=1500)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing to tell."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    folder = tmp_path / "site"
    folder.mkdir()
    for file in MAPLIBRE.glob("maplibre-gl*"):
        (folder / file.name).symlink_to(file)
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))) as origin:
        yield folder, origin


def opened(browser: Browser, site: tuple[Path, str], address: str) -> tuple[Page, list[str]]:
    folder, origin = site
    (folder / "index.html").write_text(example("html", address))
    page = browser.new_context().new_page()
    tiles: list[str] = []
    page.on("response", lambda answer: tiles.append(answer.url) if ".mvt" in answer.url and answer.ok else None)
    page.goto(origin)
    return page, tiles


@pytest.mark.usefixtures("grid")
def test_a_page_of_another_origin_shows_the_grid_and_scores_a_way(
    browser: Browser, settings: Settings, site: tuple[Path, str], tmp_path: Path
) -> None:
    with served(settings, tmp_path, public_read=True, cors_origins=site[1]) as address:
        page, _ = opened(browser, site, address)
        with page.expect_response(lambda answer: ".mvt" in answer.url and answer.ok, timeout=DRAWN_MS):
            page.reload()
        expect(page.locator("#score")).to_contain_text("weighted crimes per km and month. Contains public sector")
        expect(page.locator(".maplibregl-ctrl-attrib")).to_contain_text("Open Government Licence", timeout=DRAWN_MS)
        page.context.close()


@pytest.mark.usefixtures("grid")
def test_a_page_of_an_origin_that_is_not_let_in_reads_nothing(
    browser: Browser, settings: Settings, site: tuple[Path, str], tmp_path: Path
) -> None:
    with served(settings, tmp_path, public_read=True, cors_origins="https://map.example.org") as address:
        faults: list[str] = []
        page, tiles = opened(browser, site, address)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.reload()
        page.wait_for_load_state("networkidle")
        assert any("fetch" in fault for fault in faults)
        assert (page.locator("#score").inner_text(), tiles) == ("", [])
        page.context.close()


@pytest.mark.usefixtures("grid")
def test_programs_read_the_grid(settings: Settings, tmp_path: Path) -> None:
    with served(settings, tmp_path, public_read=True) as address:
        curl = subprocess.run(["bash", "-ec", example("console", address)], capture_output=True, text=True, check=True)
        cells, ways = (json.loads(part) for part in curl.stdout.replace("}{", "}\n{").splitlines())
        assert [one["covered"] for one in cells["points"]] == [1.0, 1.0]
        (way,) = ways["paths"]
        python = [sys.executable, "-c", example("python", address)]
        said = subprocess.run(python, capture_output=True, text=True, check=True).stdout
        assert said.startswith(f"{way['length_m']:.0f} m, {way['weighted_per_km_month']:.2f} weighted")
