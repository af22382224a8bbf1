"""The results that the documents show: every key is there, with its type."""

from typing import Any

import pytest
from sqlalchemy import Connection

from jobs.context import Context
from jobs.grid.rebuild import rebuild_safety_grid
from jobs.validation import validate_h3_grid_health
from tests.contract import documents
from tests.gridded import hold, scattered
from tests.integration.conftest import here  # noqa: F401 - a fixture
from tests.standins.police import PoliceStandin, Records

MONTH = "2024-01"


def shape(value: Any) -> Any:
    """The value's types, by key; of a list, that of its first entry."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value)


def fits(shown: Any, ours: Any, path: str = "") -> None:
    """Every key that is shown is ours too, with the same type. Ours may be more."""
    if isinstance(shown, dict):
        assert isinstance(ours, dict), path
        assert shown.keys() <= ours.keys(), f"{path}: {shown.keys() - ours.keys()} are missing"
        for key, one in shown.items():
            fits(one, ours[key], f"{path}.{key}")
    elif isinstance(shown, list):
        assert isinstance(ours, list), path
        if shown and ours:
            fits(shown[0], ours[0], f"{path}[0]")
    else:
        assert shown is ours, f"{path}: {ours.__name__} instead of {shown.__name__}"


@pytest.fixture
def results(here: Context, connection: Connection) -> dict[str, Any]:  # noqa: F811 - the fixture
    with PoliceStandin(Records([]), published=[MONTH]) as police:
        here.settings = here.settings.model_copy(update={"police_api_base_url": police.url})
        hold(connection, MONTH, scattered(MONTH))
        rebuilt = rebuild_safety_grid(months=3)
        return {"rebuild_safety_grid": rebuilt, "validate_h3_grid_health": validate_h3_grid_health()}


def test_every_result_of_the_document_has_its_keys_and_types(results: dict[str, Any]) -> None:
    shown = documents.outputs(documents.read("saferoute"))
    assert shown.keys() == results.keys()
    for task, example in shown.items():
        fits(shape(example), shape(results[task]), task)


def test_the_grid_is_that_of_the_document(results: dict[str, Any]) -> None:
    shown = documents.outputs(documents.read("saferoute"))["rebuild_safety_grid"]
    same = ("task", "grid_type", "h3_resolution", "cell_size_m")
    assert {key: results["rebuild_safety_grid"][key] for key in same} == {key: shown[key] for key in same}
    assert results["rebuild_safety_grid"]["months_processed"] == shown["months_processed"] == 3
    assert results["validate_h3_grid_health"]["h3_validation"]["invalid_cell_ids"] == 0
    assert results["validate_h3_grid_health"]["health_status"] in ("healthy", "degraded", "warning")
