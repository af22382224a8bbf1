"""Pages of other origins read the grid where a setting lets them, and nothing else, and never with a cookie."""

import pytest

from tests.web.conftest import BEARER, MakeApp

GRID = "/api/v1/grid"
MAP = "https://map.example.org"
OTHER = "https://other.example.org"
PREFLIGHT = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}


@pytest.mark.parametrize(
    ("setting", "origin", "allowed"),
    [("", MAP, None), (MAP, MAP, MAP), (MAP, OTHER, None), (f"{OTHER} {MAP}", MAP, MAP), ("*", OTHER, "*")],
)
def test_an_origin_reads_where_it_may(make_app: MakeApp, setting: str, origin: str, allowed: str | None) -> None:
    program = make_app(cors_origins=setting).test_client()
    answer = program.get(GRID, headers={**BEARER, "Origin": origin})
    assert answer.status_code == 200
    assert answer.headers.get("Access-Control-Allow-Origin") == allowed
    assert ("Origin" in answer.headers.get("Vary", "")) == bool(setting)
    assert "Access-Control-Allow-Credentials" not in answer.headers
    asked = program.options(GRID, headers={**PREFLIGHT, "Origin": origin})
    assert asked.headers.get("Access-Control-Allow-Origin") == allowed
    assert (asked.status_code == 204) == (allowed is not None)


def test_what_is_refused_is_readable_too(make_app: MakeApp) -> None:
    program = make_app(cors_origins=MAP).test_client()
    answer = program.get(f"{GRID}?bbox=nonsense", headers={**BEARER, "Origin": MAP})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (422, MAP)


@pytest.mark.parametrize(
    "path", ["/api/v1/admin/runs", "/runs/", "/sign-in", "/map/", "/api/v1/admin/tasks/warm-cache"]
)
def test_nothing_but_the_api_of_the_grid_is_shared(make_app: MakeApp, path: str) -> None:
    program = make_app(cors_origins="*", public_read=True).test_client()
    for answer in (
        program.get(path, headers={**BEARER, "Origin": MAP}),
        program.options(path, headers={**PREFLIGHT, "Origin": MAP}),
    ):
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


def test_preflights_say_what_may_be_sent(make_app: MakeApp) -> None:
    asked = make_app(cors_origins=MAP).test_client().options(GRID, headers={**PREFLIGHT, "Origin": MAP})
    assert asked.headers["Access-Control-Allow-Methods"] == "GET, HEAD"
    assert "Authorization" in asked.headers["Access-Control-Allow-Headers"]
