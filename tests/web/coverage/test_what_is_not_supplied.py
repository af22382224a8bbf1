"""What a force did not supply is said wherever the grid is read, and is land on the map."""

from typing import Any

import h3
import pytest
from flask.testing import FlaskClient
from shapely.geometry import Point, shape

from jobs import areas
from jobs.areas import from_box
from jobs.coverage import cells, changes, gaps
from jobs.held import land as held
from jobs.months import parse_month
from tests.gridded import build, hold, scattered
from tests.web.conftest import MakeApp
from worker.client import Client

MONTHS = ("2024-01", "2024-02", "2024-03")
GRID = "/api/v1/grid"
LAND = "/api/v1/coverage/land"
LACKING = [{"force": "hampshire", "status": "missing", "months": ["2024-01", "2024-02"]}]


@pytest.fixture
def grid(client: Client) -> None:
    """A grid of three months, of which one force supplied nothing in two."""
    with client.engine.connect() as connection:
        for month in MONTHS:
            hold(connection, month, scattered(month))
        build(connection)
        with connection.begin():
            first, last = map(parse_month, MONTHS[:2])
            changes.add_gap(connection, gaps.Gap("hampshire", first, last, "missing", "No file", "A notice"))


def read(program: FlaskClient, address: str) -> Any:
    response = program.get(address)
    assert response.status_code == 200, response.text
    return response.get_json(force=True)


@pytest.mark.usefixtures("grid")
def test_cells_say_what_was_not_supplied_of_the_months_that_are_read(program: FlaskClient) -> None:
    assert read(program, GRID)["coverage"] == LACKING
    assert read(program, f"{GRID}?area=southampton-core")["coverage"] == LACKING
    assert read(program, f"{GRID}?from=2024-02")["coverage"] == [{**LACKING[0], "months": ["2024-02"]}]
    assert read(program, f"{GRID}?from=2024-03")["coverage"] == []


@pytest.mark.usefixtures("grid")
def test_an_answer_that_is_kept_follows_a_change_of_a_gap(program: FlaskClient, client: Client) -> None:
    first = program.get(GRID)
    assert program.get(GRID, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    with client.engine.begin() as connection:
        (gap,) = gaps.of_force(gaps.known(connection), "hampshire")
        assert gap.id
        changes.remove_gap(connection, gap.id)
    again = program.get(GRID, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.get_json(force=True)["coverage"]) == (200, [])


@pytest.mark.usefixtures("grid")
def test_a_cell_says_it_of_the_force_whose_land_it_is(
    program: FlaskClient, client: Client, browser: FlaskClient
) -> None:
    cell = read(program, GRID)["features"][0]["id"]
    assert read(program, f"{GRID}/cells/{cell}")["coverage"] == LACKING
    assert "hampshire did not supply 2024-01, 2024-02" in browser.get(f"/map/cells/{cell}").text
    with client.engine.begin() as connection:
        changes.overrule(connection, h3.cell_to_parent(cell, cells.RESOLUTION), "dorset")
    assert read(program, f"{GRID}/cells/{cell}")["coverage"] == []
    assert read(program, GRID)["coverage"] == LACKING


@pytest.mark.usefixtures("grid")
def test_the_land_of_the_areas_that_was_not_supplied_is_geojson(program: FlaskClient, client: Client) -> None:
    (feature,) = read(program, LAND)["features"]
    assert feature["properties"] == LACKING[0]
    land = shape(feature["geometry"])
    with client.engine.begin() as connection:
        located = cells.located(connection, [h3.str_to_int(h3.latlng_to_cell(50.91, -1.4, 6))])
    assert set(located.values()) == {"hampshire"}
    assert land.is_valid
    assert land.contains(Point(-1.4, 50.91))
    # Beside the area it is known whose land it is, and nothing is held.
    assert not land.contains(Point(-1.4, 51.1))
    assert read(program, f"{LAND}?from=2024-03")["features"] == []
    assert program.get(f"{LAND}?from=2024-13").status_code == 422


@pytest.mark.usefixtures("grid")
def test_land_of_an_area_whose_month_is_whole_is_not_shown(program: FlaskClient, client: Client) -> None:
    with client.engine.begin() as connection:
        held.add(connection, from_box("north", "North", (51.0, -1.55, 51.2, -1.3), ("hampshire",)))
        for cell in cells.unlocated(connection, areas.find(connection, "north")):
            cells.keep(connection, cell, "hampshire")
    (feature,) = read(program, LAND)["features"]
    assert not shape(feature["geometry"]).contains(Point(-1.4, 51.1))


@pytest.mark.usefixtures("grid")
def test_it_may_be_read_where_the_grid_may(make_app: MakeApp) -> None:
    assert make_app(public_read=True).test_client().get(LAND).status_code == 200
    assert make_app().test_client().get(LAND).status_code == 401


@pytest.mark.usefixtures("grid")
def test_the_period_says_which_months_are_held_and_what_was_not_supplied(program: FlaskClient, client: Client) -> None:
    period = read(program, f"{GRID}/period?from=2023-12&to=2024-02")
    assert (period["from"], period["to"], period["months"]) == ("2023-12", "2024-02", ["2024-01", "2024-02"])
    assert period["months_not_held"] == ["2023-12"]
    assert period["coverage"] == LACKING
    assert period.pop("months_compared") is None
    # What the answer with cells says, but for the cells.
    cells = read(program, f"{GRID}?from=2023-12&to=2024-02")
    assert period == {name: cells[name] for name in period}
    assert read(program, f"{GRID}/period?from=2024-01&compare=1")["months_compared"] == ["2024-02", "2024-03"]
    # Of all of an area, and of none of the months.
    with client.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE area_months SET is_whole = false WHERE month = '2024-02-01'")
    assert read(program, f"{GRID}/period?from=2024-01&area=southampton-core")["months_not_held"] == ["2024-02"]
    assert read(program, f"{GRID}/period?from=2020-01&to=2020-02")["months_not_held"] == ["2020-01", "2020-02"]
    refused = program.get(f"{GRID}/period?area=mars")
    assert (refused.status_code, list(refused.json["errors"])) == (422, ["area"])
