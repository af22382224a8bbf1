"""A pull that ends in the middle goes on where it was: what came is not asked for again, and the result is the same."""

import datetime as dt
from typing import Any

import pytest

from jobs import areas
from jobs.areas import from_box
from jobs.context import Context, Stopped
from jobs.errors import JobError
from jobs.held import land
from jobs.http import SourceUnavailable
from jobs.ingestion import pulling, staging
from jobs.ingestion.run import ingest_latest_crime_data, ingest_month_on_demand
from tests.integration.crimes import MONTH, change, crime, rows, scattered, served, unplaced, value
from tests.standins.police import PoliceStandin

CRIMES = [*scattered(count=60), unplaced(), unplaced()]
HELD = "SELECT category, latitude, longitude, api_id FROM placed_crimes ORDER BY api_id"
STAGED = "SELECT (SELECT count(*) FROM staged_pulls), count(*), coalesce(sum(read), 0) FROM staged_answers"


@pytest.fixture(autouse=True)
def _one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that it is certain what was asked for before a fault."""
    monkeypatch.setattr(pulling, "IN_FLIGHT", 1)


def asked(police: PoliceStandin) -> list[str]:
    """What was asked for and answered, tile by tile and force by force."""
    calls = police.calls("crimes-street/") + police.calls("crimes-no-location")
    return [str(call.parameters.get("poly") or call.parameters["force"]) for call in calls if call.status in (200, 503)]


def undisturbed(here: Context, police: PoliceStandin) -> list[tuple[Any, ...]]:
    ingest_month_on_demand(2024, 1)
    found = rows(here.connection, HELD)
    for table in ("crime_incidents", "unplaced_crimes", "area_months", "month_grounds", "held_months"):
        change(here.connection, f"DELETE FROM {table}")
    police.forget_requests()
    return found


@pytest.mark.parametrize("after", range(6))
def test_after_a_stop_at_any_answer_no_answer_is_asked_for_again(here: Context, after: int) -> None:
    with served(here, CRIMES, cap=30) as police:
        expected = undisturbed(here, police)
        looks = iter([False] * after + [True])
        here.is_stopping = lambda: next(looks, True)
        with pytest.raises(Stopped):
            ingest_month_on_demand(2024, 1)
        here.is_stopping = lambda: False
        result = ingest_month_on_demand(2024, 1)
        assert len(asked(police)) == len(set(asked(police))) > 5
    assert rows(here.connection, HELD) == expected
    assert (result["records_ingested"], result["results"][0]["records_unplaced"]) == (60, 2)
    assert rows(here.connection, STAGED) == [(0, 0, 0)]


def test_an_answer_that_fails_leaves_those_that_came(here: Context) -> None:
    with served(here, CRIMES, cap=30) as police:
        expected = undisturbed(here, police)
        police.fault("status:404", path="crimes-no-location")
        with pytest.raises(JobError, match="404"):
            ingest_month_on_demand(2024, 1)
        assert rows(here.connection, HELD) == []
        ingest_month_on_demand(2024, 1)
        assert len(asked(police)) == len(set(asked(police)))
    assert rows(here.connection, HELD) == expected


def test_one_failing_area_of_several_does_not_let_the_others_be_asked_for_again(here: Context) -> None:
    with here.connection.begin():
        land.add(here.connection, from_box("north", "North", (51.0, -1.55, 51.1, -1.3), ("dorset",)))
    with served(here, [*CRIMES, crime(latitude=51.05)]) as police:
        police.fault("status:404", times=9, path="crimes-no-location", month=MONTH)
        here.run_id = "a-run"
        with pytest.raises(JobError):
            ingest_latest_crime_data()
        assert len(asked(police)) == 2
        police.clear_faults()
        ingest_latest_crime_data()
        assert len(asked(police)) == len(set(asked(police))) == 4


@pytest.mark.parametrize("change_of", ["release", "border"])
def test_what_is_staged_of_another_release_or_border_is_asked_for_again(here: Context, change_of: str) -> None:
    with served(here, [*CRIMES, *scattered("2024-02")]) as police:
        police.published = [MONTH]
        police.fault("status:404", path="crimes-no-location")
        with pytest.raises(JobError):
            ingest_month_on_demand(2024, 1)
        assert rows(here.connection, STAGED) == [(1, 1, 60)]
        if change_of == "release":
            police.revise(MONTH, remove=[police.crimes(MONTH)[0]["id"]], renumber=True)
            police.published = [MONTH, "2024-02"]
        else:
            with here.connection.begin():
                land.resize(
                    here.connection, from_box("southampton-core", "", (50.85, -1.6, 51.0, -1.3), ("hampshire",))
                )
        ingest_month_on_demand(2024, 1)
    assert value(here.connection, "SELECT count(*) FROM crime_incidents") == (59 if change_of == "release" else 60)


def test_what_nobody_went_on_with_is_forgotten(here: Context) -> None:
    with served(here, [*CRIMES, *scattered("2023-12")]) as police:
        police.fault("status:404", path="crimes-no-location", month="2023-12")
        with pytest.raises(JobError):
            ingest_month_on_demand(2023, 12)
        change(here.connection, "UPDATE staged_pulls SET started_at = started_at - interval '8 days'")
        ingest_month_on_demand(2024, 1)
    assert rows(here.connection, STAGED) == [(0, 0, 0)]


def test_what_is_staged_may_be_lost(here: Context) -> None:
    with served(here, CRIMES) as police:
        police.fault("status:404", path="crimes-no-location")
        with pytest.raises(JobError):
            ingest_month_on_demand(2024, 1)
        # As after a crash of PostgreSQL.
        change(here.connection, "TRUNCATE staged_pulls, staged_answers, staged_unplaced, staged_asides")
        assert ingest_month_on_demand(2024, 1)["records_ingested"] == 60


def test_a_month_that_is_refused_is_asked_for_anew(here: Context) -> None:
    with served(here, CRIMES) as police:
        ingest_month_on_demand(2024, 1)
        gone = [record for record in police.crimes(MONTH) if record["location"]][10:]
        police.revise(MONTH, remove=[record["id"] for record in gone])
        with pytest.raises(JobError, match="far fewer"):
            ingest_month_on_demand(2024, 1)
        police.revise(MONTH, add=gone)
        assert ingest_month_on_demand(2024, 1)["results"][0]["change"] == "unchanged"


def test_every_record_that_was_read_is_accounted_for(here: Context) -> None:
    with served(here, CRIMES, cap=30):
        with here.connection.begin():
            area = areas.find(here.connection, "southampton-core")
        police = pulling.Police.of(here.settings)
        pull = pulling.pull_month(here, police, area, dt.date(2024, 1, 1))
        with here.connection.begin():
            totals = staging.totals(here.connection, pull)
    assert totals.read == totals.crimes + totals.outside + totals.set_aside
    assert (totals.placed, totals.unplaced, totals.set_aside) == (60, {"hampshire": 2}, 0)
    assert totals.requests == police.asked


def test_a_source_that_is_away_is_left_with_what_came(here: Context) -> None:
    with served(here, CRIMES, cap=30) as police:
        police.fault("status:500", times=99, path="crimes-no-location")
        with pytest.raises(SourceUnavailable):
            ingest_month_on_demand(2024, 1)
        police.clear_faults()
        police.forget_requests()
        assert ingest_month_on_demand(2024, 1)["records_ingested"] == 60
        assert police.calls("crimes-street/") == []
