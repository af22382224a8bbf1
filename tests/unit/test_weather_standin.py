"""The weather stand-in keeps the documented habits of Open-Meteo."""

import datetime as dt
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.standins.weather import WeatherStandin, daily
from tests.standins.weather.api import Limits

TODAY = dt.datetime.now(dt.UTC).date()
ASKED = {
    "latitude": "45.37,46.85",
    "longitude": "-121.7,-121.76",
    "daily": "temperature_2m_mean,wind_speed_10m_max",
    "start_date": str(TODAY),
    "end_date": str(TODAY + dt.timedelta(days=1)),
    "timezone": "auto",
}


@pytest.fixture
def weather() -> Iterator[WeatherStandin]:
    with WeatherStandin() as standin:
        yield standin


def get(weather: WeatherStandin, call: str = "forecast", **parameters: str) -> requests.Response:
    return requests.get(f"{weather.url}/{call}", params=ASKED | parameters, timeout=10)


def test_several_places_are_a_list_in_their_order_and_one_is_itself(weather: WeatherStandin) -> None:
    several: list[dict[str, Any]] = get(weather).json()
    assert [place["latitude"] for place in several] == [45.37, 46.85]
    one = get(weather, latitude="46.85", longitude="-121.76").json()
    assert one["daily"] == several[1]["daily"]
    assert one["daily"]["time"] == [ASKED["start_date"], ASKED["end_date"]]


def test_the_weather_depends_on_place_and_day_alone(weather: WeatherStandin) -> None:
    told = get(weather, latitude="46.85", longitude="-121.76", wind_speed_unit="ms").json()["daily"]
    with WeatherStandin() as another:
        again = get(
            another,
            "archive",
            latitude="46.85",
            longitude="-121.76",
            end_date=ASKED["start_date"],
            wind_speed_unit="ms",
        )
    assert again.json()["daily"]["temperature_2m_mean"] == told["temperature_2m_mean"][:1]
    assert told["wind_speed_10m_max"][0] == daily(46.85, -121.76, TODAY)["wind_speed_10m_max"]
    assert told["temperature_2m_mean"][0] != told["temperature_2m_mean"][1]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"latitude": "45.37"}, "same number of elements"),
        ({"latitude": "95,1"}, "range of -90 to 90"),
        ({"latitude": "north,1"}, "Float"),
        ({"daily": "sunshine"}, "invalid String value sunshine"),
        ({"start_date": "2026-13-01"}, "start_date"),
        ({"end_date": "2000-01-01"}, "out of allowed range"),
        ({"end_date": str(TODAY + dt.timedelta(days=16))}, "out of allowed range"),
        ({"latitude": ",".join(["1"] * 1001), "longitude": ",".join(["1"] * 1001)}, "1000 locations"),
    ],
)
def test_a_wrong_request_is_400_with_its_reason(weather: WeatherStandin, wrong: dict[str, str], reason: str) -> None:
    answer = get(weather, **wrong)
    assert answer.status_code == 400
    assert answer.json()["error"] is True
    assert reason in answer.json()["reason"]


def test_limits_are_weighted_by_places_and_days() -> None:
    with WeatherStandin(limits=Limits(minutely=None, hourly=None, daily=10)) as weather:
        long_ago = str(TODAY - dt.timedelta(days=55))
        assert get(weather, "archive", start_date=long_ago, end_date=str(TODAY)).status_code == 200  # 2 places x 4
        refused = get(weather, latitude="1,2,3", longitude="1,2,3")
        assert refused.status_code == 429
        assert refused.json()["reason"] == "Daily API request limit exceeded. Please try again tomorrow."
        assert get(weather).status_code == 200
        assert [round(call.calls, 2) for call in weather.requests] == [8, 3, 2]


def test_faults_are_shown_once_each(weather: WeatherStandin) -> None:
    weather.fault("status:502")
    weather.fault("nulls")
    assert [get(weather).status_code for _ in range(2)] == [502, 200]
    weather.fault("fewer-places")
    assert [len(get(weather).json()) for _ in range(2)] == [1, 2]


def test_it_runs_as_a_process_until_it_is_told_to_end() -> None:
    command = [sys.executable, "-m", "tests.standins.weather", "--port", "0", "--minutely", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        statuses = [requests.get(f"{url}/forecast", params=ASKED, timeout=10).status_code for _ in range(2)]
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert statuses[0] == 200


def test_single_variables_and_days_are_null_to_order(weather: WeatherStandin) -> None:
    weather.fault("nulls:wind_speed_10m_max@1")
    for place in get(weather).json():
        assert [value is None for value in place["daily"]["wind_speed_10m_max"]] == [False, True]
        assert None not in place["daily"]["temperature_2m_mean"]
    weather.fault("nulls:temperature_2m_mean")
    assert [place["daily"]["temperature_2m_mean"] for place in get(weather).json()] == [[None, None]] * 2
    weather.fault("nulls:@0")
    assert [value is None for value in get(weather).json()[0]["daily"]["wind_speed_10m_max"]] == [True, False]
    assert None not in get(weather).json()[0]["daily"]["wind_speed_10m_max"]
