"""Scores that vanished are named and warmed again at once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import Connection

from jobs.context import Context
from jobs.scores.fill import fill_climatology
from jobs.scores.warm import warm_popular_routes_cache
from tests.integration.crimes import change, rows, value
from tests.integration.findings.looking import Looker, looking
from tests.integration.findings.test_data import note
from tests.integration.warm import job_context, load_synthetic, with_weather
from tests.processes import safegrid, until
from tests.standins.weather import WeatherStandin
from worker import pauses
from worker.findings import scores
from worker.settings import Settings

WARM = "warm_popular_routes_cache"


@pytest.fixture
def weather() -> Iterator[WeatherStandin]:
    with WeatherStandin() as weather:
        yield weather


@pytest.fixture
def here(settings: Settings, connection: Connection, weather: WeatherStandin, tmp_path: Path) -> Iterator[Context]:
    load_synthetic(connection, tmp_path)
    with job_context(with_weather(settings, weather, weather_daily_calls=1e6), connection) as here:
        yield here


@pytest.fixture
def looker(here: Context) -> Iterator[Looker]:
    with looking(here.settings, here.connection) as looker:  # type: ignore[arg-type]
        yield looker


def test_scores_that_vanished_are_named_until_they_are_warm(here: Context, looker: Looker) -> None:
    assert looker.of("scores_missing")
    warm_popular_routes_cache()
    assert not looker.of("scores_missing")
    here.cache.flushall()
    assert looker.of("scores_missing")["scores"].cause.startswith("0 of ")


def test_a_warming_is_entered_once(here: Context) -> None:
    first = scores.warm_again(here.connection)
    assert rows(here.connection, "SELECT id, job, requested_by FROM runs") == [(first, WARM, "scores_missing")]
    assert scores.warm_again(here.connection) is None
    change(here.connection, "UPDATE runs SET state = 'finished', ended_at = clock_timestamp()")
    assert scores.warm_again(here.connection) is None
    change(here.connection, "UPDATE runs SET ended_at = ended_at - interval '3 minutes'")
    pauses.pause(here.connection, "cadence", WARM, "day-shift")
    assert scores.warm_again(here.connection) is None
    pauses.resume(here.connection, "cadence", WARM)
    assert scores.warm_again(here.connection) not in (None, first)


def test_scores_that_expire_before_anything_is_due_are_named(here: Context, looker: Looker) -> None:
    warm_popular_routes_cache()
    assert not looker.of("scores_expiring")
    for key in here.cache.scan_iter("safety_score:*"):
        here.cache.expire(key, 600)
    assert looker.of("scores_expiring")
    due = "INSERT INTO cadences VALUES (:job, '0 */6 * * *', now() + interval '5 minutes')"
    change(here.connection, due, job=WARM)
    assert not looker.of("scores_expiring")


def test_scores_without_weather_are_named_until_they_have_it(here: Context, looker: Looker) -> None:
    result = warm_popular_routes_cache()
    note(here, WARM, {**result, "status": "degraded", "weather_unavailable": result["total_warmed"]})
    assert looker.of("scores_without_weather")
    note(here, WARM, result)
    assert not looker.of("scores_without_weather")


def test_usual_weather_that_is_not_fetched_is_named(here: Context, looker: Looker) -> None:
    assert "has not been fetched yet" in looker.of("climatology_late")["climatology"].cause
    run_id = note(here, "fill_climatology", fill_climatology())
    assert not looker.of("climatology_late")
    change(here.connection, "UPDATE runs SET ended_at = ended_at - interval '4 days' WHERE id = :id", id=run_id)
    assert looker.of("climatology_late")


@pytest.mark.long
def test_a_redis_that_was_wiped_is_warm_again_by_itself(here: Context, weather: WeatherStandin, tmp_path: Path) -> None:
    asked = {"SAFEGRID_WEATHER_FORECAST_URL": weather.url, "SAFEGRID_WEATHER_ARCHIVE_URL": weather.url}
    settings = here.settings
    with (
        safegrid(settings, "worker", "cache", log=tmp_path / "log", **asked),  # type: ignore[arg-type]
        Redis.from_url(settings.redis_url) as redis,
    ):
        until(lambda: any(redis.scan_iter("safety_score:*")), "the scores are warm")
        until(lambda: value(here.connection, "SELECT count(*) FROM runs WHERE ended_at IS NULL") == 0, "all is done")
        change(here.connection, "UPDATE runs SET ended_at = ended_at - interval '3 minutes'")
        redis.flushall()
        until(lambda: any(redis.scan_iter("safety_score:*")), "they are warm again")
    assert value(here.connection, "SELECT count(*) FROM runs WHERE requested_by = 'scores_missing'") == 2
