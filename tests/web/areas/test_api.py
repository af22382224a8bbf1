"""Areas by the API."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from jobs.boundaries.drawing import MOST_POINTS
from tests.web.areas.held import (
    ADMIN,
    AREAS,
    BOW,
    EAST,
    PLACES,
    RING,
    STOKE,
    add_east,
    add_unplaced,
    audited,
    crimes,
    fill,
    slugs,
    unplaced,
)
from tests.web.conftest import TASKS, MakeApp
from worker.client import Client

FIRST, GRID = "southampton-core", "/api/v1/grid"


def test_areas_are_listed_with_what_is_held_of_them(program: FlaskClient, client: Client) -> None:
    fill(client)
    add_east(client)
    first, east = program.get(AREAS).json["areas"]
    assert first == {
        "slug": FIRST,
        "name": "Southampton core",
        "forces": ["hampshire"],
        "is_box": True,
        "bounds": [50.85, -1.55, 51.0, -1.3],
        "months": 1,
        "months_in_part": 0,
        "newest": "2024-02-01",
        "crimes": 3,
    }
    assert (east["slug"], east["crimes"], east["bounds"]) == ("east", 1, list(EAST))


def test_an_area_is_geojson(program: FlaskClient) -> None:
    answer = program.get(f"{AREAS}/{FIRST}")
    assert answer.content_type == "application/geo+json"
    assert (answer.json["type"], answer.json["id"]) == ("Feature", FIRST)
    assert answer.json["geometry"]["type"] == "Polygon"
    assert answer.json["properties"]["bounds"] == [50.85, -1.55, 51.0, -1.3]
    gone = program.get(f"{AREAS}/mars")
    assert gone.status_code == 404
    assert "There is no area mars. Areas: southampton-core" in gone.json["detail"]


@pytest.mark.parametrize(
    ("border", "kind"),
    [
        ({"box": [53.0, -2.2, 53.1, -2.0]}, "Polygon"),
        ({"box": "53.0,-2.2,53.1,-2.0"}, "Polygon"),
        ({"border": STOKE}, "Polygon"),
        ({"border": {"type": "Feature", "properties": {}, "geometry": STOKE}}, "Polygon"),
        (
            {"border": {"type": "MultiPolygon", "coordinates": [[RING], [[[-1, 50], [0, 50], [0, 51], [-1, 50]]]]}},
            "Multi",
        ),
    ],
)
def test_an_area_is_added_and_audited(program: FlaskClient, client: Client, border: Any, kind: str) -> None:
    answer = program.post(ADMIN, json={"slug": "stoke", "name": " Stoke ", "forces": ["staffordshire"], **border})
    assert (answer.status_code, answer.json) == (201, {"slug": "stoke", "notes": []})
    found = program.get(answer.location).json
    assert found["properties"]["name"] == "Stoke"
    assert found["properties"]["forces"] == ["staffordshire"]
    assert found["properties"]["is_box"] == ("box" in border)
    assert found["geometry"]["type"].startswith(kind)
    assert audited(client) == [("api token", "added", "the area stoke")]


def test_what_was_mended_is_said(program: FlaskClient) -> None:
    opened = {"type": "Polygon", "coordinates": [RING[:-1]]}
    answer = program.post(ADMIN, json={"slug": "stoke", "border": opened})
    assert answer.json["notes"] == ["closed 1 ring whose last point was not the first"]
    assert program.get(f"{AREAS}/stoke").json["properties"]["name"] == "stoke"


SWAPPED = {"type": "Polygon", "coordinates": [[[lat, lng] for lng, lat in RING]]}


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"border": STOKE}, "slug", "is required"),
        ({"slug": "Stoke", "border": STOKE}, "slug", "must be lower-case words joined by hyphens"),
        ({"slug": FIRST, "border": STOKE}, "slug", "The area southampton-core exists already"),
        ({"slug": "x" * 61, "border": STOKE}, "slug", "at most 60 characters"),
        ({"slug": "a", "name": "\0", "border": STOKE}, "name", "must not contain a NUL character"),
        ({"slug": "a", "forces": ["West Mercia"], "border": STOKE}, "forces", "(given: West Mercia)"),
        ({"slug": "a"}, "box", "must be either a box or a border"),
        ({"slug": "a", "box": [53, -2, 54, -1], "border": STOKE}, "box", "must be either a box or a border"),
        ({"slug": "a", "box": "53,-2"}, "box", "must be four numbers"),
        ({"slug": "a", "box": "-2,53,-1,54"}, "box", "look swapped: latitude comes first, 53.0,-2.0,54.0,-1.0"),
        ({"slug": "a", "box": [-2, 53, -1, 54]}, "box", "look swapped: latitude comes first"),
        ({"slug": "a", "box": [54, -2, 53, -1]}, "box", "the smaller first"),
        ({"slug": "a", "border": BOW}, "border", "crosses or overlaps itself at longitude -1.5, latitude 50.5"),
        ({"slug": "a", "border": SWAPPED}, "border", "look swapped: its first point is 53, -2.2"),
        ({"slug": "a", "border": {}}, "border", "expected a GeoJSON Polygon"),
        ({"slug": "a", "border": STOKE, "colour": "red"}, "colour", "known field"),
    ],
)
def test_what_is_no_area_is_refused_by_field(
    program: FlaskClient, client: Client, given: Any, field: str, words: str
) -> None:
    answer = program.post(ADMIN, json=given)
    assert answer.status_code == 422
    assert list(answer.json["errors"]) == [field]
    assert words in answer.json["errors"][field]
    assert slugs(client) == [FIRST]
    assert audited(client) == []


def test_a_border_may_be_larger_than_other_requests_and_not_too_large(program: FlaskClient) -> None:
    ring = [[-2 + n / 20_000, 53 + (n % 2) / 1e5] for n in range(20_000)] + [[-1.5, 54]]
    large = {"slug": "large", "border": {"type": "Polygon", "coordinates": [ring]}}
    assert len(json.dumps(large)) > 300_000
    assert program.post(ADMIN, json=large).status_code == 201
    answer = program.post(
        ADMIN, json={"slug": "a", "border": {"type": "Polygon", "coordinates": [[RING[0]] * 600_000]}}
    )
    assert answer.status_code == 413
    assert answer.json["detail"] == "The request is larger than 8192 KiB. Send a smaller one."
    answer = program.post("/api/v1/admin/tokens", json={"name": "x" * 70_000})
    assert (answer.status_code, answer.json["detail"]) == (
        413,
        "The request is larger than 64 KiB. Send a smaller one.",
    )


def test_more_points_than_an_area_may_have_are_refused(program: FlaskClient) -> None:
    ring = [[n % 9, n % 7] for n in range(MOST_POINTS + 1)]
    answer = program.post(ADMIN, json={"slug": "a", "border": {"type": "Polygon", "coordinates": [ring]}})
    assert "more than 100000" in answer.json["errors"]["border"]


def test_the_crimes_that_go_with_an_area_are_said_before(program: FlaskClient, client: Client) -> None:
    fill(client)
    add_east(client)
    dry = program.delete(f"{ADMIN}/{FIRST}?dry_run=1")
    assert dry.json == {"slug": FIRST, "crimes": 2, "unplaced": 0, "done": False, "task_ids": [], "notes": []}
    answer = program.delete(f"{ADMIN}/{FIRST}")
    assert answer.status_code == 422
    assert answer.json["errors"] == {"confirm": "must be the number of crimes to delete, now 2"}
    wrong = program.delete(f"{ADMIN}/{FIRST}?confirm=3")
    assert wrong.status_code == 409
    assert "2 crimes of the area southampton-core would be deleted. Nothing is changed yet" in wrong.json["detail"]
    assert (slugs(client), crimes(client)) == ([FIRST, "east"], 3)
    done = program.delete(f"{ADMIN}/{FIRST}?confirm=2").json
    assert (done["crimes"], done["done"]) == (2, True)
    assert (slugs(client), crimes(client)) == (["east"], 1)
    (task,) = done["task_ids"]
    assert program.get(f"{TASKS}/{task}").json["task_name"] == "rebuild_safety_grid"
    assert ("api token", "deleted", "the area southampton-core with 2 crimes") in audited(client)


def test_the_grid_goes_with_the_last_area(program: FlaskClient, client: Client, perform: Callable[[str], Any]) -> None:
    fill(client)
    assert len(program.get(GRID).json["features"]) == len(PLACES)
    (task,) = program.delete(f"{ADMIN}/{FIRST}?confirm=3").json["task_ids"]
    perform(task)
    assert program.get(f"{TASKS}/{task}").json["status"] == "SUCCESS"
    assert program.get(GRID).json["features"] == []


def test_crimes_without_a_place_go_with_the_last_area_that_names_their_force(
    program: FlaskClient, client: Client
) -> None:
    fill(client)
    add_unplaced(client, "hampshire", 4)
    add_unplaced(client, "dorset", 5)
    assert program.post(ADMIN, json={"slug": "dorset", "forces": ["dorset"], "border": STOKE}).status_code == 201
    dry = program.delete(f"{ADMIN}/{FIRST}?dry_run=1").json
    assert (dry["crimes"], dry["unplaced"]) == (7, 4)
    assert program.delete(f"{ADMIN}/{FIRST}?confirm=3").status_code == 409
    add_east(client)
    assert program.delete(f"{ADMIN}/{FIRST}?confirm=2").json["unplaced"] == 0
    assert unplaced(client) == {"hampshire": 4, "dorset": 5}
    assert program.delete(f"{ADMIN}/east?confirm=5").json["unplaced"] == 4
    assert unplaced(client) == {"dorset": 5}


def test_an_area_within_another_goes_without_a_crime(program: FlaskClient, client: Client) -> None:
    fill(client)
    add_east(client)
    assert program.delete(f"{ADMIN}/east?dry_run=1").json["crimes"] == 0
    assert program.delete(f"{ADMIN}/east?confirm=0").json["task_ids"] == []
    assert crimes(client) == len(PLACES)
    assert program.delete(f"{ADMIN}/east?confirm=0").status_code == 404


def test_a_border_is_changed_once_its_loss_is_confirmed(program: FlaskClient, client: Client) -> None:
    fill(client)
    where = f"{ADMIN}/{FIRST}"
    assert program.put(f"{where}?dry_run=1", json={"box": list(EAST)}).json["crimes"] == 2
    assert program.put(where, json={"box": list(EAST)}).status_code == 422
    assert program.put(f"{where}?confirm=1", json={"box": list(EAST)}).status_code == 409
    assert crimes(client) == 3
    done = program.put(f"{where}?confirm=2", json={"box": list(EAST)}).json
    assert (done["crimes"], done["done"], len(done["task_ids"])) == (2, True, 1)
    assert program.get(f"{AREAS}/{FIRST}").json["properties"]["bounds"] == list(EAST)
    assert program.put(f"{where}?confirm=0", json={"border": BOW}).json["errors"].keys() == {"border"}
    assert program.put(f"{ADMIN}/mars?confirm=0", json={"box": list(EAST)}).status_code == 404
    assert audited(client)[0] == ("api token", "changed", f"the border of the area {FIRST}, with 2 crimes deleted")


@pytest.mark.parametrize("public", [True, False])
def test_areas_are_read_with_the_grid_and_changed_by_operators_only(make_app: MakeApp, public: bool) -> None:
    visitor = make_app(public_read=public).test_client()
    expected = 200 if public else 401
    assert visitor.get(AREAS).status_code == visitor.get(f"{AREAS}/{FIRST}").status_code == expected
    assert visitor.post(ADMIN, json={"slug": "a", "border": STOKE}).status_code == 401
    assert visitor.put(f"{ADMIN}/{FIRST}?confirm=0", json={"box": list(EAST)}).status_code == 401
    assert visitor.delete(f"{ADMIN}/{FIRST}?confirm=0").status_code == 401
    assert visitor.get("/areas/").status_code == 302


def test_a_viewer_changes_no_area(app: APIFlask, program: FlaskClient, client: Client) -> None:
    token = program.post("/api/v1/admin/tokens", json={"name": "screen", "role": "viewer"}).json["token"]
    viewer = app.test_client(use_cookies=False)
    viewer.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    assert viewer.get(AREAS).status_code == 200
    assert viewer.post(ADMIN, json={"slug": "a", "border": STOKE}).status_code == 403
    assert viewer.put(f"{ADMIN}/{FIRST}?confirm=0", json={"box": list(EAST)}).status_code == 403
    assert viewer.delete(f"{ADMIN}/{FIRST}?confirm=0").status_code == 403
    assert viewer.get(f"/areas/{FIRST}/delete").status_code == 403
    assert slugs(client) == [FIRST]
