"""The style of MapLibre leads to tiles that are there."""

import json
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection

from tests.gridded import build, hold, scattered

STYLE = "/api/v1/grid/style.json"


@pytest.fixture(autouse=True)
def _crimes(connection: Connection) -> None:
    for month in ("2023-12", "2024-01"):
        hold(connection, month, scattered(month, 100))
    build(connection)


def test_a_style_shows_the_layer_and_fields_that_its_tiles_have(program: FlaskClient) -> None:
    style = json.loads(program.get(f"{STYLE}?category=drugs").text)
    parts = urlsplit(style["sources"]["safegrid"]["url"])
    assert parts.query == "category=drugs"
    (layer,) = program.get(f"{parts.path}?{parts.query}").json["vector_layers"]
    assert {one["source-layer"] for one in style["layers"]} == {layer["id"]}
    fields = {part[1] for part in _expressions(style["layers"]) if part[0] == "get"}
    assert fields
    assert fields <= set(layer["fields"])


def _expressions(value: object) -> list[list[str]]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    own = [value] if isinstance(value, list) and value and isinstance(value[0], str) else []
    return [*own, *(found for one in inner for found in _expressions(one))]


def test_classes_grow_with_the_months_that_are_added_up(program: FlaskClient) -> None:
    def steps(query: str) -> list[float]:
        step = json.loads(program.get(f"{STYLE}{query}").text)["layers"][0]["paint"]["fill-color"]
        return [one for one in step[3:] if isinstance(one, float)]

    assert steps("") == [2 * one for one in steps("?from=2024-01")]
    assert steps("") == sorted(steps(""))


@pytest.mark.parametrize("path", [STYLE, "/api/v1/grid/tiles.json", "/api/v1/grid/export/about", "/api/v1/areas"])
def test_who_has_it_already_is_told_so(program: FlaskClient, path: str) -> None:
    first = program.get(path)
    assert (first.status_code, first.headers["Cache-Control"]) == (200, "private, no-cache")
    again = program.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    other = program.get(path, headers={"If-None-Match": 'W/"another"'})
    assert (other.status_code, other.data) == (200, first.data)
