"""What the source does wrong: waited out, or raised. It never becomes a month with fewer crimes."""

from typing import Any

import pytest

from jobs.context import Context
from jobs.errors import JobError, PermanentError
from jobs.http import SourceChanged, SourceUnavailable
from jobs.ingestion.backfill import backfill_crime_data
from jobs.ingestion.guards import SmallerMonth
from jobs.ingestion.police import Police, Tile
from jobs.ingestion.run import IncompleteIngestion, ingest_latest_crime_data, ingest_month_on_demand
from jobs.months import parse_month
from jobs.validation import validate_h3_grid_health
from tests.integration.crimes import MONTH, Crime, crime, point_at, rows, scattered, served, unplaced, value
from tests.standins.police import PoliceStandin, Records

CALLS = ["crimes-street-dates", "forces", "crimes-street/", "crimes-no-location"]
PASSING = [
    "drip",
    "drip-headers",
    "endless",
    "outage",
    "status:429",
    "status:500",
    "status:502",
    "reset",
    "truncated",
    "html",
    "slow:0.5",
]
STAYING = ["status:429", "status:500", "reset", "truncated", "outage", "html", "wrong-month"]


def crimes_of(month: str = MONTH) -> list[Crime]:
    return [*scattered(month, 30), unplaced(month), unplaced(month)]


def held(here: Context) -> list[tuple[Any, ...]]:
    query = "SELECT to_char(month, 'YYYY-MM'), count(*) FROM crime_incidents GROUP BY 1 ORDER BY 1"
    return rows(here.connection, query)


def failures(here: Context) -> list[tuple[Any, ...]]:
    is_held = "id IN (SELECT ingestion_id FROM area_months)"
    query = f"SELECT to_char(month, 'YYYY-MM'), {is_held}, records, error FROM ingestion_runs WHERE status = 'failed'"
    return rows(here.connection, f"{query} ORDER BY id")


@pytest.mark.parametrize(
    ("kind", "path"),
    [*((kind, "crimes-street/") for kind in PASSING), *(("truncated", path) for path in CALLS), ("outage", CALLS[3])],
)
def test_a_fault_that_passes_is_waited_out_and_loses_nothing(here: Context, kind: str, path: str) -> None:
    with served(here, crimes_of()) as police:
        point_at(here, police, police_timeout_s=0.3)
        police.fault(kind, times=2, path=path)
        result = ingest_month_on_demand(2024, 1)
        assert police.faults.pending() == []
    assert (result["records_ingested"], result["results"][0]["records_unplaced"]) == (30, 2)
    assert (held(here), failures(here)) == ([(MONTH, 30)], [])


@pytest.mark.parametrize(
    ("kind", "path"),
    [*((kind, "crimes-street/") for kind in STAYING), *((kind, "crimes-no-location") for kind in STAYING[-3:])],
)
def test_a_fault_that_stays_fails_the_month_and_what_is_held_stays(here: Context, kind: str, path: str) -> None:
    with served(here, crimes_of()) as police:
        ingest_month_on_demand(2024, 1)
        police.revise(MONTH, add=[crime(), unplaced()])
        police.fault(kind, times=99, path=path)
        with pytest.raises(SourceUnavailable):
            ingest_month_on_demand(2024, 1)
        assert held(here) == [(MONTH, 30)]
        ((month, current, records, error),) = failures(here)
        assert (month, current, records) == (MONTH, False, 0)
        assert police.url in error or "2023-12" in error
        police.clear_faults()
        ingest_month_on_demand(2024, 1)
    assert held(here) == [(MONTH, 31)]
    assert value(here.connection, "SELECT count(*) FROM unplaced_crimes") == 3


@pytest.mark.parametrize("status", [301, 400, 404])
def test_an_answer_that_waiting_cannot_better_is_not_asked_for_again(here: Context, status: int) -> None:
    with served(here, crimes_of()) as police:
        police.fault(f"status:{status}", path="crimes-street/")
        with pytest.raises(SourceChanged, match=f"crimes-street/all-crime responded with {status}"):
            ingest_month_on_demand(2024, 1)
        assert len(police.calls("crimes-street/")) == 1
    assert (held(here), len(failures(here))) == ([], 1)


@pytest.mark.parametrize("path", CALLS[2:])
def test_a_crime_of_an_unknown_category_is_set_aside_and_the_others_come_in(here: Context, path: str) -> None:
    with served(here, crimes_of()) as police:
        police.fault("unknown-category", path=path)
        (month,) = ingest_month_on_demand(2024, 1)["results"]
    assert month["records_ingested"] + month["records_unplaced"] == 31
    assert (month["change"], month["records_set_aside"]) == ("partial", 1)


@pytest.mark.parametrize("path", CALLS[2:])
@pytest.mark.parametrize(("kind", "field"), [("bad-record", "location.latitude"), ("bad-record:id", "id")])
def test_a_bad_record_is_set_aside_with_its_reason_and_the_others_come_in(
    here: Context, kind: str, field: str, path: str
) -> None:
    with served(here, crimes_of()) as police:
        police.fault(kind, path=path)
        (month,) = ingest_month_on_demand(2024, 1)["results"]
    assert month["records_ingested"] + month["records_unplaced"] == 31
    assert month["records_set_aside"] == 1
    assert value(here.connection, "SELECT set_aside FROM ingestion_runs") == 1
    query = "SELECT note->>'issue', note->>'count' FROM ingestion_runs, jsonb_array_elements(issues) AS note"
    ((issue, count),) = rows(here.connection, query)
    assert (issue.startswith(f"set aside: {field}"), count) == (True, "1")


def test_a_bad_record_that_no_database_could_keep_is_set_aside_too(here: Context) -> None:
    place = {"latitude": "50.91", "longitude": "-1.4", "street": {"id": 1, "name": "NUL \0 and half a letter \ud83d"}}
    with served(here, [*crimes_of(), {"month": MONTH, "location": place}]):
        (month,) = ingest_month_on_demand(2024, 1)["results"]
    assert (month["records_ingested"], month["records_set_aside"]) == (30, 1)


def test_records_in_another_form_fail_the_month(here: Context) -> None:
    place = {"latitude": "50.91", "longitude": "-1.4", "street": "High Street"}
    with (
        served(here, [{"month": MONTH, "location": place} for _ in range(30)]),
        pytest.raises(SourceChanged, match="30 of 30 records of 2024-01 cannot be read"),
    ):
        ingest_month_on_demand(2024, 1)
    assert (held(here), len(failures(here))) == ([], 1)


def test_a_month_that_is_on_offer_without_a_crime_is_not_believed(here: Context) -> None:
    with served(here, crimes_of()) as police:
        ingest_month_on_demand(2024, 1)
        police.revise(MONTH, remove=[record["id"] for record in police.crimes(MONTH)])
        with pytest.raises(JobError, match="no crimes for southampton-core in 2024-01, nor for places that always"):
            ingest_month_on_demand(2024, 1)
    assert held(here) == [(MONTH, 30)]


def test_a_month_that_came_to_have_much_less_is_kept_out_and_taken_when_somebody_says_so(here: Context) -> None:
    with served(here, crimes_of()) as police:
        ingest_month_on_demand(2024, 1)
        ids = [record["id"] for record in police.crimes(MONTH) if record["location"]]
        police.revise(MONTH, remove=ids[:-20])
        with pytest.raises(
            SmallerMonth, match=r"22 crimes .before: 32.*Nothing was changed.* again with accept_smaller"
        ):
            ingest_month_on_demand(2024, 1)
        assert held(here) == [(MONTH, 30)]
        assert "accept_smaller" in failures(here)[0][-1]
        ingest_month_on_demand(2024, 1, accept_smaller=True)
    assert held(here) == [(MONTH, 20)]


def test_a_month_without_a_category_that_it_had_is_kept_out(here: Context) -> None:
    crimes = [crime(category="burglary") for _ in range(10)] + [crime(category="drugs") for _ in range(200)]
    with served(here, crimes) as police:
        ingest_month_on_demand(2024, 1)
        police.revise(MONTH, remove=[one["id"] for one in police.crimes(MONTH) if one["category"] == "burglary"])
        with pytest.raises(SmallerMonth, match=r"no burglary .before: 10."):
            ingest_month_on_demand(2024, 1)
    assert held(here) == [(MONTH, 210)]


def test_a_month_whose_force_sends_no_crimes_without_a_place_any_more_is_kept_out(here: Context) -> None:
    with served(here, [*(crime() for _ in range(200)), *(unplaced() for _ in range(12))]) as police:
        ingest_month_on_demand(2024, 1)
        police.revise(MONTH, remove=[one["id"] for one in police.crimes(MONTH) if not one["location"]])
        with pytest.raises(SmallerMonth, match=r"no unplaced crimes of hampshire .before: 12."):
            ingest_month_on_demand(2024, 1)


def test_a_revision_that_takes_a_few_is_no_loss(here: Context) -> None:
    with served(here, [crime() for _ in range(40)]) as police:
        ingest_month_on_demand(2024, 1)
        police.revise(MONTH, remove=[one["id"] for one in police.crimes(MONTH)][:8])
        ingest_month_on_demand(2024, 1)
    assert held(here) == [(MONTH, 32)]


def test_a_release_during_a_pull_begins_it_anew_and_is_noted(here: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(here, [*crimes_of(), *crimes_of("2024-02")], cap=20) as police:
        police.published = [MONTH]
        pulled = Police.street_crimes

        def release_in_between(self: Police, *question: Any) -> Any:
            found = pulled(self, *question)
            if len(police.published) == 1:
                police.revise(MONTH, renumber=True)
                police.published = [MONTH, "2024-02"]
            return found

        monkeypatch.setattr(Police, "street_crimes", release_in_between)
        result = ingest_month_on_demand(2024, 1)
    assert (held(here), result["results"][0]["release"]) == ([(MONTH, 30)], "2024-02-01")
    assert value(here.connection, "SELECT to_char(release, 'YYYY-MM-DD') FROM ingestion_runs") == "2024-02-01"


def test_ids_that_change_in_the_middle_of_a_pull_lose_and_double_nothing(
    here: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(here, crimes_of(), cap=10) as police:
        asked = Police.street_crimes

        def renumber_each_time(self: Police, *question: Any) -> Any:
            found = asked(self, *question)
            police.revise(MONTH, renumber=True)
            return found

        monkeypatch.setattr(Police, "street_crimes", renumber_each_time)
        ingest_month_on_demand(2024, 1)
    assert held(here) == [(MONTH, 30)]


def test_the_failure_of_one_month_leaves_the_others_and_the_next_run_takes_just_that_one(here: Context) -> None:
    months = ["2023-11", "2023-12", "2024-01"]
    with served(here, [record for month in months for record in crimes_of(month)]) as police:
        police.fault("html", times=99, month="2023-12")
        with pytest.raises(
            IncompleteIngestion, match=r"1 of 3 months failed; the others are ingested.*not respond with JSON"
        ):
            ingest_latest_crime_data()
        assert held(here) == [("2023-11", 30), ("2024-01", 30)]
        assert [month for month, *_ in failures(here)] == ["2023-12"]
        police.clear_faults()
        police.forget_requests()
        assert [month["month"] for month in ingest_latest_crime_data()["results"]] == ["2023-12-01"]
        assert {call.month for call in police.calls("crimes-street/")} == {"2023-12"}
    assert [month for month, _ in held(here)] == months


def test_a_source_that_offers_no_months_is_asked_again_later_and_changes_nothing(
    here: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(here, crimes_of()):
        ingest_month_on_demand(2024, 1)
        monkeypatch.setattr(Police, "months", lambda _: [])
        with pytest.raises(JobError, match=r"lists no months\. Try again later") as raised:
            ingest_latest_crime_data()
        assert not isinstance(raised.value, PermanentError)
        with pytest.raises(PermanentError, match=r"2024-01 is not published: .* has nothing"):
            ingest_month_on_demand(2024, 1)
        assert any("lists no months" in issue for issue in validate_h3_grid_health()["issues"])
        assert backfill_crime_data()["months"] == []
    assert held(here) == [(MONTH, 30)]


def test_a_month_that_failed_is_not_held(here: Context) -> None:
    with served(here, [*crimes_of("2023-12"), *crimes_of()]) as police:
        police.fault("status:404", path="crimes-street/", month=MONTH)
        with pytest.raises(PermanentError, match="1 of 2 months failed"):
            ingest_latest_crime_data()
        assert validate_h3_grid_health()["coverage"]["missing_months"] == ["2024-01-01"]
        assert [one["month"] for one in ingest_latest_crime_data()["results"]] == ["2024-01-01"]


def test_a_source_that_offers_no_months_in_a_known_form_is_said_to_have_changed(here: Context) -> None:
    with PoliceStandin(Records(crimes_of()), rate=None) as police:
        # The query swallows what is asked for: every answer is that of this call.
        point_at(here, police, police_api_base_url=f"{police.url}/crime-last-updated?")
        with pytest.raises(SourceChanged, match="did not respond with a list, as documented"):
            ingest_latest_crime_data()


def test_a_service_that_is_down_is_not_taken_for_too_many_crimes(here: Context) -> None:
    with served(here, crimes_of()) as police:
        police.fault("outage", path="crimes-street/|crime-last-updated")
        tile = Tile((50.85, -1.55, 51.0, -1.3))
        with pytest.raises(SourceUnavailable, match="responded with 503"):
            Police.of(here.settings).street_crimes(tile, parse_month(MONTH), len)
        assert len({call.parameters["poly"] for call in police.calls("crimes-street/")}) == 1


def snapshot(here: Context) -> list[tuple[Any, ...]]:
    query = "SELECT category, latitude, longitude, h3_cell, api_id FROM placed_crimes ORDER BY api_id"
    return rows(here.connection, query)


def test_what_comes_in_quadrants_is_what_comes_in_one(here: Context) -> None:
    # Some on the seams of the quadrants, in the corners and on the sides of the area.
    seams = [crime(latitude=50.925, longitude=lng) for lng in (-1.55, -1.4875, -1.425, -1.3625)]
    seams += [crime(latitude=lat, longitude=-1.425) for lat in (50.85, 50.8875, 50.9625, 50.999999)]
    with served(here, [*crimes_of(), *seams]) as police:
        (whole,) = ingest_month_on_demand(2024, 1)["results"]
        in_one = snapshot(here)
        police.settings.cap = 9
        (parts,) = ingest_month_on_demand(2024, 1)["results"]
        asked = [call.status for call in police.calls("crimes-street/")][1:]
    assert in_one == snapshot(here)
    assert len(in_one) == 38
    assert (whole["change"], parts["change"]) == ("ingested", "unchanged")
    again = {"requests": 0, "records_outside": 0, "change": "", "difference": None}
    assert {**parts, **again} == {**whole, **again}
    # Each refusal has four parts in its place.
    assert len(asked) == 1 + 4 * asked.count(503) > 5


def test_a_point_with_more_crimes_than_the_source_gives_ends_the_search(here: Context) -> None:
    with served(here, [crime() for _ in range(20)], cap=10) as police:
        with pytest.raises(SourceUnavailable, match="refuses 2024-01 for even the smallest tile"):
            ingest_month_on_demand(2024, 1)
        assert len(police.calls("crimes-street/")) < 50
    assert held(here) == []


def test_a_source_that_limits_its_clients_is_asked_again_until_all_is_there(here: Context) -> None:
    with served(here, crimes_of(), cap=15, rate=10, burst=2) as police:
        point_at(here, police, retry_wait_s=0.05, police_rate=15)
        assert ingest_month_on_demand(2024, 1)["records_ingested"] == 30
        assert 429 in [call.status for call in police.requests]
