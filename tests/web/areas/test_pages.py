"""The pages of the areas."""

from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.unit.borders import as_file, kml, kml_polygon
from tests.web.areas.held import BOW, RING, STOKE, add_east, add_unplaced, audited, crimes, fill, slugs
from tests.web.conftest import csrf_token, token_in
from web.areas import pages
from worker.client import Client

FIRST = "southampton-core"
KML = kml(kml_polygon([(lng, lat) for lng, lat in RING]))


def press(browser: FlaskClient, path: str, file: bytes = b"", **form: str) -> Any:
    uploaded = {"file": (BytesIO(file), "wards.kml")} if file else {}
    data = {"csrf_token": csrf_token(browser), **form, **uploaded}
    return browser.post(path, data=data, content_type="multipart/form-data")


def test_the_page_lists_the_areas_with_what_is_held(browser: FlaskClient, client: Client) -> None:
    fill(client)
    add_east(client)
    page = browser.get("/areas/").text
    assert 'aria-current="page">Areas</a>' in page
    assert f'href="/map/?area={FIRST}">Southampton core</a>' in page
    assert "50.85,-1.4,51.0,-1.3" in page
    assert "Feb 2024" in page
    assert 'href="/areas/east/delete"' in page
    assert "No month is ingested yet" not in page


@pytest.mark.parametrize(
    ("form", "file"),
    [
        ({"box": "53.0, -2.2, 53.1, -2.0"}, b""),
        ({"border": as_file(STOKE).decode()}, b""),
        ({"border": KML.decode()}, b""),
        ({}, as_file(STOKE, "utf-8-sig")),
        ({}, KML),
    ],
)
def test_an_area_is_added_from_a_box_a_text_or_a_file(
    browser: FlaskClient, client: Client, form: dict[str, str], file: bytes
) -> None:
    answer = press(browser, "/areas/", file, slug="stoke", forces="staffordshire, btp", **form)
    assert (answer.status_code, answer.location) == (303, "/areas/")
    page = browser.get("/areas/").text
    assert "The area stoke is added" in page
    assert "btp, staffordshire" in page
    assert ("4 points" in page) is not ("box" in form)
    assert "No month is ingested yet for Southampton core, stoke" in page
    assert audited(client)[-1] == ("admin", "added", "the area stoke")


def test_what_was_mended_is_said_on_the_page(browser: FlaskClient) -> None:
    opened = kml(kml_polygon([(lng, lat) for lng, lat in RING[:-1]]))
    press(browser, "/areas/", opened, slug="stoke")
    assert "Note on the border: closed 1 ring whose last point was not the first." in browser.get("/areas/").text


@pytest.mark.parametrize(
    ("form", "field", "words"),
    [
        ({"slug": "Stoke on Trent", "box": "53,-2.2,53.1,-2"}, "slug", "must be lower-case words joined by hyphens"),
        ({"slug": FIRST, "box": "53,-2.2,53.1,-2"}, "slug", "The area southampton-core exists already"),
        ({"slug": "stoke", "forces": "West_Mercia", "box": "53,-2.2,53.1,-2"}, "forces", "West_Mercia"),
        ({"slug": "stoke", "box": "53,-2.2"}, "box", "must be four numbers"),
        ({"slug": "stoke"}, "box", "must be either a box or a border"),
        ({"slug": "stoke", "border": as_file(BOW).decode()}, "border", "crosses or overlaps itself at longitude -1.5"),
        ({"slug": "stoke", "border": "<html></html>"}, "border", "it is XML, but not KML"),
    ],
)
def test_a_refused_form_keeps_its_values_and_says_what_is_wrong_beside_the_field(
    browser: FlaskClient, client: Client, form: dict[str, str], field: str, words: str
) -> None:
    answer = press(browser, "/areas/", name="Stoke & more", **form)
    assert answer.status_code == 422
    _, _, after = answer.text.partition(f'id="area-{field}-error">')
    assert words in after.partition("</p>")[0]
    assert f'id="area-{field}" name="{field}"' in answer.text
    assert answer.text.count('aria-invalid="true"') == 1
    assert 'value="Stoke &amp; more"' in answer.text
    assert f'value="{form["slug"]}"' in answer.text
    if "border" in form:
        assert form["border"].replace('"', "&#34;").replace("<", "&lt;").replace(">", "&gt;") in answer.text
    assert slugs(client) == [FIRST]


def test_an_uploaded_border_stands_in_the_refused_form(
    browser: FlaskClient, monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    refused = press(browser, "/areas/", KML, slug="Stoke").text
    assert "&lt;outerBoundaryIs&gt;" in refused
    assert press(browser, "/areas/", KML, slug="stoke", border="{}").status_code == 422
    monkeypatch.setattr(pages, "KEPT", 10)
    refused = press(browser, "/areas/", KML, slug="Stoke").text
    assert "&lt;outerBoundaryIs&gt;" not in refused
    assert "Choose the file again" in refused
    assert slugs(client) == [FIRST]


def test_an_area_is_deleted_once_its_crimes_were_confirmed(browser: FlaskClient, client: Client) -> None:
    fill(client)
    add_east(client)
    page = browser.get(f"/areas/{FIRST}/delete").text
    assert "This deletes <strong>2 crimes</strong> for good: they lie in no other area." in page
    assert 'name="confirm" value="2"' in page
    for other in ({}, {"confirm": "1"}, {"confirm": "-2"}, {"confirm": "2 crimes"}):
        answer = press(browser, f"/areas/{FIRST}/delete", **other)
        assert answer.status_code == 409
        assert "the number of crimes has changed" in answer.text
    assert crimes(client) == 3
    assert press(browser, f"/areas/{FIRST}/delete", confirm="2").location == "/areas/"
    assert "The area Southampton core is deleted. 2 crimes were deleted with it." in browser.get("/areas/").text
    assert (slugs(client), crimes(client)) == (["east"], 1)
    assert browser.get("/areas/mars/delete").status_code == 404


def test_crimes_without_a_place_that_go_with_an_area_are_said(browser: FlaskClient, client: Client) -> None:
    fill(client)
    add_unplaced(client, "hampshire", 4)
    page = browser.get(f"/areas/{FIRST}/delete").text
    assert "3 that lie in no other area, and 4 unplaced crimes of forces that no other area has" in page
    assert 'name="confirm" value="7"' in page


def test_an_area_whose_crimes_others_have_goes_without_one(browser: FlaskClient, client: Client) -> None:
    fill(client)
    add_east(client)
    assert "No crime is deleted" in browser.get("/areas/east/delete").text
    press(browser, "/areas/east/delete", confirm="0")
    assert (slugs(client), crimes(client)) == ([FIRST], 3)


def test_a_border_is_changed_and_asks_before_crimes_are_deleted(browser: FlaskClient, client: Client) -> None:
    fill(client)
    where = f"/areas/{FIRST}/border"
    assert "The border is now the box 50.85,-1.55,51.0,-1.3" in browser.get(where).text
    asked = press(browser, where, box="50.85,-1.4,51.0,-1.3")
    assert asked.status_code == 409
    assert "2 crimes lie outside this border and in no other area. If you confirm" in asked.text
    assert 'name="confirm" value="2"' in asked.text
    assert 'value="50.85,-1.4,51.0,-1.3"' in asked.text
    assert crimes(client) == 3
    # Another border than the one that was asked about loses another number.
    assert press(browser, where, box="50.85,-1.49,51.0,-1.3", confirm="2").status_code == 409
    assert press(browser, where, box="50.85,-1.4,51.0,-1.3", confirm="2").status_code == 303
    assert "2 crimes were deleted with it" in browser.get("/areas/").text
    assert crimes(client) == 1
    assert press(browser, where, border="{").status_code == 422
    assert press(browser, "/areas/mars/border", box="50,-1,51,0").status_code == 404


@pytest.mark.parametrize("path", ["/areas/", f"/areas/{FIRST}/delete", f"/areas/{FIRST}/border"])
def test_a_form_without_the_token_of_the_session_is_refused(browser: FlaskClient, client: Client, path: str) -> None:
    assert browser.post(path, data={"slug": "a", "box": "53,-2.2,53.1,-2", "confirm": "0"}).status_code == 403
    assert slugs(client) == [FIRST]


def test_a_large_file_comes_in_with_its_token(browser: FlaskClient, client: Client) -> None:
    ring = [[-2 + n / 20_000, 53 + (n % 2) / 1e5] for n in range(20_000)] + [[-1.5, 54]]
    data = as_file({"type": "Polygon", "coordinates": [ring]})
    token = token_in(browser.get("/areas/").text)
    form = {"csrf_token": token, "slug": "large", "border": data.decode()}
    assert browser.post("/areas/", data=form, content_type="multipart/form-data").status_code == 303
    assert slugs(client) == [FIRST, "large"]
