"""The cells of an area count the area's own crimes, also where its border cuts them."""

from typing import Any

import h3
import pytest
import shapely
from flask.testing import FlaskClient
from sqlalchemy import Connection

from jobs import areas
from jobs.areas import Area, from_box
from jobs.held import land
from tests.gridded import HARM, Place, build, hold, scattered

GRID = "/api/v1/grid"
MONTH = "2024-01"
WHOLE = (50.86, -1.49, 50.96, -1.31)
AREAS = {
    "east": (50.85, -1.4012, 51.0, -1.3),
    "over-both": (50.9, -1.45, 50.95, -1.35),
    "tiny": (50.905, -1.41, 50.915, -1.395),
}


@pytest.fixture
def crimes(connection: Connection) -> list[Place]:
    places = scattered(MONTH, 600)
    with connection.begin():
        for slug, sides in AREAS.items():
            land.add(connection, from_box(slug, slug, sides, ()))
    hold(connection, MONTH, places)
    build(connection)
    return places


def inside(sides: tuple[float, ...], crimes: list[Place]) -> list[Place]:
    south, west, north, east = sides
    return [one for one in crimes if south <= one.lat < north and west <= one.lng < east]


def shown(program: FlaskClient, **parameters: Any) -> dict[str, Any]:
    answer = program.get(GRID, query_string=parameters)
    assert answer.status_code == 200, answer.json
    found: dict[str, Any] = answer.json
    return found


@pytest.mark.parametrize("slug", AREAS)
@pytest.mark.parametrize("resolution", [7, 8, 9, 10])
def test_the_cells_of_an_area_add_up_to_its_crimes(
    program: FlaskClient, crimes: list[Place], slug: str, resolution: int
) -> None:
    own = inside(AREAS[slug], crimes)
    found = shown(program, area=slug, resolution=resolution)
    cells = {one["id"]: one["properties"] for one in found["features"]}
    expected: dict[str, int] = {}
    for one in own:
        fine = h3.latlng_to_cell(one.lat, one.lng, 10)
        cell = h3.cell_to_parent(fine, resolution)
        expected[cell] = expected.get(cell, 0) + 1
    assert {cell: one["crimes"] for cell, one in cells.items()} == expected
    asb = sum(one.category == "anti-social-behaviour" for one in own)
    assert found["totals"] == {"crimes": len(own), "asb": asb, "recorded_crime": len(own) - asb}
    assert sum(one["weighted"] for one in cells.values()) == pytest.approx(sum(HARM[one.category] for one in own))


def test_categories_schemes_and_a_box_narrow_an_area_s_crimes(program: FlaskClient, crimes: list[Place]) -> None:
    own = [one for one in inside(AREAS["east"], crimes) if one.category == "drugs"]
    found = shown(program, area="east", category="drugs", scheme="ons", resolution=10)
    assert found["totals"]["crimes"] == len(own)
    assert sum(one["properties"]["weighted"] for one in found["features"]) == pytest.approx(8.6 * len(own), abs=0.01)
    box = shown(program, area="east", bbox="50.9,-1.4,50.92,-1.35", resolution=10)
    assert 0 < box["totals"]["crimes"] < len(inside(AREAS["east"], crimes))


def test_cells_that_the_border_of_what_is_held_cuts_carry_their_share(
    program: FlaskClient, connection: Connection, crimes: list[Place]
) -> None:
    with connection.begin():
        held: Area = areas.find(connection, "southampton-core")
        land.resize(connection, from_box(held.slug, held.name, (50.85, -1.4012, 51.0, -1.3), ()))
        for slug in ("east", "over-both", "tiny"):
            land.remove(connection, slug)
    build(connection)
    found = shown(program, resolution=8)
    shares = {one["id"]: one["properties"]["covered"] for one in found["features"]}
    assert {share == 1 for share in shares.values()} == {True, False}
    for cell, share in shares.items():
        outline = shapely.Polygon([(lng, lat) for lat, lng in h3.cell_to_boundary(cell)])
        within = outline.intersection(shapely.box(-1.4012, 50.85, -1.3, 51.0)).area
        assert share == pytest.approx(within / outline.area, abs=1e-4)
    cut = min(shares, key=lambda cell: shares[cell])
    assert program.get(f"{GRID}/cells/{cut}").json["covered"] == pytest.approx(shares[cut], abs=1e-4)


def test_a_period_names_the_months_that_are_not_held(
    program: FlaskClient, connection: Connection, crimes: list[Place]
) -> None:
    hold(connection, "2023-11", scattered("2023-11", 20))
    build(connection)
    wanted = {"from": "2023-10", "to": "2024-01"}
    assert shown(program, **wanted)["months_not_held"] == ["2023-10", "2023-12"]
    with connection.begin():
        wider = from_box("wider", "Wider", (50.8, -1.6, 51.0, -1.3), ())
        land.add(connection, wider)
    assert shown(program, area="wider", **wanted)["months_not_held"] == ["2023-10", "2023-11", "2023-12", "2024-01"]


def test_a_cell_in_full_has_its_interval_and_tells_incidents_from_crimes(
    program: FlaskClient, crimes: list[Place]
) -> None:
    found = shown(program, resolution=9)
    most = max(found["features"], key=lambda one: one["properties"]["crimes"])
    cell = program.get(f"{GRID}/cells/{most['id']}").json
    assert cell["asb"] == cell["by_category"].get("anti-social-behaviour", 0) == most["properties"]["asb"]
    lower, upper = cell["interval_95"]
    assert lower < cell["crimes"] < upper
