"""What a declaration may say: one new file with one function is a job, and what cannot work is refused at import."""

import datetime as dt
import enum
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from jobs import catalogue
from jobs.catalogue import DeclarationError, job
from jobs.context import Context, use
from jobs.errors import ParameterError
from jobs.settings import Settings
from tests.docs.blocks import blocks

ROOT = Path(__file__).parents[2]


def written_in_the_docs() -> str:
    """The file that the page about adding a job begins with."""
    return next(block.text for block in blocks() if block.file == "docs/jobs.md")


class Colour(enum.Enum):
    """A choice."""

    RED = "red"
    BLUE = "blue"


class Thing:
    """Nothing that JSON has a word for."""


@pytest.fixture(autouse=True)
def _catalogue_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue.load()
    monkeypatch.setattr(catalogue, "_jobs", dict(catalogue._jobs))


@pytest.fixture
def nowhere() -> Iterator[None]:
    with use(Context(Settings(), None, None)):  # type: ignore[arg-type] - these jobs touch nothing
        yield


def test_one_new_file_with_one_function_is_a_job(tmp_path: Path) -> None:
    (tmp_path / "samples.py").write_text(written_in_the_docs())
    program = (
        "import sys, jobs; jobs.__path__.append(sys.argv[1]); from jobs import catalogue; "
        "found = catalogue.find('sample-crimes'); print(found.name, found.path, found.cron, len(catalogue.load()))"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    own = len([one for one in catalogue.load().values() if one.path.startswith("jobs.")])
    assert done.stdout.split() == [
        "sample_crimes",
        "jobs.samples.sample_crimes",
        *["15", "5", "*", "*", "1"],
        str(own + 1),
    ]


@pytest.mark.usefixtures("nowhere")
def test_a_job_receives_what_its_annotations_say() -> None:
    @job(queue="cache", slug="typed")
    def typed(day: dt.date, colour: Colour, tags: list[int], kind: Literal["a", "b"] = "a") -> list[Any]:
        """Tell what came."""
        return [day, colour, tags, kind]

    entry = catalogue.find("typed")
    stored = entry.validate({"day": "2024-05-01", "colour": "blue", "tags": "3, 1,2"})
    assert stored == {"day": "2024-05-01", "colour": "blue", "tags": [3, 1, 2], "kind": "a"}
    assert entry.function(**stored) == [dt.date(2024, 5, 1), Colour.BLUE, [3, 1, 2], "a"]
    assert typed(dt.date(2024, 5, 1), Colour.RED, [], "b") == [dt.date(2024, 5, 1), Colour.RED, [], "b"]
    with pytest.raises(ParameterError) as caught:
        entry.validate({"day": "yesterday", "colour": "green", "tags": "x", "kind": "c"})
    assert caught.value.problems.keys() == {"day", "colour", "tags.0", "kind"}


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        ({"slug": "a", "cron": "0 0 30 2 *"}, "the cadence 0 0 30 2 * is never due"),
        ({"slug": "a", "cron": "every day"}, "the cadence every day is never due"),
        ({"slug": "rebuild-grid"}, "its name or slug is in use by jobs.grid.rebuild.rebuild_safety_grid"),
        ({"slug": "rebuild_safety_grid"}, "its name or slug is in use by jobs.grid.rebuild.rebuild_safety_grid"),
        (
            {"slug": "a", "queue": "nowhere"},
            "nowhere is not a queue. Queues: ingestion, maintenance, cache, ",
        ),
    ],
)
def test_what_can_never_work_is_refused_at_import(declared: dict[str, Any], problem: str) -> None:
    with pytest.raises(DeclarationError, match=f"The job new in .*{re.escape(problem)}"):

        @job(**{"queue": "cache", **declared})
        def new() -> None:
            """Do nothing."""


def test_a_cadence_gives_no_parameters() -> None:
    with pytest.raises(DeclarationError, match="day has no default: declare one"):

        @job(queue="cache", slug="a", cron="0 4 * * *")
        def new(day: dt.date) -> None:
            """Do nothing."""


@pytest.mark.parametrize("kind", [type, Thing, Callable[[], int]])
def test_a_parameter_that_json_cannot_carry_is_refused(kind: Any) -> None:
    def new(value: Any) -> None:
        """Do nothing."""

    new.__annotations__["value"] = kind
    with pytest.raises(DeclarationError, match="JSON cannot carry its parameters"):
        job(queue="cache", slug="a")(new)


def test_a_parameter_without_annotation_is_refused() -> None:
    with pytest.raises(DeclarationError, match="the parameter value has no annotation"):

        @job(queue="cache", slug="a")
        def new(value) -> None:  # type: ignore[no-untyped-def]
            """Do nothing."""


def test_a_module_that_is_imported_again_replaces_its_job() -> None:
    for _ in range(2):

        @job(queue="cache", slug="again")
        def again() -> None:
            """Do nothing."""

    assert catalogue.find("again").function is again


def test_every_remedy_that_pages_ask_for_is_declared() -> None:
    asked = {
        condition
        for file in (ROOT / "web").rglob("*")
        if file.suffix in (".py", ".html")
        for condition in re.findall(r'(?:remedy|_link)\("(\w+)"\)', file.read_text())
    }
    assert len(asked) >= 8
    for condition in asked:
        assert catalogue.remedy(condition).words
    with pytest.raises(LookupError, match="No job declares the remedy 'nothing'"):
        catalogue.remedy("nothing")
