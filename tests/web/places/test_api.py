"""Places by name over HTTP."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection

from tests.gridded import Place, hold
from tests.web.conftest import MakeApp

PLACES = "/api/v1/places"
STREETS = {
    "Portswood Road": (50.928, -1.3893),
    "St John'S Road": (50.9759, -1.3515),
    "High Street": (50.9, -1.404),
    "Supermarket": (50.91, -1.4),
}

REFUSED: list[tuple[dict[str, object], dict[str, str]]] = [
    ({}, {"q": "is required"}),
    ({"q": ""}, {"q": 'must have at least 2 letters or digits of a street\'s name (given: "")'}),
    ({"q": " -!, southampton"}, {"q": "must have at least 2 letters or digits of a street's name (given: \" -!, "}),
    ({"q": "a" * 101}, {"q": "must have at most 100 characters"}),
    ({"q": "high\0street"}, {"q": "must not contain a NUL character"}),
    ({"q": "high", "limit": 0}, {"limit": "must be a whole number from 1 to 50"}),
    ({"q": "high", "limit": 51}, {"limit": "must be a whole number from 1 to 50"}),
    ({"q": "high", "near": "here"}, {"near": "must be two numbers, lat,lng, such as 50.905,-1.404"}),
    ({"q": "high", "near": "91,0"}, {"near": "must be lat,lng in degrees"}),
    ({"q": "high", "near": "-1.4,50.9"}, {"near": "latitude and longitude look swapped: latitude comes first"}),
    ({"q": "high", "near": "nan,1"}, {"near": "must be lat,lng in degrees"}),
    ({"q": "high", "area": "soton"}, {"area": "There is no area soton. Areas: southampton-core"}),
    ({"q": "high", "query": "x"}, {"query": "is not a known field"}),
]
SIGNS = (
    "%",
    "100%",
    "_igh",
    "high%' OR 1=1 --",
    "\\x",
    "\U0001f46e \U0001f46e\U0001f46e",
    "\ufb01eld",
    "\u540d\u524d",
    "a b c d e f",
)


@pytest.fixture(autouse=True)
def _town(connection: Connection) -> None:
    places = [Place("2024-01", *spot, "burglary", f"On or near {name}") for name, spot in STREETS.items()]
    hold(connection, "2024-01", [*places, Place("2024-01", 50.96, -1.35, "burglary", "On or near High Street")])


def problem(program: FlaskClient, **parameters: object) -> dict[str, str]:
    """{parameter: what was expected}"""
    answer = program.get(PLACES, query_string=parameters)
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
    errors: dict[str, str] = answer.json["errors"]
    return errors


def test_a_place_is_found_with_where_it_is_and_its_source(program: FlaskClient) -> None:
    answer = program.get(f"{PLACES}?q=portswod road")
    assert answer.json == {
        "places": [
            {
                "name": "Portswood Road",
                "score": 0.96,
                "latitude": 50.928,
                "longitude": -1.3893,
                "bounds": [-1.3893, 50.928, -1.3893, 50.928],
                "points": 1,
                "areas": [{"slug": "southampton-core", "name": "Southampton core"}],
                "force": "hampshire",
                "near": [],
            }
        ],
        "attribution": "Contains public sector information licensed under the Open Government Licence v3.0.",
        "license": "https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/",
        "positions": "The source moves each crime to an anonymous point nearby, so positions are approximate.",
    }
    assert 'rel="license"' in answer.headers["Link"]


def test_names_are_shown_as_people_write_them(program: FlaskClient) -> None:
    assert [one["name"] for one in program.get(f"{PLACES}?q=st johns").json["places"]] == ["St John's Road"]


def test_what_was_asked_for_already_is_not_sent_again(program: FlaskClient, connection: Connection) -> None:
    first = program.get(f"{PLACES}?q=high street")
    known = {"If-None-Match": first.headers["ETag"]}
    again = program.get(f"{PLACES}?q=high street", headers=known)
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["Cache-Control"] == "private, no-cache"
    hold(connection, "2024-02", [Place("2024-02", 50.9001, -1.404, "burglary", "On or near High Street")])
    assert program.get(f"{PLACES}?q=high street", headers=known).json["places"][0]["points"] == 2


def test_limit_and_nearness_choose(program: FlaskClient) -> None:
    for near, latitude in (("50.9,-1.4", 50.9), ("50.95,-1.35", 50.96)):
        (one,) = program.get(PLACES, query_string={"q": "high st", "limit": 1, "near": near}).json["places"]
        assert one["latitude"] == latitude


def test_what_cannot_be_looked_for_is_refused(program: FlaskClient) -> None:
    for parameters, expected in REFUSED:
        errors = problem(program, **parameters)
        assert errors.keys() == expected.keys()
        for name, words in expected.items():
            assert errors[name].startswith(words)


def test_signs_are_no_patterns(program: FlaskClient) -> None:
    for q in SIGNS:
        answer = program.get(PLACES, query_string={"q": q})
        assert answer.status_code in (200, 422)
        assert "Portswood Road" not in answer.text


def test_it_is_as_public_as_the_grid(make_app: MakeApp) -> None:
    for public, status in ((False, 401), (True, 200)):
        assert make_app(public_read=public).test_client().get(f"{PLACES}?q=high").status_code == status


def test_pages_of_other_origins_may_read_it_where_they_may_read_the_grid(make_app: MakeApp) -> None:
    visitor = make_app(public_read=True, cors_origins="https://map.example.org").test_client()
    answer = visitor.get(f"{PLACES}?q=high", headers={"Origin": "https://map.example.org"})
    assert answer.headers["Access-Control-Allow-Origin"] == "https://map.example.org"


def test_the_document_types_the_answer(program: FlaskClient) -> None:
    document = program.get("/openapi.json").json
    operation = document["paths"][PLACES]["get"]
    assert {one["name"] for one in operation["parameters"]} == {"q", "area", "near", "limit"}
    assert {"200", "304", "422"} <= operation["responses"].keys()
    assert document["components"]["schemas"]["Places.Place"]["properties"]["points"]["type"] == "integer"
