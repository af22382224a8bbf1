"""Tiles of the grid in one file, read with the format's own reader."""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from jobs import areas
from jobs.grid.query import TileQuery
from jobs.grid.reading import Grid
from jobs.grid.tiles import Tile
from jobs.held import land
from tests.conftest import needs
from tests.gridded import build, hold, scattered
from tests.integration.test_grid_export import LICENCE, exported, run
from tests.unit.test_vector_tiles import decode
from worker.settings import Settings

MONTHS = ["2022-06", "2023-12", "2024-01"]
Tiles = dict[Tile, bytes]


@pytest.fixture(autouse=True)
def reader() -> None:
    needs("the package pmtiles", find_spec("pmtiles") is not None)


@pytest.fixture
def grid(connection: Connection) -> None:
    for month in MONTHS:
        hold(connection, month, scattered(month))
    build(connection)


@contextmanager
def archive(settings: Settings, folder: Path, *arguments: str) -> Iterator[Any]:
    """The format's reader of an export."""
    from pmtiles.reader import MmapSource, Reader

    file = folder / "grid.pmtiles"
    exported(settings, "--format", "pmtiles", "--output", str(file), *arguments)
    with file.open("rb") as opened:
        yield Reader(MmapSource(opened))


def tiles_of(settings: Settings, folder: Path, *arguments: str) -> Tiles:
    from pmtiles.reader import MmapSource, all_tiles

    file = folder / "grid.pmtiles"
    exported(settings, "--format", "pmtiles", "--output", str(file), *arguments)
    with file.open("rb") as opened:
        return {Tile(*place): gzip.decompress(body) for place, body in all_tiles(MmapSource(opened))}


def cells(body: bytes) -> dict[str, Any]:
    """{cell: its properties}"""
    found = decode(body)["cells"]["features"]
    return {one["properties"]["h3"]: one["properties"] for one in found}


def test_every_tile_is_that_of_the_api(settings: Settings, engine: Engine, grid: None, tmp_path: Path) -> None:
    found = tiles_of(settings, tmp_path, "--max-zoom", "13")
    api = Grid(settings, engine)
    assert {tile.z for tile in found} == set(range(4, 14))
    for tile, body in found.items():
        assert decode(body) == decode(gzip.decompress(api.tile(tile, TileQuery()).packed or b""))
    # And none is missing: those around each of them are there, or empty.
    around = {Tile(one.z, one.x + dx, one.y + dy) for one in found for dx in (-1, 0, 1) for dy in (-1, 0, 1)}
    for tile in around - set(found):
        assert gzip.decompress(api.tile(tile, TileQuery()).packed or b"") == b""


def test_tiles_are_of_the_year_that_the_map_shows_or_of_the_months_asked_for(
    settings: Settings, grid: None, tmp_path: Path
) -> None:
    def crimes(*arguments: str) -> int:
        found = tiles_of(settings, tmp_path, "--max-zoom", "4", *arguments)
        # A cell on a border is in both tiles.
        return sum(
            one["crimes"]
            for one in {name: one for body in found.values() for name, one in cells(body).items()}.values()
        )

    assert crimes() == 400
    assert crimes("--from", "2022-01") == 600
    assert crimes("--from", "2024-01", "--to", "2024-01") == 200


def test_an_area_has_its_own_crimes(settings: Settings, grid: None, connection: Connection, tmp_path: Path) -> None:
    with connection.begin():
        land.add(connection, areas.from_box("east", "East", (50.8, -1.4, 51.0, -1.3), ()))
        land.add(connection, areas.from_box("sea", "Sea", (50.0, -1.4, 50.1, -1.3), ()))
    (body,) = tiles_of(settings, tmp_path, "--max-zoom", "4", "--area", "east").values()
    inside = [one for month in MONTHS[1:] for one in scattered(month) if one.lng >= -1.4]
    assert sum(one["crimes"] for one in cells(body).values()) == len(inside)
    assert list(tiles_of(settings, tmp_path, "--area", "sea").values()) == [b""]


def test_an_archive_says_what_it_is(settings: Settings, grid: None, tmp_path: Path) -> None:
    with archive(settings, tmp_path, "--max-zoom", "9") as reader:
        header, metadata = reader.header(), reader.metadata()
    assert (header["tile_type"].name, header["tile_compression"].name) == ("MVT", "GZIP")
    assert (header["min_zoom"], header["max_zoom"], header["clustered"]) == (4, 9, True)
    assert -1.5e7 < header["min_lon_e7"] < header["max_lon_e7"] < -1.3e7
    assert 50.8e7 < header["min_lat_e7"] < header["max_lat_e7"] < 51e7
    (layer,) = metadata["vector_layers"]
    assert (layer["id"], layer["fields"]["crimes"], layer["maxzoom"]) == ("cells", "Number", 9)
    assert (metadata["attribution"], metadata["from"], metadata["to"]) == (LICENCE, "2023-02", "2024-01")
    assert [one["month"] for one in metadata["as_of"]] == MONTHS[1:]
    assert metadata["months_not_held"] == [f"2023-{month:02}" for month in range(2, 12)]


def test_a_grid_without_cells_is_an_archive_too(settings: Settings, tmp_path: Path) -> None:
    assert list(tiles_of(settings, tmp_path).values()) == [b""]
    with archive(settings, tmp_path) as reader:
        assert json.dumps(reader.metadata()["vector_layers"])


def test_zoom_is_bounded_and_time_and_size_are_said(settings: Settings, grid: None, tmp_path: Path) -> None:
    result = run(settings, "--format", "pmtiles", "--max-zoom", "15", "--output", str(tmp_path / "grid.pmtiles"))
    assert (result.exit_code, list(tmp_path.iterdir())) == (2, [])
    result = run(settings, "--format", "pmtiles", "--output", str(tmp_path / "grid.pmtiles"))
    assert " tiles, " in result.stderr
    assert " MB in " in result.stderr
