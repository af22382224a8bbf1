"""`safegrid force` and `safegrid gap`."""

import json
from typing import Any

import h3
import pytest

from jobs.context import Context
from tests.integration.crimes import change, rows
from tests.processes import run_command
from worker.settings import Settings

CELL = h3.latlng_to_cell(50.91, -1.4, 6)


def safegrid(here: Context, *arguments: str) -> tuple[int, str, str]:
    assert isinstance(here.settings, Settings)
    done = run_command(here.settings, *arguments)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(autouse=True)
def _nothing_located(here: Context) -> None:
    change(here.connection, "DELETE FROM force_cells")


def gaps(here: Context) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(safegrid(here, "gap", "list", "--json")[1])
    return found


def test_the_gaps_that_are_known_stand_there_from_the_first(here: Context) -> None:
    known = {(gap["force"], gap["first_month"], gap["last_month"], gap["kind"]) for gap in gaps(here)}
    assert {
        ("greater-manchester", "2019-07-01", None, "missing"),
        ("btp", "2016-02-01", "2016-12-01", "missing"),
        ("btp", "2025-02-01", "2025-12-01", "missing"),
        ("devon-and-cornwall", "2022-11-01", "2022-12-01", "missing"),
        ("city-of-london", "2022-06-01", "2022-06-01", "missing"),
        ("gwent", "2025-09-01", "2025-12-01", "missing"),
        ("dyfed-powys", "2024-01-01", "2024-04-01", "partial"),
    } <= known
    assert all(gap["reason"] and gap["source"] for gap in gaps(here))
    corrected = {gap["force"]: gap["corrected_release"] for gap in gaps(here) if gap["corrected_release"]}
    assert corrected == {"devon-and-cornwall": "2024-02-01"}


def test_a_gap_is_added_and_removed(here: Context) -> None:
    before = gaps(here)
    words = ("--reason", "Its system was changed", "--source", "Its notice")
    code, _, said = safegrid(here, "gap", "add", "kent", "2025-03", "2025-05", "--kind", "partial", *words)
    assert (code, "kent, 2025-03 to 2025-05, partial" in said) == (0, True)
    safegrid(here, "gap", "add", "kent", "2026-01", "open", "--reason", "Nothing comes", "--corrected", "2026-06")
    safegrid(here, "gap", "add", "kent", "2024-01", "--reason", "Nothing came")
    new = [gap for gap in gaps(here) if gap not in before]
    assert [(gap["first_month"], gap["last_month"], gap["kind"], gap["corrected_release"]) for gap in new] == [
        ("2024-01-01", "2024-01-01", "missing", None),
        ("2025-03-01", "2025-05-01", "partial", None),
        ("2026-01-01", None, "missing", "2026-06-01"),
    ]
    assert (new[1]["source"], new[1]["reason"]) == ("Its notice", "Its system was changed")
    assert new[0]["source"].startswith("Recorded by ")
    for gap in new:
        assert safegrid(here, "gap", "remove", str(gap["id"]))[0] == 0
    assert gaps(here) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("add", "kent", "2025-05", "2025-03", "--reason", "x"), "cannot end in 2025-03"),
        (("add", "Kent!", "2025-05", "--reason", "x"), "Kent! is not the slug of a force"),
        (("add", "kent", "2025-13", "--reason", "x"), "2025-13 is not a month"),
        (("add", "kent", "2025-05", "--reason", " "), "needs a reason"),
        (("add", "kent", "2025-05"), "--reason"),
        (("remove", "4711"), "no known gap 4711"),
    ],
)
def test_a_gap_that_cannot_be_is_refused(here: Context, arguments: tuple[str, ...], words: str) -> None:
    before = gaps(here)
    code, _, said = safegrid(here, "gap", *arguments)
    assert (code, words in said) == (2, True)
    assert gaps(here) == before


def test_a_cell_is_said_to_be_of_a_force_or_of_none(here: Context) -> None:
    assert safegrid(here, "force", "list")[2].startswith("No cell has a force yet: `safegrid run locate_forces`")
    for name in ("dorset", "none", "hampshire"):
        assert safegrid(here, "force", "set", CELL, name)[0] == 0
        assert f"{CELL}  {name}" in safegrid(here, "force", "list")[1]
    (known,) = json.loads(safegrid(here, "force", "list", "--json")[1])
    assert (known["cell"], known["force"], known["is_overruled"]) == (CELL, "hampshire", True)
    for cell in (h3.latlng_to_cell(50.91, -1.4, 7), "southampton"):
        code, _, said = safegrid(here, "force", "set", cell, "dorset")
        assert (code, "not an H3 cell of resolution 6" in said) == (2, True)


def test_an_area_adopts_the_forces_of_its_land(here: Context) -> None:
    code, _, said = safegrid(here, "force", "adopt", "southampton-core")
    assert (code, "run locate_forces first" in said) == (2, True)
    safegrid(here, "force", "set", CELL, "dorset")
    assert safegrid(here, "force", "adopt", "southampton-core")[0] == 0
    assert rows(here.connection, "SELECT force FROM area_forces") == [("dorset",)]
