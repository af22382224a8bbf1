"""A month comes in as the source has it, and stays so until it is replaced."""

import datetime as dt
from collections import Counter
from typing import Any

import h3
import pytest

from jobs import areas
from jobs.areas import AreaError
from jobs.context import Context
from jobs.held import land
from jobs.ingestion.run import (
    NoAreas,
    UnpublishedMonth,
    ingest_latest_crime_data,
    ingest_month_on_demand,
)
from jobs.months import add_months, month_text, parse_month
from tests.integration.crimes import MONTH, change, crime, point_at, rows, scattered, served, unplaced, value
from tests.standins.police import PoliceStandin, Synthetic

HELD = "SELECT area, to_char(month, 'YYYY-MM'), records FROM area_months ORDER BY month, area"


def in_first_area(record: dict[str, Any]) -> bool:
    place = record["location"]
    return place is not None and (
        50.85 <= float(place["latitude"]) < 51.0 and -1.55 <= float(place["longitude"]) < -1.3
    )


def test_a_month_of_synthetic_crimes_comes_in_whole(here: Context) -> None:
    with PoliceStandin(Synthetic(1, MONTH)) as police:
        point_at(here, police)
        result = ingest_month_on_demand(2024, 1)
        offered = police.crimes(MONTH) + police.crimes(MONTH, "btp")
    placed = [record for record in offered if in_first_area(record)]
    categories = Counter(record["category"] for record in placed)
    assert (result["task"], result["month"], result["status"]) == ("ingest_month_on_demand", "2024-01-01", "success")
    assert result["records_ingested"] == len(placed) > 3000
    (month,) = result["results"]
    assert month["categories"] == categories
    assert month["records_unplaced"] == sum(not record["location"] for record in police.crimes(MONTH)) > 0
    assert "(synthetic)" in month["source"]
    held = rows(here.connection, "SELECT api_id, category, latitude, longitude, street_name FROM placed_crimes")
    assert sorted(held) == sorted(
        (
            record["id"],
            record["category"],
            float(record["location"]["latitude"]),
            float(record["location"]["longitude"]),
            record["location"]["street"]["name"],
        )
        for record in placed
    )


def test_the_run_of_a_month_is_noted_with_what_it_brought(here: Context) -> None:
    here.run_id = "some-run"
    with served(here, [*scattered(count=20), unplaced(), unplaced()]) as police:
        ingest_month_on_demand(2024, 1)
        asked = sum(len(police.calls(path)) for path in ("crimes-street/", "no-location", "last-updated"))
    query = "SELECT run_id, status, records, unplaced, set_aside, requests, h3_resolution FROM ingestion_runs"
    assert rows(here.connection, query) == [("some-run", "success", 20, 2, 0, asked, 10)]


def test_each_crime_lies_in_its_cell_at_the_resolution_that_is_set(here: Context) -> None:
    here.settings = here.settings.model_copy(update={"h3_resolution": 8})
    with served(here, scattered()):
        (month,) = ingest_month_on_demand(2024, 1)["results"]
    held = rows(here.connection, "SELECT to_hex(h3_cell), latitude, longitude FROM placed_crimes")
    assert all(cell == h3.latlng_to_cell(lat, lng, 8) for cell, lat, lng in held)
    assert month["occupied_cells"] == len({cell for cell, _, _ in held}) > 1


def test_crimes_without_a_place_are_held_apart_with_their_force(here: Context) -> None:
    with served(here, [crime(), unplaced(category="drugs"), unplaced(), unplaced(force="dorset")]):
        result = ingest_month_on_demand(2024, 1)
    assert (result["records_ingested"], result["results"][0]["records_unplaced"]) == (1, 2)
    assert value(here.connection, "SELECT count(*) FROM crime_incidents") == 1
    query = "SELECT force, category FROM unplaced_crimes ORDER BY category"
    assert rows(here.connection, query) == [
        ("hampshire", "burglary"),
        ("hampshire", "drugs"),
    ]


def test_texts_of_the_source_are_kept_letter_by_letter(here: Context) -> None:
    name = 'O\'Neill\\\t"Straße"\r\n\\N \\. NULL'
    place = {"latitude": "50.91", "longitude": "-1.4", "street": {"id": 7, "name": name}}
    with served(here, [{"month": MONTH, "location": place}]):
        ingest_month_on_demand(2024, 1)
    assert value(here.connection, "SELECT street_name FROM placed_crimes") == name


def test_crimes_of_years_with_other_categories_come_in(here: Context) -> None:
    crimes = [crime("2012-03", category="public-disorder-weapons"), crime("2010-12", category="violent-crime")]
    with served(here, crimes):
        for year, month in ((2012, 3), (2010, 12)):
            assert ingest_month_on_demand(year, month)["records_ingested"] == 1


def test_latest_takes_every_month_of_the_last_twelve_that_is_not_held_newest_first(here: Context) -> None:
    months = [month_text(add_months(parse_month(MONTH), -back)) for back in range(14)]
    with served(here, [crime(month) for month in months]) as police:
        ingest_month_on_demand(2023, 11)
        police.forget_requests()
        result = ingest_latest_crime_data()
        wanted = [month for month in months[:12] if month != "2023-11"]
        assert [call.month for call in police.calls("crimes-street/")] == wanted
        assert [month["month"] for month in result["results"]] == [f"{month}-01" for month in wanted]
        assert (result["task"], result["total_records"]) == ("ingest_latest_crime_data", 11)
        police.forget_requests()
        assert ingest_latest_crime_data() == {"task": result["task"], "total_records": 0, "results": []}
        # The second says that nothing that is held is of an older release.
        assert [call.path for call in police.requests] == ["/api/crimes-street-dates", "/api/crime-last-updated"]


def test_latest_asks_for_no_month_that_is_not_on_offer(here: Context) -> None:
    with served(here, [crime("2023-11"), crime("2023-12"), crime(MONTH)], published=["2023-11", "2024-01"]) as police:
        ingest_latest_crime_data()
        assert {call.month for call in police.calls("crimes-street/")} == {"2023-11", "2024-01"}
        police.publish("2023-12")
        assert [month["month"] for month in ingest_latest_crime_data()["results"]] == ["2023-12-01"]


def test_on_demand_replaces_the_whole_month_by_its_revision(here: Context) -> None:
    first = [crime(id=1, category="burglary"), crime(id=2, persistent_id="b" * 64), crime(id=3), unplaced(id=4)]
    with served(here, [*first, crime("2023-12")]) as police:
        ingest_latest_crime_data()
        outcome = {"category": "Charged", "date": "2024-03"}
        police.revise(
            MONTH,
            change={1: {"category": "robbery"}, 2: {"outcome_status": outcome, "latitude": 50.93, "longitude": -1.42}},
            remove=[3, 4],
            add=[crime(category="drugs")],
            renumber=True,
        )
        assert ingest_latest_crime_data()["results"] == []
        assert ingest_month_on_demand(2024, 1)["records_ingested"] == 3
    query = "SELECT category, latitude, persistent_id, outcome, outcome_month FROM placed_crimes WHERE month = :month"
    assert sorted(rows(here.connection, query, month=dt.date(2024, 1, 1))) == [
        ("burglary", 50.93, "b" * 64, "Charged", dt.date(2024, 3, 1)),
        ("drugs", 50.91, None, None, None),
        ("robbery", 50.91, None, None, None),
    ]
    assert value(here.connection, "SELECT count(*) FROM unplaced_crimes") == 0
    assert rows(here.connection, HELD) == [("southampton-core", "2023-12", 1), ("southampton-core", "2024-01", 3)]
    assert value(here.connection, "SELECT count(*) FROM ingestion_runs") == 3


def test_a_month_that_is_not_on_offer_is_refused_with_what_is(here: Context) -> None:
    with (
        served(here, [crime("2023-11"), crime(MONTH)]),
        pytest.raises(UnpublishedMonth, match=r"Month 2024-02 is not published: .* has 2023-11 to 2024-01"),
    ):
        ingest_month_on_demand(2024, 2)


def test_a_month_that_its_force_supplied_in_part_is_held_and_noted(here: Context) -> None:
    usual = [crime(month) for month in ("2023-10", "2023-11", "2023-12") for _ in range(100)]
    with served(here, [*usual, *[crime() for _ in range(20)]]):
        results = ingest_latest_crime_data()["results"]
        (month,) = ingest_month_on_demand(2024, 1)["results"]
    assert month["records_ingested"] == 20
    (issue,) = month["issues"]
    assert issue == {
        "issue": "hampshire is partial: 20 crimes; months around it: median 100, highest 100",
        "count": 20,
        "example": "",
        "force": "hampshire",
        "status": "partial",
    }
    assert [result["issues"] for result in results] == [[], [], [], []]
    assert value(here.connection, "SELECT issues FROM ingestion_runs ORDER BY id DESC LIMIT 1") == [issue]


def test_snapshots_of_the_grid_are_dropped_when_crimes_change_and_other_keys_stay(here: Context) -> None:
    for key in ("safety:snapshot:1:abc", "safety:snapshot:2:def", "safety_score:7:2024-01-01"):
        here.cache.set(key, "x")
    with served(here, [crime()]):
        ingest_month_on_demand(2024, 1)
    assert here.cache.keys("safety[_:]*") == [b"safety_score:7:2024-01-01"]


def test_without_any_area_nothing_is_asked_and_the_remedy_is_said(here: Context) -> None:
    change(here.connection, "DELETE FROM areas")
    with served(here, [crime()]), pytest.raises(NoAreas, match="safegrid area add"):
        ingest_latest_crime_data()


def test_an_unknown_area_is_refused_with_the_areas_there_are(here: Context) -> None:
    with served(here, [crime()]), pytest.raises(AreaError, match=r"no area eastleigh\. Areas: southampton-core"):
        ingest_month_on_demand(2024, 1, area="eastleigh")


def test_one_area_alone_can_be_asked_for(here: Context) -> None:
    with here.connection.begin():
        land.add(here.connection, areas.from_box("north", "North", (51.0, -1.55, 51.1, -1.3), ()))
    with served(here, [crime(), crime(latitude=51.0)]):
        assert ingest_month_on_demand(2024, 1, area="north")["records_ingested"] == 1
        assert rows(here.connection, HELD) == [("north", "2024-01", 1)]
        assert [month["area"] for month in ingest_latest_crime_data()["results"]] == ["southampton-core"]
