"""A PMTiles file under the cells, of vector and of raster tiles, read by ranges within the page's closed policy."""

import base64
import gzip
from importlib.util import find_spec
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import served, sign_in
from tests.browser.test_map import DRAWN_MS, PNG, busiest, drawn, place, swatch
from tests.conftest import needs
from tests.processes import until
from worker.settings import Settings

__all__ = ["busiest"]
# No cell is there.
SEA = "#at=9/50.2/-3.5"
WORLD = {"water": "POLYGON ((0 0, 4096 0, 4096 4096, 0 4096, 0 0))"}


def archive(path: Path, kind: str) -> Path:
    """One tile of the whole world: water, or a grey point."""
    for package in ("pmtiles", "mapbox_vector_tile"):
        needs(f"the package {package}", find_spec(package) is not None)
    import mapbox_vector_tile
    from pmtiles import tile, writer

    if kind == "broken":
        path.write_bytes(b"PMTiles\x03")
        return path
    layers = [{"name": name, "features": [{"geometry": one, "properties": {}}]} for name, one in WORLD.items()]
    content = PNG if kind == "raster" else gzip.compress(mapbox_vector_tile.encode(layers))
    stored = (
        (tile.TileType.PNG, tile.Compression.NONE) if kind == "raster" else (tile.TileType.MVT, tile.Compression.GZIP)
    )
    with path.open("wb") as file:
        made = writer.Writer(file)
        made.write_tile(0, content)
        bounds = {"min_lon_e7": -1_800_000_000, "min_lat_e7": -850_000_000, "max_lon_e7": 1_800_000_000}
        made.finalize({"tile_type": stored[0], "tile_compression": stored[1], **bounds, "max_lat_e7": 850_000_000}, {})
        made.tile_f.close()
    return path


def middle(page: Page, blank: Page) -> list[int]:
    """Red, green and blue in the middle of the map; `blank` is a page without a policy, which can read pictures."""
    picture = base64.b64encode(page.locator("#map-canvas").screenshot()).decode()
    colour: list[int] = blank.evaluate(
        """async (data) => {
            const picture = new Image();
            picture.src = `data:image/png;base64,${data}`;
            await picture.decode();
            const canvas = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
            canvas.drawImage(picture, 0, 0);
            return [...canvas.getImageData(picture.width / 2, picture.height / 2, 1, 1).data].slice(0, 3);
        }""",
        picture,
    )
    return colour


@pytest.mark.parametrize("kind", ["vector", "raster", "broken"])
def test_a_file_of_this_server_is_drawn_under_the_cells(
    browser: Browser, settings: Settings, tmp_path: Path, busiest: str, kind: str
) -> None:
    said: list[str] = []
    values = {"base_map_file": str(archive(tmp_path / "base.pmtiles", kind)), "base_map_attribution": "Example Maps"}
    with served(settings, tmp_path, **values) as address, browser.new_context() as context:
        page, blank = context.new_page(), context.new_page()
        page.on("console", lambda one: said.append(one.text))
        context.route(lambda url: not url.startswith((address, "data:")), lambda route: route.abort())
        sign_in(page, address)
        page.goto(f"{address}/map/{place(busiest)}")
        drawn(page)
        words = "The base map file cannot be read" if kind == "broken" else "Base map: Example Maps."
        expect(page.locator("#map-base")).to_contain_text(words)
        expect(page.locator("#map-problem")).to_be_hidden()
        page.goto(f"{address}/map/{SEA}")
        page.reload()
        expect(page.locator("#map-count")).to_contain_text("No crimes here", timeout=DRAWN_MS)
        ground = swatch(page, ".map-view")
        water = [0xC4, 0xD8, 0xE2]
        expected = {"vector": lambda seen: seen == water, "raster": lambda seen: seen != ground}
        is_drawn = expected.get(kind, lambda seen: seen == ground)
        until(lambda: is_drawn(middle(page, blank)), f"the {kind} file is drawn")
    assert not [one for one in said if "Content Security Policy" in one]
