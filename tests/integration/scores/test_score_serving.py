"""Scores on request: kept ones as they are, others computed once, and answered whatever is away."""

import datetime as dt
import json
import math
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from jobs.context import Context
from jobs.scores.days import days_from, today
from jobs.scores.serving import OutsideWindow, Serving, UnknownRoute, scored_day
from jobs.scores.warm import warm_popular_routes_cache
from tests.standins.weather import WeatherStandin

NOWHERE = "redis://127.0.0.1:1/0"
# Written as the job would not write it, so that byte by byte means something.
KEPT = (
    f'{{"risk_score" : 42.5, "route_id":5, "route_name":"x", "target_date":"{today()}", '
    '"color_code":"yellow","computed_at":"2026-01-01T06:00:00+00:00"}'
).encode()


@pytest.fixture
def serving(here: Context, engine: Engine) -> Serving:
    return Serving(here.settings, engine)


def computations(logs: list[dict]) -> list[dict]:
    return [entry for entry in logs if entry["event"] == "scores_computed"]


def test_a_kept_score_is_answered_byte_by_byte(here: Context, serving: Serving) -> None:
    here.cache.set(f"safety_score:5:{today()}", KEPT)
    assert serving.one(5, today()) == KEPT
    assert serving.many([5], [today()]).found == {(5, today()): KEPT}


@pytest.mark.parametrize(
    "junk",
    [
        b"junk",
        b"",
        b"[]",
        b"\xff\xfe",
        b'{"any": "document"}',
        KEPT.replace(b'"route_id":5', b'"route_id":6'),
        KEPT.replace(str(today()).encode(), b"2020-01-01"),
        KEPT.replace(b"42.5", b"NaN"),
        KEPT.replace(b"42.5", b"true"),
        KEPT.replace(b"42.5", b"-1"),
        KEPT.replace(b"yellow", b"pink"),
        KEPT.replace(b"{", b'{"risk_uncapped": 41.0, '),
        KEPT.replace(b"{", b'{"risk_uncapped": 120.0, '),
        KEPT.replace(b"{", b'{"risk_uncapped": Infinity, '),
        KEPT.replace(b"42.5", b"100").replace(b"{", b'{"risk_uncapped": NaN, '),
        KEPT.replace(b"42.5", b"142.5"),
        KEPT.replace(b"T06:00:00", b"T36:00:00"),
    ],
)
def test_what_is_no_score_of_that_key_is_a_miss_and_written_over(here: Context, serving: Serving, junk: bytes) -> None:
    name = f"safety_score:5:{today()}"
    here.cache.set(name, junk)
    served = serving.one(5, today())
    assert json.loads(served)["target_date"] == str(today())
    assert here.cache.get(name) == served
    here.cache.set(name, junk)
    assert json.loads(serving.many([5], [today()]).found[5, today()])["route_id"] == 5
    here.cache.set(name, junk)
    assert serving.weeks([5], [today()]) == {5: [None]}


def test_a_key_of_another_kind_is_a_miss_and_written_over(here: Context, serving: Serving) -> None:
    name = f"safety_score:5:{today()}"
    here.cache.rpush(name, "a list")
    assert json.loads(serving.one(5, today()))["route_id"] == 5
    assert json.loads(here.cache.get(name))["route_id"] == 5


def test_a_score_that_is_not_kept_is_the_one_that_the_job_would_write(here: Context, serving: Serving) -> None:
    last = today() + dt.timedelta(days=6)
    computed = json.loads(serving.one(5, last))
    assert 21_500 < here.cache.ttl(f"safety_score:5:{last}") <= 21_600
    assert json.loads(here.cache.get(f"safety_score:5:{last}")) == computed
    here.cache.delete(f"safety_score:5:{last}")
    warm_popular_routes_cache()
    warmed = json.loads(here.cache.get(f"safety_score:5:{last}"))
    assert computed | {"computed_at": ""} == warmed | {"computed_at": ""}


def test_however_many_ask_it_is_computed_once(here: Context, engine: Engine, weather: WeatherStandin) -> None:
    weather.latency = 0.3
    processes = [Serving(here.settings, engine) for _ in range(4)]
    with capture_logs() as logs, ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda asker: processes[asker % 4].one(5, today()), range(24)))
    assert len(set(answers)) == 1
    assert len(computations(logs)) == 1


def test_with_redis_away_scores_are_still_answered(here: Context, engine: Engine) -> None:
    serving = Serving(here.settings.model_copy(update={"redis_url": NOWHERE}), engine)
    score = json.loads(serving.one(5, today()))
    assert score["route_id"] == 5
    assert "weather" not in score
    assert len(serving.many([1, 2, 3], [today()]).found) == 3
    assert serving.explain(5, today()).risk_score == score["risk_score"]


def test_without_weather_a_score_is_neutral_and_kept_only_for_minutes(
    here: Context, serving: Serving, weather: WeatherStandin
) -> None:
    weather.fault("outage")
    assert json.loads(serving.one(5, today()))["weather"] == "unavailable"
    assert 0 < here.cache.ttl(f"safety_score:5:{today()}") <= 300
    serving.one(45, today())
    assert len(weather.requests) == 1  # the service is left alone for a while


def test_many_scores_come_together_and_the_others_with_a_reason(here: Context, serving: Serving) -> None:
    with here.connection.begin():
        here.connection.execute(text("UPDATE routes SET latitude = NULL WHERE route_id = 2"))
    kept = serving.one(1, today())
    with capture_logs() as logs:
        bulk = serving.many([1, 2, 3, 4, 4, 999], [today()])
    assert [entry["routes"] for entry in computations(logs)] == [2]
    assert bulk.found[1, today()] == kept
    assert {json.loads(bulk.found[route_id, today()])["route_id"] for route_id in (3, 4)} == {3, 4}
    assert bulk.missing == {2: "Route 2 has no coordinates, so it has no score", 999: "There is no route 999"}


def test_an_unknown_route_is_an_error(serving: Serving) -> None:
    with pytest.raises(UnknownRoute, match="no route 999"):
        serving.one(999, today())
    with pytest.raises(UnknownRoute, match="no route 999"):
        serving.explain(999, today())


def test_days_are_those_of_the_window() -> None:
    days = days_from(today(), 7)
    assert [scored_day(str(day)) for day in days] == days
    assert scored_day(None) == today()
    for wrong in (str(days[0] - dt.timedelta(days=1)), str(days[-1] + dt.timedelta(days=1)), "tomorrow", ""):
        with pytest.raises(OutsideWindow, match=f"from {days[0]} to {days[-1]}"):
            scored_day(wrong)


def test_an_explanation_adds_up(here: Context, serving: Serving) -> None:
    found = serving.explain(1, today(), top=1000)
    assert found.risk_score == json.loads(serving.one(1, today()))["risk_score"]
    parts = [one.contribution for one in found.largest_contributions]
    assert parts == sorted(parts, reverse=True)
    assert len(parts) == found.accidents_contributing
    assert sum(parts) == pytest.approx(found.risk_uncapped, abs=0.01)
    first = found.largest_contributions[0]
    assert set(first.factors.model_dump()) == {"distance", "age", "elevation", "kind", "severity", "grade", "weather"}
    product = 7 * math.prod(first.factors.model_dump().values())
    assert product == pytest.approx(first.contribution, rel=0.01)
    assert "Open-Meteo" in found.attribution
