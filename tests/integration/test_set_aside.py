"""What is set aside is kept with its reason; a category that was not known takes its crimes in once it is."""

import json
from typing import Any

import pytest

from jobs.areas import from_box
from jobs.context import Context
from jobs.grid.rebuild import rebuild_safety_grid
from jobs.held import land
from jobs.http import SourceChanged
from jobs.ingestion import categories
from jobs.ingestion.categories import CategoryRefused, Readmitted
from jobs.ingestion.run import ingest_month_on_demand
from jobs.months import parse_month
from tests.integration.crimes import MONTH, crime, rows, scattered, served, unplaced, value
from tests.processes import run_command
from worker.settings import Settings

NEW = "hoverboard-theft"
WEIGHTS = {"saferoute": 1.5, "cambridge": 20.0, "ons": 30.0}
MANY = scattered(count=100)
ODD = [crime(category=NEW, latitude=50.9), crime(category=NEW, latitude=50.95), unplaced(category=NEW)]
ASIDE = "SELECT reason, force, category FROM set_aside_records ORDER BY force NULLS FIRST, id"


def ingest(month: str = MONTH, area: str | None = None) -> dict[str, Any]:
    (result,) = ingest_month_on_demand(int(month[:4]), int(month[5:]), area=area)["results"]
    found: dict[str, Any] = result
    return found


def add(here: Context, slug: str = NEW, weights: dict[str, float] | None = None) -> Readmitted:
    with here.connection.begin():
        return categories.add(here.connection, slug, "Theft of a hoverboard", weights or WEIGHTS, 10)


def test_crimes_of_a_category_that_is_not_known_are_set_aside_by_name_and_the_month_is_partial(here: Context) -> None:
    with served(here, [*MANY, *ODD]):
        result = ingest()
    assert (result["change"], result["records_ingested"], result["records_set_aside"]) == ("partial", 100, 3)
    assert result["issues"][0]["issue"] == "set aside: unknown category hoverboard-theft"
    reason = "unknown category hoverboard-theft"
    assert rows(here.connection, ASIDE) == [(reason, None, NEW), (reason, None, NEW), (reason, "hampshire", NEW)]
    record = json.loads(value(here.connection, "SELECT min(record) FROM set_aside_records WHERE force IS NULL"))
    assert (record["category"], record["month"]) == (NEW, MONTH)


def test_a_category_that_is_added_takes_in_what_was_set_aside(here: Context) -> None:
    with served(here, [*MANY, *ODD]):
        ingest()
        rebuild_safety_grid()
        assert add(here) == Readmitted(3, [parse_month(MONTH)])
        assert rebuild_safety_grid()["statistics"]["total_crimes"] == 102
        assert rows(here.connection, ASIDE) == []
        assert value(here.connection, "SELECT is_partial FROM ingestion_runs") is False
        query = "SELECT records, unplaced, (categories->>'hoverboard-theft')::int FROM area_months"
        assert rows(here.connection, query) == [(102, 1, 2)]
        held = rows(here.connection, "SELECT category, latitude, longitude FROM placed_crimes ORDER BY 1, 2, 3")
        # As if it had been known from the beginning.
        again = ingest()
    assert (again["change"], again["records_ingested"], again["records_unplaced"]) == ("unchanged", 102, 1)
    assert rows(here.connection, "SELECT category, latitude, longitude FROM placed_crimes ORDER BY 1, 2, 3") == held


def test_what_two_areas_set_aside_comes_in_once(here: Context) -> None:
    with here.connection.begin():
        east = from_box("east", "East", (50.85, -1.45, 51.0, -1.2), ("hampshire",))
        land.add(here.connection, east)
    with served(here, [*MANY, *ODD]):
        ingest(area="southampton-core")
        ingest(area="east")
    assert len(rows(here.connection, ASIDE)) == 3
    assert add(here).crimes == 3
    query = "SELECT area, (categories->>'hoverboard-theft')::int, unplaced FROM area_months ORDER BY 1"
    assert rows(here.connection, query) == [("east", 2, 1), ("southampton-core", 2, 1)]
    assert value(here.connection, "SELECT count(*) FROM crime_incidents") == 102


def test_a_month_that_comes_in_again_has_its_own_records_set_aside(here: Context) -> None:
    with served(here, [*MANY, *ODD]) as police:
        ingest()
        gone = [one["id"] for one in police.crimes(MONTH) if one["category"] == NEW]
        police.revise(MONTH, remove=gone[:1])
        ingest()
        assert len(rows(here.connection, ASIDE)) == 2
        police.revise(MONTH, remove=gone[1:])
        assert ingest()["change"] == "unchanged"
    assert rows(here.connection, ASIDE) == []


def test_an_area_that_is_removed_takes_what_was_set_aside_along(here: Context) -> None:
    with served(here, [*MANY, *ODD]):
        ingest()
    with here.connection.begin():
        land.remove(here.connection, "southampton-core")
    assert rows(here.connection, ASIDE) == []


def test_a_month_of_which_more_than_a_twentieth_is_set_aside_fails_and_names_the_category(here: Context) -> None:
    crimes = [*scattered(count=60), *(crime(category=NEW) for _ in range(4))]
    expected = (
        r"4 of 64 records of 2024-01 .* more than 5%: nothing was changed. 4 of the unknown category hoverboard-theft"
    )
    with served(here, crimes), pytest.raises(SourceChanged, match=expected + r".*`safegrid category add hoverboard"):
        ingest()
    assert rows(here.connection, ASIDE) == []
    assert value(here.connection, "SELECT count(*) FROM crime_incidents") == 0


def test_a_record_that_cannot_be_read_is_kept_whatever_it_holds(here: Context) -> None:
    place = {"latitude": "50.91", "longitude": "-1.4", "street": {"id": 1, "name": "NUL \0 and half a letter \ud83d"}}
    with served(here, [*MANY, {"month": MONTH, "location": place}]):
        assert ingest()["change"] == "ingested"
    ((reason, force, category),) = rows(here.connection, ASIDE)
    assert (reason, force, category) == ("location.street.name cannot be read", None, None)
    record = value(here.connection, "SELECT record FROM set_aside_records")
    assert json.loads(record)["location"]["street"]["name"] == place["street"]["name"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("slug", "weights", "words"),
    [
        ("Hoverboard Theft", WEIGHTS, "is not a slug"),
        ("burglary", WEIGHTS, "The category burglary exists already"),
        (NEW, {"saferoute": 1.0}, "needs a weight in every scheme. Missing: cambridge, ons"),
        (NEW, WEIGHTS | {"mine": 1.0}, "There is no scheme mine. Schemes: cambridge, ons, saferoute"),
        (NEW, WEIGHTS | {"ons": float("nan")}, "The weight of hoverboard-theft in ons must be a number of 0 or more"),
        (NEW, WEIGHTS | {"ons": -1.0}, "The weight of hoverboard-theft in ons must be a number of 0 or more"),
    ],
)
def test_a_category_that_cannot_be_is_refused_and_nothing_changes(
    here: Context, slug: str, weights: dict[str, float], words: str
) -> None:
    with pytest.raises(CategoryRefused, match=words):
        add(here, slug, weights)
    assert value(here.connection, f"SELECT count(*) FROM crime_weights WHERE category = '{NEW}'") == 0


def test_the_command_adds_a_category_and_has_the_grid_built(here: Context) -> None:
    with served(here, [*MANY, *ODD]):
        ingest()
    assert isinstance(here.settings, Settings)
    done = run_command(here.settings, "category", "add", NEW, "Hoverboards", "--weight", "2", "--weight", "ons=40")
    assert (done.returncode, "Crimes ingested that had been set aside: 3" in done.stderr) == (0, True)
    query = f"SELECT scheme, weight FROM crime_weights WHERE category = '{NEW}' ORDER BY 1"
    assert rows(here.connection, query) == [("cambridge", 2), ("ons", 40), ("saferoute", 2)]
    assert rows(here.connection, "SELECT job, parameters->>'until' FROM runs") == [("rebuild_safety_grid", MONTH)]
    listed = run_command(here.settings, "category", "list", "--json").stdout
    assert NEW in {row["slug"] for row in json.loads(listed)}
    wrong = run_command(here.settings, "category", "add", "other", "Other", "--weight", "much")
    assert (wrong.returncode, "much is not a number" in wrong.stderr) == (2, True)
