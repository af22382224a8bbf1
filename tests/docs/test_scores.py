"""The page of the scores has the columns of climbing data as they are read."""

import pytest
from pydantic import TypeAdapter

from jobs.scores.climbing.reading import COLUMNS
from jobs.scores.climbing.rows import Accident, Mountain, Route, WeatherDay
from jobs.scores.model import KINDS, SEVERITIES
from tests.docs.blocks import ROOT
from tests.docs.pages import in_code, tables

PAGE = "docs/scores.md"
ROWS = {"mountains": Mountain, "routes": Route, "accidents": Accident, "accident_weather": WeatherDay}
FILES = {in_code(name)[0]: columns for name, columns in tables(PAGE, "| file | columns |")}


@pytest.mark.parametrize("name", COLUMNS)
def test_every_file_is_listed_with_its_columns(name: str) -> None:
    assert in_code(FILES[name]) == COLUMNS[name].split()


@pytest.mark.parametrize(("name", "row"), ROWS.items())
def test_what_must_have_a_value_is_bold(name: str, row: type) -> None:
    required = set(TypeAdapter(row).json_schema().get("required", []))
    assert required
    assert {column for column in in_code(FILES[name]) if f"**`{column}`**" in FILES[name]} == required


def test_the_words_of_the_model_are_named() -> None:
    page = (ROOT / PAGE).read_text()
    # Anything else is one of these.
    assert [word for word in {*KINDS, *SEVERITIES} - {"default", "unknown"} if f"`{word}`" not in page] == []
