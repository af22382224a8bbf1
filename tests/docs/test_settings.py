"""The page of the settings and .env.example have every variable that is read, with its default."""

import os
import re

import pytest

from tests.docs.blocks import ROOT
from tests.docs.pages import tables
from web.settings import Settings

FILE = (ROOT / ".env.example").read_text()
# Read where jobs are declared, before there are settings.
OF_THE_CATALOGUE = {"SAFEGRID_QUEUES", "SAFEGRID_JOB_MODULES"}


def in_the_file() -> dict[str, str]:
    return dict(re.findall(r"^#?(\w+)=(.*)$", FILE, re.MULTILINE))


def in_the_page() -> dict[str, str]:
    rows = tables("docs/settings.md", "| variable | default | meaning |")
    return {variable.strip("`"): default.strip("`") for variable, default, _ in rows}


def test_the_file_has_every_variable_that_is_read() -> None:
    read = {str(field.validation_alias) for field in Settings.model_fields.values()}
    assert set(in_the_file()) == read | OF_THE_CATALOGUE


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [*in_the_file(), *(name for name in os.environ if name.startswith("SAFEGRID_"))]:
        monkeypatch.delenv(variable, raising=False)


def test_a_file_that_is_copied_as_it_stands_sets_nothing() -> None:
    found = Settings(_env_file=ROOT / ".env.example")  # type: ignore[call-arg]
    # Not even to its default: a command would take that for a wish, in place of what the demo beside it was told.
    assert found.model_fields_set == set()
    assert found == Settings(_env_file=None)  # type: ignore[call-arg]


def test_the_file_has_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    default = Settings(_env_file=None)  # type: ignore[call-arg]
    for variable, value in in_the_file().items():
        monkeypatch.setenv(variable, value)
    assert Settings(_env_file=None) == default  # type: ignore[call-arg]


def test_the_page_has_the_variables_and_the_defaults_of_the_file() -> None:
    assert in_the_page() == in_the_file()


def test_no_page_names_a_variable_that_is_not_read() -> None:
    known = set(in_the_file())
    named = {
        name
        for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
        for name in re.findall(r"\bSAFEGRID_[A-Z0-9_]+\b", page.read_text())
    }
    assert named <= known, named - known
