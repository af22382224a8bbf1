"""The OpenAPI document, and the page that is made from it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from jobs import catalogue
from tests.web.conftest import TASKS, MakeApp

Spec = dict[str, Any]
METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
def spec(program: FlaskClient) -> Spec:
    answer = program.get("/openapi.json")
    assert answer.status_code == 200
    document: Spec = answer.json
    return document


def operations(spec: Spec) -> Iterator[tuple[str, Spec]]:
    for path, methods in spec["paths"].items():
        assert set(methods) <= METHODS
        for operation in methods.values():
            yield path, operation


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        part = list(part.values())
    if isinstance(part, list):
        for one in part:
            yield from references(one)


def test_the_document_is_sound(spec: Spec) -> None:
    assert spec["openapi"] == "3.1.0"
    assert spec["info"]["title"] == "Safegrid"
    assert "servers" not in spec
    ids = [operation["operationId"] for _, operation in operations(spec)]
    assert len(ids) == len(set(ids))
    for path, operation in operations(spec):
        declared = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
        assert declared == set(re.findall(r"{(\w+)}", path)), path
        assert all("description" in answer for answer in operation["responses"].values())


def test_every_reference_leads_somewhere(spec: Spec) -> None:
    found = set(references(spec))
    assert found
    assert {one.removeprefix("#/components/schemas/") for one in found} <= set(spec["components"]["schemas"])


def test_no_two_paths_are_the_same_pattern(spec: Spec) -> None:
    patterns = [re.sub(r"{\w+}", "{}", path) for path in spec["paths"]]
    assert len(patterns) == len(set(patterns))


def test_every_job_has_an_operation_with_the_schema_of_its_parameters(spec: Spec) -> None:
    for job in catalogue.load().values():
        operation = spec["paths"][f"{TASKS}/{job.slug}"]["post"]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        assert schema == {"$ref": f"#/components/schemas/{job.name}"}
        assert set(spec["components"]["schemas"][job.name]["properties"]) == set(job.parameters.model_fields)
        assert {"202", "400", "401", "403", "404", "422", "429", "503"} <= set(operation["responses"])


def test_every_result_has_a_type(spec: Spec) -> None:
    schemas = spec["components"]["schemas"]
    said = schemas["Task"]["properties"]["result"]["anyOf"]
    ours = [job for job in catalogue.load().values() if job.path.startswith("jobs.")]
    assert all(job.result for job in ours)
    assert {f"#/components/schemas/{job.name}.result" for job in ours} <= {one.get("$ref") for one in said}
    for job in ours:
        schema = schemas[f"{job.name}.result"]
        assert schema["properties"]["task"]["const"] == job.name
        assert schema["additionalProperties"] is False
        assert f"{job.name}.result" in spec["paths"][f"{TASKS}/{job.slug}"]["post"]["responses"]["202"]["description"]
    # What is not nailed down would be as good as none.
    assert {} not in said or any(job.result is None for job in catalogue.load().values())


@pytest.mark.parametrize(("public", "status"), [(True, 200), (False, 401)])
def test_where_reading_is_public_the_document_is(make_app: MakeApp, public: bool, status: int) -> None:
    visitor = make_app(public_read=public).test_client()
    assert visitor.get("/openapi.json").status_code == status
    assert visitor.get("/docs").status_code == (200 if public else 302)


def test_the_document_says_how_to_come_in(spec: Spec) -> None:
    assert spec["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert {"token": []} in spec["security"]


def test_the_document_holds_the_api_and_nothing_else(spec: Spec) -> None:
    assert all(path.startswith("/api/v1/") for path in spec["paths"])


def test_the_reference_shows_every_operation(browser: FlaskClient, spec: Spec) -> None:
    page = browser.get("/docs").text
    for path in spec["paths"]:
        assert f"<code>{path}</code>" in page
    assert "integer, 1 to 60, default 12" in page
