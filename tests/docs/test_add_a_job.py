"""The page about adding a job: its file is a job, and its tests pass."""

import dataclasses
import re
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from jobs import catalogue
from jobs.catalogue import FollowUp, Job
from jobs.context import Context
from tests.docs.blocks import blocks
from tests.docs.pages import in_code, tables
from tests.integration.conftest import here  # noqa: F401 - a fixture

Test = Callable[[Context], None]
PAGE = "docs/jobs.md"


@pytest.fixture
def its_tests(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names of the page's file of tests; the file of the job is imported."""
    catalogue.load()
    monkeypatch.setattr(catalogue, "_jobs", dict(catalogue._jobs))
    job, tests = [block.text for block in blocks() if block.file == PAGE and block.kind == "python"]
    module = ModuleType("jobs.samples")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(job, vars(module))
    found = ModuleType("tests.integration.test_samples")
    exec(tests, vars(found))
    return vars(found)


@pytest.fixture
def declared(its_tests: dict[str, Any]) -> Job:
    return catalogue.find("sample_crimes")


def test_the_sample_is_of_the_crimes_and_the_test_fails_without_them(its_tests: dict[str, Any], here: Context) -> None:  # noqa: F811
    test: Test = its_tests["test_a_small_sample_is_five_crimes_of_the_categories"]
    test(here)
    its_tests["hold"] = lambda *_: None
    here.connection.rollback()
    with here.connection.begin():
        here.connection.exec_driver_sql("DELETE FROM crime_incidents")
    with pytest.raises(AssertionError):
        test(here)


def test_a_missing_month_fails_the_run(its_tests: dict[str, Any], here: Context) -> None:  # noqa: F811
    test: Test = its_tests["test_a_month_that_is_missing_fails_the_run"]
    test(here)


def test_a_sample_without_crimes_has_the_grid_checked(declared: Job) -> None:
    assert list(declared.follow_ups({"crimes": []})) == [FollowUp("validate_h3_grid_health")]
    assert not declared.follow_ups({"crimes": [1]})
    assert not declared.follow_ups(None)
    assert declared.result


def test_every_argument_of_the_decorator_is_explained() -> None:
    explained = {name for names, _ in tables(PAGE, "| argument | meaning |") for name in in_code(names)}
    made_by_the_decorator = {"function", "parameters"}
    assert explained == {field.name for field in dataclasses.fields(Job)} - made_by_the_decorator


def test_what_the_job_works_with_is_there() -> None:
    rows = [in_code(names) for names, _ in tables(PAGE, "| attribute | what it is for |")]
    named = {re.findall(r"here\.(\w+)", one)[0] for names in rows for one in names}
    assert len(named) > 5
    fields = {field.name for field in dataclasses.fields(Context)}
    assert [name for name in named if name not in fields and not hasattr(Context, name)] == []
