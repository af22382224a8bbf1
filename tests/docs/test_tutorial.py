"""The job of the tutorial does what the tutorial shows: it runs, and continues from its checkpoint."""

import sys
import time
from types import ModuleType

import pytest

from jobs import catalogue
from jobs.catalogue import Job
from jobs.context import Context
from tests.docs.blocks import blocks
from tests.integration.conftest import here  # noqa: F401 - a fixture


@pytest.fixture
def say_hello(monkeypatch: pytest.MonkeyPatch) -> Job:
    catalogue.load()
    monkeypatch.setattr(catalogue, "_jobs", dict(catalogue._jobs))
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    (block,) = [one for one in blocks() if one.file == "docs/tutorial.md" and one.kind == "python"]
    module = ModuleType("jobs.hello")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(block.text, vars(module))
    return catalogue.find("say-hello")


def test_the_job_continues_from_its_checkpoint(say_hello: Job, here: Context) -> None:  # noqa: F811
    reported: list[int] = []
    here.report_progress = lambda done, _total, _note: reported.append(done)
    here.run_id, here.state = "a run", {"done": 7}
    assert say_hello.function(name="Ada") == {"task": "say_hello", "said": "Hello Ada"}
    assert reported == [8, 9, 10]
    assert here.state == {"done": 10}
