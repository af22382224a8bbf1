from datetime import date

import numpy as np
import pytest

from jobs.scores.climbing.rows import (
    Accident,
    Route,
    WeatherDay,
    accident_columns,
    accident_kind,
    route_columns,
    tagged_grade,
)
from jobs.scores.model import KINDS

ROUTE = Route(1, "Ridge", 2, "Peak", "5.8", "", None, None, "alpine", 46.0, 8.0, 3, 4000.0)
ACCIDENT = Accident(
    5,
    "AAC",
    "17",
    date(2024, 1, 10),
    "",
    46.0,
    8.0,
    "unknown",
    "climbing",
    "fatal",
    "Roped, grade:WI4",
    2,
    None,
    4000.0,
)


def weather(accident_id: int | None, day: str, temperature: float) -> WeatherDay:
    return WeatherDay(1, accident_id, date.fromisoformat(day), 46.0, 8.0, temperature, -1.0, 9.0, 3.0, 7.0, 0.5, 40.0)


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        ("Serious, Ice Climbing, Alpine/Mountaineering", "ice"),
        ("Mixed Climbing, Sport Climbing", "mixed"),
        ("Alpine/Mountaineering, Trad Climbing", "alpine"),
        ("Mountaineering", "alpine"),
        ("Trad Climbing, Sport Climbing", "sport"),
        ("Trad Climbing, Sport", "trad"),
        ("Traditional", "trad"),
        ("Aid Climbing, Bouldering", "aid"),
        ("Bouldering, Roped", "boulder"),
        ("Roped, grade:5.11", "sport"),
        ("Roped, grade:5.15c", "sport"),
        ("grade:5.10d", "trad"),
        ("grade:5.1", "trad"),
        ("grade:5.9 A2", "trad"),
        ("grade:WI4, Roped", "trad"),
        ("Unroped", "trad"),
        ("Sport | no ice axe, Ice Climbing before", "ice"),
    ],
)
def test_the_tags_say_the_kind_first_of_all(tags, kind):
    assert KINDS[accident_kind(tags, "avalanche", "skier")] == kind


@pytest.mark.parametrize(
    ("tags", "accident_type", "activity", "kind"),
    [
        ("", "ice_fall", "skier", "ice"),
        ("Icefall / Serac", "avalanche", "climber", "alpine"),
        ("Sport", "Rockfall", "climber", "alpine"),
        ("grade:5.0", "roped_climbing", "ski", "trad"),
        ("grade:5.16", "rappel_failure", "ski", "trad"),
        ("sex:Male", "solo", "climbing", "alpine"),
        ("sex:Male", "fall", "Backcountry Climber", "alpine"),
        ("", "fall", "Climber", "trad"),
        ("", "unknown", "rock climbing", "trad"),
        ("", "unknown", "mountaineer", "alpine"),
        ("", "unknown", "canyoneering", "trad"),
        ("", "unknown", "skier", "alpine"),
        ("cause:Fall", "fall", "hiker", "default"),
        ("", "", "", "default"),
    ],
)
def test_then_the_type_and_then_the_activity_say_it(tags, accident_type, activity, kind):
    assert KINDS[accident_kind(tags, accident_type, activity)] == kind


def test_the_grade_is_the_one_tagged_as_such():
    assert tagged_grade("Serious, Roped, grade:5.10a") == "5.10a"
    assert tagged_grade("Serious, Roped") is None


def test_a_route_takes_its_grade_else_its_yosemite_grade():
    graded = Route(1, "", None, "", "Grade III 5.4", "5.4", None, None, "", None, None, 0, None)
    assert graded.difficulty == 4
    assert ROUTE.difficulty == 8


def test_routes_become_columns_with_nan_for_what_is_unknown():
    other = Route(2, "", None, "", "", "", None, None, "unknown", 46.0, 8.0, 0, None)
    columns = route_columns([ROUTE, other])
    assert columns.place_lat.tolist() == [46.0]
    assert [KINDS[kind] for kind in columns.kind] == ["alpine", "default"]
    assert columns.elevation_m == pytest.approx([4000.0, np.nan], nan_ok=True)
    assert columns.difficulty == pytest.approx([8.0, np.nan], nan_ok=True)


def test_accident_weather_is_sorted_into_the_seven_days_that_end_on_the_accident():
    days = [weather(5, f"2024-01-{day:02}", float(day)) for day in (10, 4, 6, 5, 9, 7, 8, 3, 11)]
    others = [weather(None, "2024-01-10", 99.0), weather(77, "2024-01-10", 99.0)]
    columns = accident_columns([ACCIDENT], days + others)
    assert columns.windows.days.tolist() == [7]
    assert columns.windows.values[0, :, 0].tolist() == [4, 5, 6, 7, 8, 9, 10]
    assert columns.windows.values[0, 0, 1:].tolist() == [0.5, 7.0, 10_000.0, 40.0, -1.0, 9.0]
    assert columns.difficulty.tolist() == pytest.approx([9.6])


def test_an_accident_without_weather_has_a_missing_pattern():
    assert accident_columns([ACCIDENT], []).windows.days.tolist() == [0]
