"""The job that keeps scores warm, from the tables and the weather service to the keys in Redis."""

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pytest
from redis import Redis
from sqlalchemy import Connection, Engine, text

from jobs.context import Context
from jobs.errors import Stopped
from jobs.scores import store
from jobs.scores.climbing.csv_folder import read_folder
from jobs.scores.climbing.rows import accident_columns, route_columns
from jobs.scores.days import days_from, today
from jobs.scores.fill import fill_climatology
from jobs.scores.risk.outlook import Outlook
from jobs.scores.serving import Serving
from jobs.scores.warm import warm_popular_routes_cache
from jobs.scores.weather.climatology import Climatology, MonthlyHistory
from jobs.scores.weather.windows import Windows
from tests.integration.warm import job_context
from tests.standins.weather import WeatherStandin, daily
from tests.unit import reference_risk as plain
from tests.unit.warming_outlooks import plain_accidents, plain_history, plain_routes, plain_windows
from worker.settings import Settings

ROUTES = 60
KEYS = {
    "task",
    "status",
    "routes_processed",
    "dates_per_route",
    "total_warmed",
    "total_failed",
    "weather_unavailable",
    "cloud_cover_assumed",
    "seconds",
}


IN_ORDER_OF_FIELDS = (
    "temperature_2m_mean",
    "precipitation_sum",
    "wind_speed_10m_max",
    "no visibility",
    "cloud_cover_mean",
    "temperature_2m_min",
    "temperature_2m_max",
)


def scores(cache: Redis) -> dict[str, dict]:
    keys = sorted(cache.keys("safety_score:*"))
    return {key.decode(): json.loads(value) for key, value in zip(keys, cache.mget(keys), strict=True)}


def use(here: Context, **values: object) -> None:
    here.settings = here.settings.model_copy(update=values)


def test_every_route_is_warm_for_seven_days_under_the_contracts_keys(here: Context) -> None:
    result = warm_popular_routes_cache()
    assert set(result) == KEYS
    assert result["status"] == "success"
    assert (result["routes_processed"], result["dates_per_route"]) == (ROUTES, 7)
    assert (result["total_warmed"], result["total_failed"], result["weather_unavailable"]) == (ROUTES * 7, 0, 0)
    held = scores(here.cache)
    days = [str(day) for day in days_from(today(), 7)]
    assert set(held) == {f"safety_score:{route}:{day}" for route in range(1, ROUTES + 1) for day in days}
    one = held[f"safety_score:1:{days[0]}"]
    assert list(one) == [
        "route_id",
        "route_name",
        "target_date",
        "risk_score",
        "color_code",
        "computed_at",
        "risk_uncapped",
        "history",
    ]
    assert (one["route_id"], one["target_date"], one["history"]) == (1, days[0], "unavailable")
    assert one["route_name"] == "Granite Dome Route 1 (synthetic)"
    assert dt.datetime.fromisoformat(one["computed_at"]).tzinfo is not None
    assert 21_500 < here.cache.ttl(f"safety_score:1:{days[0]}") <= 21_600


def test_what_is_held_is_what_the_plain_loops_compute(here: Context, tmp_path: Path) -> None:
    files = read_folder(tmp_path)
    fill_climatology()
    warm_popular_routes_cache()
    with here.connection.begin():
        routes = store.popular_routes(here.connection, "all")
    columns, first = route_columns(routes), today()
    outlook = Outlook(
        columns,
        np.array(days_from(first, 7), dtype="datetime64[D]"),
        accident_columns(files.accidents, files.weather),
        Windows.rolling(
            [_weather_of(lat, lng, first) for lat, lng in zip(columns.place_lat, columns.place_lng, strict=True)]
        ),
        _climate_of(columns.place_lat, columns.place_lng, first),
    )
    held, accidents, windows = scores(here.cache), plain_accidents(outlook.accidents), plain_windows(outlook.windows)
    plain_ones = plain_routes(columns)
    distinct = set()
    for index in range(0, len(routes), 6):
        place, day = int(columns.place[index]), index % 7
        planned = first + dt.timedelta(days=day)
        history = plain_history(outlook, place, day)
        risk = plain.risk(plain_ones[index], planned, windows[place * 7 + day], history, accidents)
        score = held[f"safety_score:{routes[index].route_id}:{planned}"]
        assert score["risk_score"] == pytest.approx(risk, abs=0.05 + 1e-9), routes[index].name
        assert score["color_code"] == (
            "green" if risk < 30 else "yellow" if risk < 50 else "orange" if risk < 70 else "red"
        )
        assert "history" not in score
        assert min(score["risk_uncapped"], 100) == score["risk_score"]
        distinct.add(score["risk_score"])
    assert len(distinct) > 5


def _weather_of(lat: float, lng: float, first: dt.date) -> list[list[float]]:
    """What the service says of the place, in the order of FIELDS."""
    days = [daily(round(lat, 2), round(lng, 2), first + dt.timedelta(days=back)) for back in range(-6, 7)]
    return [[day.get(name, np.nan) for name in IN_ORDER_OF_FIELDS] for day in days]


def _climate_of(lats: np.ndarray, lngs: np.ndarray, first: dt.date) -> Climatology:
    last = first - dt.timedelta(days=8)
    days = days_from(last - dt.timedelta(days=1825), 1826)
    values = [
        [
            [weather.get(name, np.nan) for name in IN_ORDER_OF_FIELDS[:4]]
            for day in days
            for weather in [daily(round(lat, 2), round(lng, 2), day)]
        ]
        for lat, lng in zip(lats, lngs, strict=True)
    ]
    history = MonthlyHistory.of(np.array(days, dtype="datetime64[D]"), values)
    return history.on(np.array(days_from(first, 7), dtype="datetime64[D]"))


def test_routes_at_100_keep_the_sum_that_tells_them_apart(here: Context, engine: Engine) -> None:
    with here.connection.begin():
        here.connection.execute(text("UPDATE accidents SET latitude = 46.85, longitude = -121.76, date = current_date"))
    warm_popular_routes_cache()
    full = [score for score in scores(here.cache).values() if score["risk_score"] == 100]
    assert len({score["risk_uncapped"] for score in full}) > 10
    serving = Serving(here.settings, engine)
    for score in full[:5]:
        told = serving.explain(score["route_id"], dt.date.fromisoformat(score["target_date"]))
        assert score["risk_uncapped"] == pytest.approx(told.risk_uncapped, abs=0.051)
        assert score["color_code"] == "red"


def test_the_most_popular_routes_come_first_and_ties_go_by_id(here: Context) -> None:
    use(here, warm_routes=12)
    with here.connection.begin():
        here.connection.execute(text("UPDATE mountains SET accident_count = 45 WHERE mountain_id = 1"))
        here.connection.execute(text("UPDATE routes SET latitude = NULL WHERE route_id = 3"))
    assert warm_popular_routes_cache()["routes_processed"] == 12
    assert {score["route_id"] for score in scores(here.cache).values()} == {1, 2, *range(4, 14)}


def test_each_place_is_asked_once_and_then_kept_for_six_hours(here: Context, weather: WeatherStandin) -> None:
    warm_popular_routes_cache()
    assert [(call.path, call.places) for call in weather.requests] == [("/v1/forecast", 18)]
    [key, *others] = here.cache.keys("safegrid:weather:daily:*")
    assert len(others) == 17
    assert 21_500 < here.cache.ttl(key) <= 21_600
    warm_popular_routes_cache()
    assert len(weather.requests) == 1


def test_without_weather_every_score_is_there_and_marked(here: Context, weather: WeatherStandin) -> None:
    weather.fault("outage")
    result = warm_popular_routes_cache()
    assert (result["status"], result["total_warmed"], result["weather_unavailable"]) == ("degraded", 420, 420)
    held = scores(here.cache)
    assert {score["weather"] for score in held.values()} == {"unavailable"}
    assert len({score["risk_score"] for score in held.values()}) > 5


def neutral(here: Context, weather: WeatherStandin) -> dict[str, dict]:
    """The scores without any weather."""
    weather.fault("outage")
    warm_popular_routes_cache()
    weather.faults.clear()
    found = scores(here.cache)
    here.cache.flushall()
    return found


@pytest.mark.parametrize("variable", ["temperature_2m_mean", "precipitation_sum", "wind_speed_10m_max"])
def test_days_of_null_never_look_safe(here: Context, weather: WeatherStandin, variable: str) -> None:
    without = neutral(here, weather)
    weather.fault(f"nulls:{variable}@6,7,8")
    result = warm_popular_routes_cache()
    held = scores(here.cache)
    days = [str(day) for day in days_from(today(), 7)]
    # The window of the third day lacks three of its seven days, as those of the next four do.
    unknown = {name for name, score in held.items() if score["target_date"] in days[2:7]}
    assert {name for name, score in held.items() if "weather" in score} == unknown
    assert (result["status"], result["weather_unavailable"]) == ("degraded", len(unknown))
    for name in unknown:
        assert held[name]["risk_uncapped"] == without[name]["risk_uncapped"]


def test_a_cloud_cover_of_null_unmakes_no_day_and_is_counted(here: Context, weather: WeatherStandin) -> None:
    weather.fault("nulls:cloud_cover_mean@9,10,11,12")
    result = warm_popular_routes_cache()
    assert (result["status"], result["weather_unavailable"]) == ("success", 0)
    assert result["cloud_cover_assumed"] == ROUTES * 4
    assert min(score["risk_uncapped"] for score in scores(here.cache).values()) > 0


@pytest.mark.parametrize(("failed", "status"), [(1, "success"), (3, "degraded")])
def test_a_run_is_degraded_where_more_than_a_tenth_lacks_weather(
    here: Context, weather: WeatherStandin, monkeypatch: pytest.MonkeyPatch, failed: int, status: str
) -> None:
    monkeypatch.setattr("jobs.scores.weather.forecasts.PLACES_A_REQUEST", 1)
    weather.fault("nulls", times=failed)  # of 18 places
    result = warm_popular_routes_cache()
    assert result["status"] == status
    assert 0 < result["weather_unavailable"] < ROUTES * 7


def test_a_forecast_with_gaps_is_asked_for_again_after_an_hour(here: Context, weather: WeatherStandin) -> None:
    weather.fault("nulls:wind_speed_10m_max@6,7,8")
    warm_popular_routes_cache()
    assert {here.cache.ttl(key) > 3500 for key in here.cache.keys("safegrid:weather:daily:*")} == {True}
    assert max(here.cache.ttl(key) for key in here.cache.keys("safegrid:weather:daily:*")) <= 3600
    here.cache.delete(*here.cache.keys("safegrid:weather:daily:*"))
    assert warm_popular_routes_cache()["weather_unavailable"] == 0


def test_a_route_that_cannot_be_scored_does_not_stop_the_others(here: Context) -> None:
    with here.connection.begin():
        here.connection.execute(text("UPDATE routes SET latitude = 946.85 WHERE route_id = 7"))
    result = warm_popular_routes_cache()
    assert (result["status"], result["total_failed"], result["total_warmed"]) == ("partial", 7, 59 * 7)
    assert "safety_score:7:" not in "".join(scores(here.cache))


def test_without_routes_there_is_nothing_to_do(settings: Settings, connection: Connection) -> None:
    with job_context(settings, connection):
        result = warm_popular_routes_cache()
    assert (result["status"], result["routes_processed"], result["total_warmed"]) == ("nothing_warmed", 0, 0)


def test_another_attempt_goes_on_behind_the_checkpoint(here: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.scores.warm.PLACES_A_CHUNK", 5)
    stops = iter([False, False, True])
    here.is_stopping = lambda: next(stops)
    with pytest.raises(Stopped):
        warm_popular_routes_cache()
    before = scores(here.cache)
    assert 0 < len(before) < 420
    here.cache.delete(*before)
    here.is_stopping = lambda: False
    assert warm_popular_routes_cache()["total_warmed"] == 420
    assert len(scores(here.cache)) == 420 - len(before)
