"""The page about the HTTP API has each operation with its parameters, as the OpenAPI document has them."""

from flask.testing import FlaskClient

from jobs import catalogue
from tests.docs.pages import in_code, tables
from tests.web.conftest import TASKS

HEADER = "| operation | parameters | what it does |"
# Said once for all of them, in the text above their tables.
OF_THE_GRID = ["from", "to", "category", "scheme", "recency"]


def documented() -> dict[str, list[str]]:
    """{method and path: parameters of the query}, of the page."""
    return {in_code(operation)[0]: in_code(row) for operation, row, _ in tables("docs/api.md", HEADER)}


def test_every_operation_is_listed_with_its_parameters(program: FlaskClient) -> None:
    slugs = {job.slug for job in catalogue.load().values()}
    found = {}
    for path, methods in program.get("/openapi.json").json["paths"].items():
        if path.removeprefix(f"{TASKS}/") in slugs:
            continue
        for method, operation in methods.items():
            query = [one["name"] for one in operation.get("parameters", []) if one["in"] == "query"]
            count = len(OF_THE_GRID)
            found[f"{method.upper()} {path}"] = ["from…", *query[count:]] if query[:count] == OF_THE_GRID else query
    listed = documented()
    assert listed.pop(f"POST {TASKS}/{{slug}}") == ["due_at"]
    assert listed == found


def test_every_status_of_an_error_is_listed(program: FlaskClient) -> None:
    found = {
        status
        for methods in program.get("/openapi.json").json["paths"].values()
        for operation in methods.values()
        for status in operation["responses"]
        if status >= "400"
    }
    listed = tables("docs/api.md", "| status | meaning |")
    assert {status for statuses, _ in listed for status in statuses.split(", ")} == found
