"""The client of the weather service and its cache, over real HTTP, faults and limits included."""

import datetime as dt
from collections.abc import Iterator

import numpy as np
import pytest
from redis import Redis
from structlog.testing import capture_logs

from jobs.http import SourceChanged, SourceUnavailable
from jobs.scores.days import today
from jobs.scores.weather.budget import Budget, calls
from jobs.scores.weather.forecasts import Forecasts
from jobs.scores.weather.open_meteo import LimitReached, OpenMeteo
from jobs.scores.weather.places import Place
from jobs.scores.weather.windows import FIELDS
from tests.integration.warm import with_weather
from tests.standins.weather import WeatherStandin, daily
from tests.standins.weather.api import Limits
from worker.settings import Settings

HOOD, RAINIER = Place(45.37, -121.7), Place(46.85, -121.76)
KEY = "a-very-secret-key"


@pytest.fixture
def client(settings: Settings, weather: WeatherStandin) -> OpenMeteo:
    return OpenMeteo.of(with_weather(settings, weather))


@pytest.fixture
def cache(settings: Settings) -> Iterator[Redis]:
    with Redis.from_url(settings.redis_url) as redis:
        yield redis


def forecasts(client: OpenMeteo, cache: Redis, daily_calls: float = 1e6, minutely: float = 1e6) -> Forecasts:
    return Forecasts(client, cache, Budget(cache, daily_calls, minutely), lambda _seconds: False)


def many_places(count: int) -> list[Place]:
    return [Place.at(40 + index / 100, -120) for index in range(count)]


def test_values_come_in_the_order_of_the_fields_and_in_metres_a_second(client: OpenMeteo) -> None:
    found = client.forecast([RAINIER, HOOD], today(), today() + dt.timedelta(days=2))
    assert found.shape == (2, 3, len(FIELDS))
    told = daily(*HOOD, today() + dt.timedelta(days=1))
    names = ("temperature_2m_mean", "precipitation_sum", "wind_speed_10m_max", None, "cloud_cover_mean")
    for field, name in zip(found[1, 1], names, strict=False):
        assert np.isnan(field) if name is None else field == told[name]


def test_one_place_is_answered_as_itself(client: OpenMeteo) -> None:
    assert client.forecast([HOOD], today(), today()).shape == (1, 1, len(FIELDS))


def test_places_are_rounded_and_asked_for_once(client: OpenMeteo, cache: Redis, weather: WeatherStandin) -> None:
    near = [Place.at(45.3701, -121.7003), Place.at(45.3749, -121.6951), RAINIER]
    windows = forecasts(client, cache).windows(near, today(), 7)
    assert windows.days.tolist() == [[7] * 7] * 3
    assert (windows.values[0] == windows.values[1]).all()
    [call] = weather.requests
    assert call.parameters["latitude"] == "45.37,46.85"
    first, last = (dt.date.fromisoformat(call.parameters[name]) for name in ("start_date", "end_date"))
    assert (first, last) == (today() - dt.timedelta(days=6), today() + dt.timedelta(days=6))


def test_many_places_go_in_requests_of_a_hundred(client: OpenMeteo, cache: Redis, weather: WeatherStandin) -> None:
    windows = forecasts(client, cache).windows(many_places(250), today(), 7)
    assert (windows.days == 7).all()
    assert sorted(call.places for call in weather.requests) == [50, 100, 100]


@pytest.mark.parametrize("fault", ["status:429", "status:502", "reset", "truncated", "html"])
def test_what_may_pass_is_asked_again(client: OpenMeteo, weather: WeatherStandin, fault: str) -> None:
    weather.fault(fault, times=2)
    with capture_logs() as logs:
        client.forecast([HOOD, RAINIER], today(), today())
    waits = [entry["wait_s"] for entry in logs if entry["event"] == "source_retry"]
    assert len(weather.requests) == 3
    assert len(waits) == 2
    assert waits[0] > 0


def test_an_outage_ends_the_asking_after_the_last_attempt(
    client: OpenMeteo, cache: Redis, weather: WeatherStandin
) -> None:
    weather.fault("outage")
    client.attempts = 2
    asked = forecasts(client, cache)
    assert (asked.windows(many_places(1000), today(), 7).days == 0).all()
    assert len(weather.requests) <= 4 * 2  # those in flight, twice each
    before = len(weather.requests)
    asked.windows([HOOD], today(), 7)
    assert len(weather.requests) == before


@pytest.mark.parametrize("fault", ["fewer-places", "status:404"])
def test_an_answer_of_another_form_costs_only_its_own_places(
    client: OpenMeteo, cache: Redis, weather: WeatherStandin, fault: str
) -> None:
    weather.fault(fault)
    windows = forecasts(client, cache).windows(many_places(150), today(), 7)
    assert sorted({int(days) for days in windows.days[:, 0]}) == [0, 7]
    weather.fault(fault)
    with pytest.raises(SourceChanged):
        client.forecast([HOOD, RAINIER], today(), today())


def test_days_that_are_null_are_days_without_weather(client: OpenMeteo, cache: Redis, weather: WeatherStandin) -> None:
    weather.fault("nulls")
    assert (forecasts(client, cache).windows([HOOD], today(), 7).days == 0).all()


def test_a_spent_day_of_the_service_is_not_asked_again(client: OpenMeteo, weather: WeatherStandin) -> None:
    weather.limits = Limits(None, None, 10)
    client.forecast(many_places(9), today(), today())
    with pytest.raises(LimitReached, match="Daily API request limit"):
        client.forecast(many_places(2), today(), today())
    assert [call.status for call in weather.requests] == [200, 429]


def test_our_own_budget_is_never_overspent(client: OpenMeteo, cache: Redis, weather: WeatherStandin) -> None:
    windows = forecasts(client, cache, daily_calls=150).windows(many_places(250), today(), 7)
    assert int((windows.days[:, 0] == 7).sum()) == 100
    assert sum(call.calls for call in weather.requests) == 100
    forecasts(client, cache, daily_calls=150).windows(many_places(300)[250:], today(), 7)
    assert sum(call.calls for call in weather.requests) == 150


def test_a_minutes_calls_are_kept_to_by_waiting(cache: Redis) -> None:
    now = dt.datetime(2026, 1, 1, 10, 5, 20, tzinfo=dt.UTC)
    budget = Budget(cache, 1000, 600, now=lambda: now)
    assert [budget.spend_now(400), budget.spend_now(300), budget.spend_now(200)] == [0, 40, 0]
    later = Budget(cache, 1000, 600, now=lambda: now + dt.timedelta(seconds=40))
    assert [later.spend_now(900), later.spend_now(1)] == [0, 60]  # too large for any minute: one for itself


class Clock:
    """A minute that stands still until it is moved on."""

    def __init__(self) -> None:
        self.at = dt.datetime(2026, 1, 1, 10, 5, 20, tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        return self.at

    def wait(self, seconds: float) -> None:
        self.at += dt.timedelta(seconds=seconds)


def test_exactly_a_minutes_calls_fit_into_it_and_no_more(cache: Redis) -> None:
    clock = Clock()
    budget = Budget(cache, 1000, 600, now=clock)
    assert [budget.spend_now(600), budget.spend_now(0.5)] == [0, 40]
    clock.wait(40)
    assert [budget.spend_now(600.5), budget.spend_now(0.5), budget.spend_now(600)] == [0, 60, 60]


def test_a_request_larger_than_a_minute_is_not_refused_for_ever(cache: Redis) -> None:
    clock = Clock()
    large, small = Budget(cache, 1e6, 600, now=clock), Budget(cache, 1e6, 600, now=clock)
    waits = []
    for _ in range(2):
        small.spend_now(1)  # others are always first in a minute
        waits.append(large.spend_now(900))
        clock.wait(waits[-1])
    assert waits == [40, 0]
    assert small.spend_now(1) == 60


def test_requests_larger_than_a_minute_have_one_each(cache: Redis) -> None:
    clock = Clock()
    budgets = [Budget(cache, 1e6, 600, now=clock) for _ in range(3)]
    sent: dict[str, int] = {}
    budgets[0].spend_now(1)
    for _ in range(9):
        passed = sum(budget.spend_now(900) == 0 for budget in budgets)
        sent[f"{clock.at:%H:%M}"] = passed
        clock.wait(60 - clock.at.second)
    assert set(sent.values()) == {0, 1}
    assert sum(sent.values()) == 8  # in each minute but the first, which others had begun


def test_requests_are_as_large_as_a_minute_allows(client: OpenMeteo, cache: Redis, weather: WeatherStandin) -> None:
    windows = forecasts(client, cache, minutely=60).windows(many_places(50), today(), 7)
    assert (windows.days == 7).all()
    windows = forecasts(client, Redis.from_url("redis://127.0.0.1:1/0"), minutely=30).windows(
        many_places(50), today(), 7
    )
    assert sorted(call.places for call in weather.requests) == [20, 30, 50]
    assert (windows.days == 7).all()


def test_calls_are_weighted_by_places_and_days() -> None:
    assert (calls(100, 13), calls(1, 14), calls(2, 28)) == (100, 1, 4)
    assert calls(1, 1826) == pytest.approx(130.4, abs=0.1)


def test_without_redis_weather_is_still_asked_for(client: OpenMeteo, weather: WeatherStandin) -> None:
    nowhere = Redis.from_url("redis://127.0.0.1:1/0")
    assert (forecasts(client, nowhere).windows([HOOD], today(), 7).days == 7).all()


def test_a_key_goes_to_the_customers_hosts_and_into_no_message(settings: Settings, weather: WeatherStandin) -> None:
    real = OpenMeteo.of(settings.model_copy(update={"open_meteo_api_key": KEY}))
    assert real.forecast_url == "https://customer-api.open-meteo.com/v1"
    assert real.archive_url == "https://customer-archive-api.open-meteo.com/v1"
    client = OpenMeteo.of(with_weather(settings, weather, open_meteo_api_key=KEY))
    client.attempts = 2
    client.forecast([HOOD], today(), today())
    assert weather.requests[0].parameters["apikey"] == KEY
    for fault in ("outage", "reset", "status:404", "html"):
        weather.faults.clear()
        weather.fault(fault, times=9)
        with capture_logs() as logs, pytest.raises((SourceUnavailable, SourceChanged)) as caught:
            client.forecast([HOOD], today(), today())
        assert KEY not in str(caught.value) + repr(caught.value.__cause__) + str(logs) + repr(client)
