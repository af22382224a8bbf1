"""Ways over HTTP: who may ask, with what, and what is refused."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection

from jobs.grid.paths import query
from tests.gridded import build, hold, scattered
from tests.web.conftest import BEARER, MakeApp

PATH = "/api/v1/grid/path"
LINE = {"type": "LineString", "coordinates": [[-1.45, 50.91], [-1.36, 50.93]]}
# The same line by the polyline algorithm, to five and to six decimals.
ENCODED = {5: "ojvuHnezG_|BoqP", 6: "_rhb`B~_owA_af@_xnD"}


@pytest.fixture(autouse=True)
def _crimes(connection: Connection) -> None:
    hold(connection, "2024-01", scattered("2024-01", 500))
    build(connection)


def ask(client: FlaskClient, body: Any, **headers: str) -> Any:
    return client.post(PATH, json=body, headers=headers)


def test_a_line_is_scored_however_it_is_written(program: FlaskClient) -> None:
    feature = {"type": "Feature", "properties": {"name": "home"}, "geometry": LINE}
    told = ask(program, {"paths": [LINE, feature, ENCODED[5]]})
    assert told.status_code == 200, told.text
    first, *others = told.json["paths"]
    assert first["length_m"] == pytest.approx(6708.36, abs=0.01)
    assert others == [first, first]
    six = ask(program, {"paths": [ENCODED[6]], "precision": 6}).json["paths"]
    assert six == [first]
    assert 'rel="license"' in told.headers["Link"]
    assert told.json["license"] in told.headers["Link"]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "paths"),
        ({"paths": []}, "paths"),
        ({"paths": [LINE], "buffer_m": 0}, "buffer_m"),
        ({"paths": [LINE], "buffer_m": "NaN"}, "buffer_m"),
        ({"paths": [LINE], "time": "22:00"}, "time"),
        ({"paths": [LINE], "category": "murder"}, "category"),
        ({"paths": [LINE], "precision": 7}, "precision"),
        ({"paths": [{"type": "Point", "coordinates": [0, 0]}]}, "paths"),
        ({"paths": [{"type": "LineString", "coordinates": [[-1.4, 50.9]]}]}, "paths"),
        ({"paths": [{"type": "LineString", "coordinates": [[-1.4, 91], [0, 0]]}]}, "paths.0"),
        ({"paths": [{"type": "LineString", "coordinates": [[-1.4, None], [0, 0]]}]}, "paths"),
        ({"paths": ["x" * 5000]}, "paths.0"),
        ({"paths": [LINE] * 101}, "paths"),
        ({"paths": 7}, "paths"),
    ],
)
def test_what_cannot_be_scored_is_named(program: FlaskClient, body: Any, named: str) -> None:
    told = ask(program, body)
    assert told.status_code == 422, told.text
    assert any(name.startswith(named) for name in told.json["errors"]), told.json
    assert len(told.text) < 4000


def test_too_many_positions_are_refused(program: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query, "MOST_POSITIONS", 3)
    assert ask(program, {"paths": [LINE]}).status_code == 200
    assert "at most 3 positions" in ask(program, {"paths": [LINE, LINE]}).text


def test_viewers_and_with_public_read_everybody_may_ask(make_app: MakeApp) -> None:
    for public, status in ((False, 401), (True, 200)):
        visitor = make_app(public_read=public).test_client()
        assert ask(visitor, {"paths": [LINE]}).status_code == status
        assert ask(visitor, {"paths": [LINE]}, **BEARER).status_code == 200


def test_pages_of_other_origins_may_ask_where_they_may_read(make_app: MakeApp) -> None:
    origin = "https://map.example.org"
    client = make_app(cors_origins=origin).test_client()
    wanted = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    told = client.options(PATH, headers={**wanted, "Access-Control-Request-Headers": "content-type"})
    assert (told.status_code, told.headers["Access-Control-Allow-Methods"]) == (204, "POST")
    assert ask(client, {"paths": [LINE]}, Origin=origin, **BEARER).headers["Access-Control-Allow-Origin"] == origin


def test_ways_without_end_are_refused_before_they_are_looked_at(program: FlaskClient) -> None:
    around = {"type": "LineString", "coordinates": [[-179.0 + 358.0 * (n % 2), 80.0 - n % 5] for n in range(1000)]}
    told = ask(program, {"paths": [around] * 5, "buffer_m": 500})
    assert told.status_code == 422
    assert "must touch at most 20,000 cells" in told.text
