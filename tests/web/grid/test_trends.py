"""Trends and changes over HTTP, and on a cell's page."""

import datetime as dt

import h3
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection

from tests.browser import town
from web.grid.schemas import Change, Changes, Trend, Unusual

RISEN = h3.cell_to_parent(h3.latlng_to_cell(*town.QUIET, 10), 9)
GRID = "/api/v1/grid"


@pytest.fixture
def busiest(connection: Connection) -> str:
    """The busiest cell of a town of 14 months, in which a quiet cell has risen."""
    return town.build(connection, dt.date(2024, 5, 1), months=15, crimes=150, rise=8)


def test_answers_are_as_they_are_documented(program: FlaskClient, busiest: str) -> None:
    listed = program.get(f"{GRID}/unusual?bbox=50.8,-1.6,51,-1.2")
    assert [one.h3 for one in Unusual.model_validate(listed.json).cells] == [RISEN]
    assert program.get(f"{GRID}/unusual?bbox=50.8,-1.6,51,-1.2&resolution=8").json["resolution"] == 8
    found = program.get(f"{GRID}/cells/{RISEN}/trend")
    assert Trend.model_validate(found.json).more_than_usual is True
    assert "license" in found.headers["Link"]
    again = program.get(f"{GRID}/cells/{RISEN}/trend", headers={"If-None-Match": found.headers["ETag"]})
    assert again.status_code == 304
    changed = program.get(f"{GRID}/changes?compare=12&from=2024-03")
    assert {one.id for one in Changes.model_validate(changed.json).features} >= {RISEN, busiest}
    one = Change.model_validate(program.get(f"{GRID}/cells/{RISEN}/change?compare=12&from=2024-03").json)
    assert (one.crimes, one.crimes_before, one.within_chance) == (24, 0, False)
    tile = program.get(f"{GRID}/changes/12/2032/1372.mvt?compare=12")
    assert (tile.status_code, tile.content_type) == (200, "application/vnd.mapbox-vector-tile")


REFUSED = {
    "unusual": (422, "bbox"),
    "unusual?area=mars": (422, "area"),
    "unusual?area=southampton-core&recent=13": (422, "recent"),
    "unusual?area=southampton-core&from=2024-01": (422, "from"),
    "unusual?bbox=50,-9,58,1&resolution=10": (422, "resolution"),
    "changes": (422, "compare"),
    "changes?compare=0": (422, "compare"),
    "changes?compare=12&scheme=ons": (422, "scheme"),
    "changes/3/9/0.mvt?compare=12": (404, "There is no tile 3/9/0"),
    "cells/x/change?compare=12": (404, "x is not an H3 cell"),
    "cells/x/trend": (404, "x is not an H3 cell"),
    f"cells/{h3.latlng_to_cell(55.95, -3.2, 9)}/trend": (404, "has no crimes in the ingested months"),
}


def test_what_cannot_be_said_is_refused(program: FlaskClient, busiest: str) -> None:
    for path, (status, said) in REFUSED.items():
        answer = program.get(f"{GRID}/{path}")
        assert answer.status_code == status, path
        assert said in (answer.json.get("errors") or answer.json["detail"])


def test_a_cell_page_has_its_trend_in_words_as_a_chart_and_as_a_table(browser: FlaskClient, busiest: str) -> None:
    page = browser.get(f"/map/cells/{RISEN}").text
    trend = browser.get(f"{GRID}/cells/{RISEN}/trend").json
    expected = f"{trend['expected']:.1f}"
    assert f"More than usual: {trend['recent']} crimes in 2024-03 to 2024-05; by 2023-03 to 2023-05" in page
    assert f"{expected} would be usual" in page
    assert page.count('<rect class="newest"') == page.count('<rect class="usual"') == 3
    assert 'aria-label="Crimes of every ingested month, 2023-03 to 2024-05"' in page
    assert page.count("<td>newest</td>") == 3
    assert "Przyborowski and Wilenski 1940" in page
    assert "Not more than usual" in browser.get(f"/map/cells/{busiest}").text
    before = browser.get(f"/map/cells/{busiest}?to=2023-06").text
    assert "Cannot tell whether there are more crimes than usual" in before


def test_a_cell_page_says_what_changed(browser: FlaskClient, busiest: str) -> None:
    page = browser.get(f"/map/cells/{RISEN}?from=2024-03&compare=12").text
    assert "24 crimes in 3 months from 2024-03 to 2024-05, 0 in 3 months from 2023-03 to 2023-05" in page
    assert "there were none before, more than chance" in page
    assert "within chance" in browser.get(f"/map/cells/{busiest}?compare=12").text
    assert "For none of these months" in browser.get(f"/map/cells/{RISEN}?compare=36").text
    # The links beside it ask what they understand.
    assert f'href="{GRID}/cells/{RISEN}?from=2024-03"' in page
    assert browser.get(f"/map/?compare=12&cell={RISEN}").status_code == 200
    assert 'value="12" selected>1 year before' in browser.get("/map/?compare=12").text
    assert 'value="5" selected>5 months before' in browser.get("/map/?compare=5").text
