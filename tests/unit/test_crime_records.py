"""What becomes of a record of the source: a crime, set aside with its reason, or the end of the month."""

import datetime as dt
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.areas import from_box
from jobs.http import SourceChanged, SourceUnavailable
from jobs.ingestion.police import Tile
from jobs.ingestion.records import Answer, Reader

AREA = from_box("test", "Test", (50.85, -1.5, 50.97, -1.3), ())
PLACE: dict[str, Any] = {
    "latitude": "50.912345",
    "longitude": "-1.401234",
    "street": {"id": 1289151, "name": "On or near High Street"},
}


def reader(*categories: str) -> Reader:
    return Reader(dt.date(2024, 1, 1), frozenset(categories or ("burglary", "drugs")), Answer())


def record(number: int = 1, **fields: Any) -> dict[str, Any]:
    """A record as the API writes it."""
    plain = {
        "category": "burglary",
        "location_type": "Force",
        "location": PLACE,
        "context": "",
        "outcome_status": {"category": "Under investigation", "date": "2024-02"},
        "persistent_id": "a" * 64,
        "id": number,
        "location_subtype": "",
        "month": "2024-01",
    }
    return {**plain, **fields}


def without(field: str) -> dict[str, Any]:
    return {name: value for name, value in record().items() if name != field}


def at(latitude: Any, longitude: Any, **street: Any) -> dict[str, Any]:
    return {"latitude": latitude, "longitude": longitude, "street": {**PLACE["street"], **street}}


def good(count: int, first: int = 1000) -> list[dict[str, Any]]:
    return [record(number) for number in range(first, first + count)]


def test_every_field_of_a_record_is_kept() -> None:
    (crime,) = reader().placed([record()], AREA)
    assert (crime.category, crime.lat, crime.lng, crime.api_id) == ("burglary", 50.912345, -1.401234, 1)
    assert (crime.street_id, crime.street_name, crime.location_type) == (1289151, "On or near High Street", "Force")
    assert (crime.persistent_id, crime.outcome, crime.outcome_month) == (
        "a" * 64,
        "Under investigation",
        dt.date(2024, 2, 1),
    )


def test_what_the_source_leaves_empty_is_empty_here() -> None:
    (crime,) = reader().placed([record(outcome_status=None, persistent_id="", location_type=None)], AREA)
    assert (crime.outcome, crime.outcome_month, crime.persistent_id, crime.location_type) == (None, None, None, None)


def test_a_crime_without_a_place_has_no_street() -> None:
    (crime,) = reader().unplaced([record(location=None, location_type=None)])
    assert (crime.lat, crime.lng, crime.street_id, crime.street_name) == (None, None, None, "")


def test_crimes_just_outside_of_the_area_are_left_out_and_are_no_fault() -> None:
    here = reader()
    assert here.placed([record(1, location=at("50.97", "-1.4")), record(2, location=at("50.85", "-1.4"))], AREA) == (
        here.placed([record(3, location=at("50.9", "-1.3"))], AREA)
        + reader().placed([record(2, location=at("50.85", "-1.4"))], AREA)
    )
    assert (here.answer.outside, here.answer.set_aside, here.answer.issues.as_list()) == (2, 0, [])


def test_a_record_on_the_seam_of_two_tiles_counts_once() -> None:
    here = reader()
    south, west, north, east = AREA.bounds
    lat, lng = (south + north) / 2, (west + east) / 2
    seams = [(lat, lng), (lat, lng - 0.01), (lat, lng + 0.01), (lat - 0.01, lng), (lat + 0.01, lng)]
    # Each tile gets all of them, and the source has given them new ids in between.
    sent = [
        [record(5 * turn + number, location=at(*map(str, point))) for number, point in enumerate(seams)]
        for turn in range(4)
    ]
    tiles = Tile(AREA.bounds).quadrants()
    crimes = [crime for tile, raw in zip(tiles, sent, strict=True) for crime in here.placed(raw, AREA, tile)]
    assert sorted((crime.lat, crime.lng) for crime in crimes) == sorted(seams)


def test_an_id_that_stands_twice_in_one_response_is_one_crime_and_is_said() -> None:
    here = reader()
    assert [crime.api_id for crime in here.placed([record(1), record(2), record(1)], AREA)] == [1, 2]
    assert here.answer.issues.as_list()[0]["issue"] == "set aside: the same id twice in one response"


@given(
    points=st.lists(st.tuples(st.floats(50.85, 51.0), st.floats(-1.55, -1.3)), min_size=1, max_size=20),
    splits=st.lists(st.integers(0, 20), max_size=6),
)
def test_however_the_box_is_split_every_point_counts_for_one_tile(
    points: list[tuple[float, float]], splits: list[int]
) -> None:
    tiles = [Tile(AREA.bounds)]
    for split in splits:
        chosen = tiles.pop(split % len(tiles))
        tiles += chosen.quadrants()
    # Corners and middles of the tiles are where they meet.
    corners = [(lat, lng) for tile in tiles for lat in tile.box[::2] for lng in tile.box[1::2]]
    lat, lng = np.array([*points, *corners]).T
    assert (np.sum([tile.holds(lat, lng) for tile in tiles], axis=0) == 1).all()


def test_records_that_differ_in_nothing_but_their_id_are_all_crimes() -> None:
    assert len(reader().placed([record(1), record(2), record(3)], AREA)) == 3


UNREADABLE = [
    (without("category"), "category"),
    (without("month"), "month"),
    (without("id"), "id"),
    (without("location"), "location"),
    (record(id="abc"), "id"),
    (record(id=2**63), "id"),
    (record(persistent_id=None), "persistent_id"),
    (record(location=at("north", "-1.4")), "location.latitude"),
    (record(location=at("nan", "-1.4")), "location.latitude"),
    (record(location=at("91", "-1.4")), "location.latitude"),
    (record(location=at("50.9", "-181")), "location.longitude"),
    (record(location=at("50.9", "-1.4", name=None)), "location.street.name"),
    (record(location=at("50.9", "-1.4", name="High\0Street")), "location.street.name"),
    (record(location=at("50.9", "-1.4", name="High\ud800Street")), "location.street.name"),
    (record(outcome_status={"category": "Charged"}), "outcome_status.date"),
    (record(outcome_status={"category": "Charged", "date": "2024-13"}), "outcome_status.date"),
    (record(outcome_status={"category": "Charged", "date": "٢٠٢٤-01"}), "outcome_status.date"),
    ("no record", "(all)"),
    (None, "(all)"),
]


@pytest.mark.parametrize(("bad", "field"), UNREADABLE)
def test_one_record_that_cannot_be_read_is_set_aside_with_its_reason(bad: Any, field: str) -> None:
    here = reader()
    assert len(here.placed([*good(20), bad], AREA)) == 20
    assert here.answer.set_aside == 1
    (issue,) = here.answer.issues.as_list()
    assert (issue["issue"], issue["count"]) == (f"set aside: {field} cannot be read", 1)
    assert issue["example"].isascii()


def test_a_record_with_a_place_where_none_belongs_is_set_aside_and_so_is_the_reverse() -> None:
    for here, crimes in (
        (one := reader(), one.placed([*good(3), record(location=None)], AREA)),
        (two := reader(), two.unplaced([record(number, location=None) for number in range(2, 5)] + [record()])),
    ):
        assert (len(crimes), here.answer.set_aside) == (3, 1)
        assert here.answer.issues.as_list()[0]["issue"].startswith("set aside: a place where there should be none")


@pytest.mark.parametrize(("fine", "bad"), [(1, 1), (4, 4), (10, 10), (990, 10), (3960, 40)])
def test_a_few_bad_records_are_borne(fine: int, bad: int) -> None:
    here = reader()
    assert len(here.placed([*good(fine), *[without("id")] * bad], AREA)) == fine
    assert (here.answer.set_aside, here.answer.issues.as_list()[0]["count"]) == (bad, bad)


@pytest.mark.parametrize(("fine", "bad"), [(0, 2), (4, 5), (10, 11), (989, 11), (3959, 41)])
def test_many_bad_records_are_a_format_that_changed(fine: int, bad: int) -> None:
    with pytest.raises(SourceChanged, match=rf"{bad} of {fine + bad} records of 2024-01 cannot be read; .*id cannot"):
        reader().placed([*good(fine), *[without("id")] * bad], AREA)


def test_a_record_of_another_month_stops_the_month_and_may_pass() -> None:
    with pytest.raises(SourceUnavailable, match="returned 2024-02 instead of 2024-01: nothing was ingested"):
        reader().placed([record(month="2024-02")], AREA)


def test_a_crime_of_an_unknown_category_is_set_aside_with_what_it_needs_to_come_in() -> None:
    here = reader()
    outside = record(2, category="hoverboard-theft", location=at("50.98", "-1.4"))
    odd = record(1, category="hoverboard-theft")
    assert here.placed([odd, outside, *good(3)], AREA) == reader().placed(good(3), AREA)
    (aside,) = here.answer.aside
    assert (aside.reason, aside.category) == ("unknown category hoverboard-theft", "hoverboard-theft")
    assert (aside.lat, aside.lng, json.loads(aside.record)) == (50.912345, -1.401234, odd)
    assert here.answer.outside == 1


def test_a_category_that_is_no_slug_cannot_be_read() -> None:
    here = reader()
    assert here.unplaced([record(location=None, category="Half a <b>")]) == []
    assert here.answer.aside[0].reason == "category cannot be read"


def test_a_field_that_nobody_knows_is_signalled_and_the_crime_is_kept() -> None:
    here = reader()
    assert len(here.placed([record(1, weather="rain"), record(2, weather="sun")], AREA)) == 2
    assert here.answer.issues.as_list() == [{"issue": "unknown field weather", "count": 2, "example": '"rain"'}]
    assert here.answer.set_aside == 0
