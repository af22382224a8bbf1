"""`safegrid area resize`, and what `migrate` and `doctor` say of a first area that is not the setting's."""

import json
from collections.abc import Iterator

import pytest

from jobs import areas
from jobs.areas import DEFAULT_AREA, from_box
from jobs.context import Context
from jobs.held import land
from jobs.ingestion.run import ingest_latest_crime_data
from tests.integration.crimes import crime, rows, served
from tests.processes import run_command
from tests.standins.police import PoliceStandin
from worker import performing
from worker.settings import Settings

OLD = (50.85, -1.5, 50.97, -1.3)
NEW = "50.85,-1.55,51.0,-1.3"
SMALL = "50.85,-1.5,50.95,-1.3"
PLACES = [(50.91, -1.4), (50.96, -1.35), (50.98, -1.4)]
HELD = "SELECT to_char(month, 'YYYY-MM'), count(*) FROM crime_incidents GROUP BY 1 ORDER BY 1"
ASKED = "SELECT id, parameters->>'area' FROM runs WHERE job = 'backfill_crime_data'"


@pytest.fixture
def police(here: Context) -> Iterator[PoliceStandin]:
    """Two months are held within the old box, of which the source offers one now."""
    with here.connection.begin():
        land.resize(here.connection, from_box(DEFAULT_AREA, "Southampton core", OLD, ()))
    with served(here, [crime(month, *place) for month in ("2023-12", "2024-01") for place in PLACES]) as police:
        ingest_latest_crime_data()
        police.published = ["2024-01"]
        yield police


def safegrid(here: Context, *arguments: str) -> tuple[int, str, str]:
    assert isinstance(here.settings, Settings)
    done = run_command(here.settings, *arguments)
    return done.returncode, done.stdout, done.stderr


def test_a_held_box_that_is_not_the_setting_s_is_named_with_both_ways_out(here: Context, police: PoliceStandin) -> None:
    code, _, said = safegrid(here, "migrate")
    assert code == 0
    assert "area_is_not_the_setting" in said
    _, report, _ = safegrid(here, "doctor", "--json")
    (words,) = [line["words"] for line in json.loads(report) if line["kind"] == "area_moved"]
    assert f"`safegrid area resize {DEFAULT_AREA} --box {NEW}`" in words
    assert "SOUTHAMPTON_BBOX=50.85,-1.5,50.97,-1.3" in words
    assert safegrid(here, "area", "resize", DEFAULT_AREA, "--box", NEW)[0] == 0
    assert "area_is_not_the_setting" not in safegrid(here, "migrate")[2]
    assert '"area_moved"' not in safegrid(here, "doctor", "--json")[1]


def test_a_resize_asks_for_the_months_on_offer_and_says_what_stays_of_the_others(
    here: Context, police: PoliceStandin
) -> None:
    code, out, said = safegrid(here, "area", "resize", DEFAULT_AREA, "--box", NEW)
    assert code == 0
    ((run_id, *asked),) = rows(here.connection, ASKED)
    assert (asked, out) == ([DEFAULT_AREA], f"{run_id}\n")
    assert "months to ingest again: 1" in said
    assert "no longer publishes: 1 (2023-12 to 2023-12). They lack the land that the new border adds" in said
    assert rows(here.connection, HELD) == [("2023-12", 2), ("2024-01", 2)]
    # Given again before the run was done, it asks for nothing new.
    assert safegrid(here, "area", "resize", DEFAULT_AREA, "--box", NEW)[1] == out
    performing.perform(here.settings, run_id, "a worker")
    assert rows(here.connection, HELD) == [("2023-12", 2), ("2024-01", 3)]
    assert safegrid(here, "area", "resize", DEFAULT_AREA, "--box", NEW)[1] == ""


def test_crimes_outside_of_the_new_border_are_not_deleted_unasked(here: Context, police: PoliceStandin) -> None:
    code, out, said = safegrid(here, "area", "resize", DEFAULT_AREA, "--box", SMALL)
    assert (code, out) == (130, "")
    assert "This deletes 2 crimes that lie outside the new border and in no other area." in said
    with here.connection.begin():
        assert areas.find(here.connection, DEFAULT_AREA).bounds == OLD
    code, out, said = safegrid(here, "area", "resize", DEFAULT_AREA, "--box", SMALL, "--yes")
    assert (code, out) == (0, "")
    assert rows(here.connection, HELD) == [("2023-12", 1), ("2024-01", 1)]
    rebuilt = "SELECT parameters->>'until', parameters->>'months' FROM runs WHERE job = 'rebuild_safety_grid'"
    assert rows(here.connection, rebuilt) == [("2024-01", "2")]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere", "--box", NEW], "There is no area nowhere. Areas: southampton-core"),
        ([DEFAULT_AREA], "Give the border of the area: either --box or --polygon"),
        ([DEFAULT_AREA, "--box", "1,2,3"], "--box: must be four numbers"),
    ],
)
def test_a_wrong_call_changes_nothing(here: Context, police: PoliceStandin, arguments: list[str], words: str) -> None:
    code, out, said = safegrid(here, "area", "resize", *arguments)
    assert (code != 0, out) == (True, "")
    assert words in said
    with here.connection.begin():
        assert areas.find(here.connection, DEFAULT_AREA).bounds == OLD


def test_a_source_that_is_away_changes_nothing(here: Context, police: PoliceStandin) -> None:
    police.fault("status:500", times=20)
    assert safegrid(here, "area", "resize", DEFAULT_AREA, "--box", NEW)[0] == 1
    with here.connection.begin():
        assert areas.find(here.connection, DEFAULT_AREA).bounds == OLD
