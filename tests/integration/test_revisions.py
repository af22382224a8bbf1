"""After a release, months that are held are asked for again, and what has changed is known."""

import random
from typing import Any

from jobs.context import Context
from jobs.ingestion.run import ingest_latest_crime_data, ingest_month_on_demand
from tests.integration.crimes import MONTH, crime, rows, scattered, served, unplaced, value
from tests.standins.police import PoliceStandin

MONTHS = ["2023-08", "2023-09", "2023-10", "2023-11", "2023-12", "2024-01"]
NOTHING = {
    "added": 0,
    "removed": 0,
    "moved": 0,
    "recategorised": 0,
    "outcome_changed": 0,
    "categories": {},
    "unplaced": 0,
}


def again(here: Context) -> dict[str, Any]:
    """The result of the month when it comes in again."""
    here.run_id = None
    return dict(ingest_month_on_demand(2024, 1)["results"][0])


def placed(police: PoliceStandin) -> list[dict[str, Any]]:
    return [record for record in police.crimes(MONTH) if record["location"]]


def test_a_month_that_did_not_change_says_so_whatever_its_ids(here: Context) -> None:
    with served(here, [*scattered(count=80), unplaced()]) as police:
        first = again(here)
        assert (first["change"], first["difference"]) == ("ingested", None)
        police.revise(MONTH, renumber=True)
        result = again(here)
    assert (result["change"], result["difference"]) == ("unchanged", NOTHING)


def test_the_difference_is_that_of_the_release(here: Context) -> None:
    crimes = [crime(latitude=50.9 + n / 1000, category="burglary", persistent_id=f"{n:064x}") for n in range(60)]
    crimes += [crime(latitude=50.9, category="anti-social-behaviour", persistent_id="") for _ in range(40)]
    with served(here, [*crimes, unplaced(), unplaced()]) as police:
        again(here)
        chance = random.Random(7)
        named = [record for record in placed(police) if record["persistent_id"]]
        nameless = [record for record in placed(police) if not record["persistent_id"]]
        chosen = chance.sample(named, 15)
        change: dict[int, dict[str, Any]] = {}
        for record in chosen[:4]:
            change[record["id"]] = {"location": record["location"] | {"longitude": "-1.4100000"}}
        for record in chosen[4:7]:
            change[record["id"]] = {"category": "robbery"}
        for record in chosen[7:12]:
            change[record["id"]] = {"outcome_status": {"category": "Local resolution", "date": MONTH}}
        removed = [record["id"] for record in (*chosen[12:], *nameless[:2])]
        added = [crime(category="drugs", persistent_id=f"{n:064x}") for n in range(100, 106)] + [
            crime(persistent_id="")
        ]
        police.revise(MONTH, change=change, remove=removed, add=[*added, unplaced()], renumber=True)
        result = again(here)
    assert result["change"] == "refreshed"
    assert result["difference"] == {
        "added": 7,
        "removed": 5,
        "moved": 4,
        "recategorised": 3,
        "outcome_changed": 5,
        "categories": {"anti-social-behaviour": -2, "burglary": -5, "drugs": 6, "robbery": 3},
        "unplaced": 1,
    }
    held = "SELECT difference->>'added' FROM ingestion_runs WHERE id IN (SELECT ingestion_id FROM area_months)"
    assert value(here.connection, held) == "7"


def test_an_id_that_is_used_again_and_again_is_paired_and_not_multiplied(here: Context) -> None:
    crimes = [crime(latitude=50.9 + n / 1000, persistent_id="a" * 64) for n in range(20)]
    with served(here, crimes) as police:
        again(here)
        assert again(here)["difference"] == NOTHING
        police.revise(MONTH, remove=[placed(police)[0]["id"]])
        assert again(here)["difference"]["removed"] == 1


def refreshed(here: Context) -> list[str]:
    here.run_id = None
    return sorted(month["month"][:7] for month in ingest_latest_crime_data()["results"])


def test_after_a_release_the_newest_held_months_are_asked_for_again_and_one_older_in_rotation(here: Context) -> None:
    here.settings = here.settings.model_copy(update={"refresh_months": 2})
    with served(here, [one for month in MONTHS for one in scattered(month)]) as police:
        police.published = MONTHS[:5]
        assert refreshed(here) == MONTHS[:5]
        assert refreshed(here) == []
        police.published = MONTHS
        assert refreshed(here) == ["2023-08", "2023-11", "2023-12", "2024-01"]
        # The next one in rotation; the newest are of this release by now.
        assert refreshed(here) == ["2023-09"]
        assert refreshed(here) == ["2023-10"]
        assert refreshed(here) == []
    query = "SELECT count(*) FROM area_months WHERE release = '2024-01-01'"
    assert value(here.connection, query) == len(MONTHS)


def test_a_month_of_which_the_release_is_not_known_is_asked_for_again(here: Context) -> None:
    with served(here, scattered()):
        refreshed(here)
        with here.connection.begin():
            here.connection.exec_driver_sql("UPDATE area_months SET release = NULL")
        assert refreshed(here) == [MONTH]


def test_without_refreshing_only_what_is_not_held_is_asked_for(here: Context) -> None:
    here.settings = here.settings.model_copy(update={"refresh_months": 0})
    with served(here, [*scattered("2023-12"), *scattered("2024-01")]) as police:
        police.published = ["2023-12"]
        refreshed(here)
        police.published = ["2023-12", "2024-01"]
        assert refreshed(here) == ["2024-01"]


def test_only_months_whose_cells_changed_are_built_again(here: Context) -> None:
    from jobs.grid.rebuild import rebuild_safety_grid
    from jobs.regrid import outdated

    with served(here, [*scattered("2023-12"), *scattered("2024-01")]) as police:
        police.published = ["2023-12"]
        refreshed(here)
        rebuild_safety_grid()
        police.published = ["2023-12", "2024-01"]
        assert refreshed(here) == ["2023-12", "2024-01"]
        (one,) = outdated()
        assert one.parameters == {"months": 1, "until": "2024-01"}
    assert (
        len(
            rows(
                here.connection,
                "SELECT month FROM ingestion_runs WHERE id NOT IN (SELECT ingestion_id FROM area_months)",
            )
        )
        == 1
    )
