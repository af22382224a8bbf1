"""The page of troubles quotes messages as the code has them, and names errors that there are."""

import re

from tests.docs.blocks import ROOT
from tests.docs.pages import in_code, tables

ROWS = tables("docs/trouble.md", "| symptom | cause | remedy |")
CODE = "".join(file.read_text() for room in ("jobs", "worker") for file in (ROOT / room).rglob("*.py"))


def test_every_message_is_quoted_as_it_is() -> None:
    quoted = [message for symptom, *_ in ROWS for message in re.findall(r'"([^"]+)"', symptom)]
    assert len(quoted) >= 5
    for message in quoted:
        # What is filled in is dots, or the port that is the default.
        parts = [re.escape(part.strip()) for part in re.split(r"\.\.\.|8000", message)]
        assert re.search(r"[^\n]*".join(parts), CODE), message


def test_every_error_is_there() -> None:
    named = [name for symptom, *_ in ROWS for name in in_code(symptom) if re.fullmatch(r"([A-Z][a-z]+){2,}", name)]
    assert named
    assert [name for name in named if f"class {name}(" not in CODE] == []
