"""Cells are named by the streets that most of their crimes are at."""

import h3
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection

from tests.gridded import Place, build, hold

CELLS = "/api/v1/places/cells"
CENTRE = (50.9077, -1.4046)
NINE = h3.latlng_to_cell(*CENTRE, 9)
# Two kilometres away, in the same cell of resolution 6.
ALONE = next(cell for cell in h3.grid_ring(NINE, 6) if h3.cell_to_parent(cell, 6) == h3.cell_to_parent(NINE, 6))
STREETS = {
    ("Above Bar Street", "burglary"): 5,
    ("Civic Centre Road", "burglary"): 3,
    ("Queen'S Way", "drugs"): 4,
    ("Park Walk", "drugs"): 1,
    ("Supermarket", "drugs"): 9,
    ("", "drugs"): 9,
}


@pytest.fixture(autouse=True)
def _town(connection: Connection) -> None:
    centre = h3.cell_to_latlng(NINE)
    crimes = [
        Place("2024-01", *centre, category, f"On or near {street}")
        for (street, category), count in STREETS.items()
        for _ in range(count)
    ]
    kinds = [Place("2024-01", *h3.cell_to_latlng(ALONE), "burglary", "On or near Parking Area")] * 2
    hold(connection, "2024-01", [*crimes, *kinds])
    hold(connection, "2023-12", [Place("2023-12", *centre, "burglary", "On or near Park Walk")] * 6)
    build(connection)


def named(program: FlaskClient, *cells: str, **parameters: str) -> list[list[tuple[str, int]]]:
    answer = program.get(CELLS, query_string={"cells": ",".join(cells), **parameters})
    assert answer.status_code == 200, answer.json
    assert [one["h3"] for one in answer.json["cells"]] == list(cells)
    return [[(street["name"], street["crimes"]) for street in one["streets"]] for one in answer.json["cells"]]


def test_the_streets_of_most_crimes_name_a_cell_and_kinds_where_there_is_none(program: FlaskClient) -> None:
    first, second = named(program, NINE, ALONE)
    assert first == [("Park Walk", 7), ("Above Bar Street", 5), ("Queen's Way", 4)]
    assert second == [("Parking Area", 2)]
    nowhere = h3.latlng_to_cell(55.95, -3.2, 9)
    assert named(program, nowhere) == [[]]


def test_months_and_categories_are_those_of_the_cells(program: FlaskClient) -> None:
    assert named(program, NINE, **{"from": "2024-01"})[0][:2] == [("Above Bar Street", 5), ("Queen's Way", 4)]
    assert named(program, NINE, **{"from": "2024-01", "category": "drugs"}) == [[("Queen's Way", 4), ("Park Walk", 1)]]


def test_every_resolution_has_names(program: FlaskClient) -> None:
    fine = h3.latlng_to_cell(*h3.cell_to_latlng(NINE), 10)
    for cell in (fine, *(h3.cell_to_parent(fine, resolution) for resolution in (8, 7, 6, 5, 4))):
        # A coarse one has those of its busiest cell of resolution 8.
        assert named(program, cell)[0][0] == ("Park Walk", 7)
        answer = program.get(f"/api/v1/grid/cells/{cell}").json
        assert answer["streets"][0] == {"name": "Park Walk", "crimes": 7}


def test_a_page_of_a_cell_has_its_streets_first_and_its_id_second(browser: FlaskClient) -> None:
    for path in (f"/map/cells/{NINE}", f"/map/cells/{NINE}/part"):
        page = browser.get(path).text
        names = page.index("Park Walk, Above Bar Street, Queen&#39;s Way")
        assert names < page.index(f"<code>{NINE}</code>")
    assert f"<title>Park Walk, cell {NINE}" in browser.get(f"/map/cells/{NINE}").text


def test_what_cannot_be_named_is_refused(program: FlaskClient) -> None:
    for parameters, field, words in [
        ({}, "cells", "is required"),
        ({"cells": "x"}, "cells", "(x is not one)"),
        ({"cells": f"{NINE},"}, "cells", "(nothing is not one)"),
        ({"cells": ",".join([NINE] * 21)}, "cells", "must be at most 20 cells"),
        ({"cells": NINE, "category": "x"}, "category", "must be slugs of"),
        ({"cells": NINE, "area": "x"}, "area", "is not a parameter"),
    ]:
        answer = program.get(CELLS, query_string=parameters)
        assert answer.status_code == 422
        assert answer.json["errors"][field].partition(words)[1]


def test_a_known_answer_is_not_sent_again(program: FlaskClient) -> None:
    first = program.get(f"{CELLS}?cells={NINE}")
    again = program.get(f"{CELLS}?cells={NINE}", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert 'rel="license"' in first.headers["Link"]
