"""The page of the measurements is what the bench writes from those that are kept, and nobody edits it by hand."""

from pathlib import Path

import pytest

from bench import kept
from bench.__main__ import names
from bench.harness import Ratio
from bench.kept import FILE, PAGE, Round
from bench.page import TITLES, render


def test_the_page_is_written_from_what_is_kept() -> None:
    assert PAGE.read_text() == render(kept.read())


def test_the_file_is_as_the_bench_writes_it() -> None:
    assert FILE.read_text() == kept.text_of(kept.read())


def test_every_part_has_a_title_and_is_measured() -> None:
    assert sorted(TITLES) == names() == sorted(kept.read())


@pytest.fixture
def copies(tmp_path: Path) -> tuple[Path, Path]:
    """Of the file and the page."""
    file, page = tmp_path / FILE.name, tmp_path / PAGE.name
    file.write_text(FILE.read_text())
    return file, page


def test_a_part_that_is_measured_anew_leaves_the_others(copies: tuple[Path, Path]) -> None:
    file, page = copies
    before = kept.read(file)
    rows = [
        Ratio("safegrid --help", 9.5, "x", 2.5, "lower", "a | b"),
        Ratio("answers", 1234.0, "", 1000, "higher"),
        Ratio("seconds", 0.0123, "s", None, "lower"),
    ]
    measured = Round("2030-01-02", "8 cores", {"Python": "3.13.0"}, {"BENCH_CRIMES": "5"}, "", rows)
    kept.replace("commands", measured, file, page)
    after = kept.read(file)
    assert after.pop("commands") == [measured]
    assert after == {part: rounds for part, rounds in before.items() if part != "commands"}
    text = page.read_text()
    assert "Measured on 2030-01-02, 8 cores. With `BENCH_CRIMES=5`. Versions: Python 3.13.0." in text
    assert r"| safegrid --help | 9.5 x | at most 2.5 x | **no** | a \| b |" in text
    assert "| answers | 1,234 | at least 1,000 | yes |  |" in text
    assert "| seconds | 0.0123 s |  |  |  |" in text
    assert "| Commands | safegrid --help | 9.5 x | at most 2.5 x | 2030-01-02 |" in text
    assert [line for line in text.splitlines() if line.startswith("| overview |")] == [
        line for line in PAGE.read_text().splitlines() if line.startswith("| overview |")
    ]
