"""The page about adding a job: its file is a job, and its test passes."""

import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from jobs import catalogue
from jobs.context import Context
from tests.docs.blocks import blocks
from tests.integration.conftest import here  # noqa: F401 - a fixture


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The page's two files, the first of them imported."""
    catalogue.load()
    monkeypatch.setattr(catalogue, "_jobs", dict(catalogue._jobs))
    files = [block.text for block in blocks() if block.file == "docs/jobs.md" and block.kind == "python"]
    module = ModuleType("jobs.samples")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(files[0], vars(module))
    return files


def test_the_test_of_the_page_passes_and_fails_without_its_crimes(written: list[str], here: Context) -> None:  # noqa: F811
    module = ModuleType("tests.integration.test_samples")
    exec(written[1], vars(module))
    test = vars(module)["test_a_small_sample_is_five_crimes_of_the_categories"]
    test(here)
    vars(module)["hold"] = lambda *_: None
    here.connection.rollback()
    with here.connection.begin():
        here.connection.exec_driver_sql("DELETE FROM crime_incidents")
    with pytest.raises(AssertionError):
        test(here)
