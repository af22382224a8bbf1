"""TileJSON leads map libraries to tiles that are there, with the choices that were made."""

import json
import math
from urllib.parse import urlsplit

import h3
import mapbox_vector_tile
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection

from tests.gridded import Place, build, hold, scattered
from tests.web.conftest import MakeApp

TILEJSON = "/api/v1/grid/tiles.json"


@pytest.fixture(autouse=True)
def crimes(connection: Connection) -> list[Place]:
    places = scattered("2024-01", 300)
    hold(connection, "2024-01", places)
    build(connection)
    return places


def test_its_tiles_are_there_with_the_fields_that_it_names(program: FlaskClient, crimes: list[Place]) -> None:
    told = json.loads(program.get(f"{TILEJSON}?category=drugs,robbery&from=2024-01").text)
    assert (told["tilejson"], told["scheme"]) == ("3.0.0", "xyz")
    west, south, east, north = told["bounds"]
    assert west < -1.4 < east
    assert south < 50.91 < north
    (address,) = told["tiles"]
    drugs = next(one for one in crimes if one.category == "drugs")
    zoom, x, y = told["maxzoom"], *at(drugs, told["maxzoom"])
    parts = urlsplit(address.format(z=zoom, x=x, y=y))
    tile = program.get(f"{parts.path}?{parts.query}")
    assert tile.status_code == 200
    (layer,) = told["vector_layers"]
    features = mapbox_vector_tile.decode(tile.data)[layer["id"]]["features"]
    assert set(features[0]["properties"]) == set(layer["fields"])
    assert {h3.get_resolution(one["properties"]["h3"]) for one in features} == {10}
    assert tile.data != program.get(parts.path).data


def at(place: Place, zoom: int) -> tuple[int, int]:
    """The tile that it lies in: https://wiki.openstreetmap.org/wiki/Slippy_map_tilenames"""
    north = (1 - math.asinh(math.tan(math.radians(place.lat))) / math.pi) / 2
    return int((place.lng + 180) / 360 * 2**zoom), int(north * 2**zoom)


def test_a_choice_that_the_grid_refuses_is_refused_here(program: FlaskClient) -> None:
    assert program.get(f"{TILEJSON}?category=&from=2024-13").status_code == 422
    assert program.get(f"{TILEJSON}?zoom=3").status_code == 422


def test_it_is_as_public_as_its_tiles(make_app: MakeApp) -> None:
    for public, status in ((False, 401), (True, 200)):
        assert make_app(public_read=public).test_client().get(TILEJSON).status_code == status
