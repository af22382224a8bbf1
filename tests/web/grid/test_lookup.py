"""Many cells and points in one call are what each is by itself."""

from typing import Any

import h3
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection

from tests.gridded import Place, build, hold, scattered
from tests.web.conftest import MakeApp

CELLS = "/api/v1/grid/cells"
# In the sea, where nobody holds anything.
AWAY = (-8.0, 48.0)


@pytest.fixture(autouse=True)
def crimes(connection: Connection) -> list[Place]:
    found = {month: scattered(month, 400) for month in ("2023-12", "2024-01")}
    for month, places in found.items():
        hold(connection, month, places)
    build(connection)
    return [one for places in found.values() for one in places]


def ask(client: FlaskClient, **body: Any) -> Any:
    return client.post(CELLS, json=body)


@pytest.mark.parametrize("options", [{}, {"category": "drugs,robbery"}, {"recency": True, "to": "2023-12"}])
@pytest.mark.parametrize("resolution", [10, 9, 6])
def test_each_cell_is_what_the_map_has_of_it(program: FlaskClient, options: dict[str, Any], resolution: int) -> None:
    query = {name: str(value).lower() if value is True else value for name, value in options.items()}
    whole = program.get("/api/v1/grid", query_string={**query, "resolution": resolution}).json
    of_map = {feature["id"]: feature["properties"] for feature in whole["features"]}
    some = sorted(of_map, key=lambda cell: cell[::-1])[:50]
    told = ask(program, cells=some, **options)
    assert told.status_code == 200, told.text
    assert told.json["cells"] == [of_map[cell] for cell in some]
    assert (told.json["from"], told.json["to"], told.json["points"]) == (whole["from"], whole["to"], [])


def test_a_point_has_the_numbers_of_its_cell(program: FlaskClient, crimes: list[Place]) -> None:
    points = [(one.lng, one.lat) for one in crimes[:20]]
    for resolution in (None, 10, 7):
        told = ask(program, points=points, **({"resolution": resolution} if resolution else {})).json
        names = [h3.latlng_to_cell(lat, lng, resolution or 9) for lng, lat in points]
        assert [one["h3"] for one in told["points"]] == names
        assert told["points"] == ask(program, cells=names).json["cells"]


def test_what_has_no_crimes_is_told_too(program: FlaskClient, crimes: list[Place]) -> None:
    quiet = h3.latlng_to_cell(50.86, -1.54, 10)
    assert quiet not in {h3.latlng_to_cell(one.lat, one.lng, 10) for one in crimes}
    told = ask(program, cells=[quiet], points=[AWAY])
    (held,), (away,) = told.json["cells"], told.json["points"]
    assert (held["crimes"], held["covered"], held["few_data"]) == (0, 1.0, True)
    assert (away["crimes"], away["covered"], away["interval_95"][0]) == (0, 0.0, 0.0)
    assert told.json["license"] in told.headers["Link"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "(all)"),
        ({"cells": []}, "(all)"),
        ({"cells": ["8a194b484c67fff", "nonsense"]}, "cells.1"),
        ({"cells": ["8b194b484c67fff"]}, "cells.0"),
        ({"cells": ["83194bfffffffff"]}, "cells.0"),
        ({"cells": ["8a194b484c67fff"] * 1001}, "cells"),
        ({"cells": ["8a194b484c67fff"] * 600, "points": [AWAY] * 600}, "(all)"),
        ({"points": [[50.9]]}, "points.0.1"),
        ({"points": [[-1.4, 95]]}, "points.0.1"),
        ({"points": [AWAY], "resolution": 11}, "resolution"),
        ({"points": [AWAY], "zoom": 11}, "zoom"),
    ],
)
def test_what_cannot_be_looked_up_is_refused_by_name(program: FlaskClient, body: dict[str, Any], field: str) -> None:
    refused = ask(program, **body)
    assert (refused.status_code, list(refused.json["errors"])) == (422, [field])


def test_viewers_and_with_public_read_everybody_may_ask(make_app: MakeApp) -> None:
    for public, status in ((False, 401), (True, 200)):
        visitor = make_app(public_read=public).test_client()
        assert ask(visitor, points=[AWAY]).status_code == status
