"""The pages of the route scores."""

import datetime as dt
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import text

from jobs.scores import popular
from jobs.scores.days import DAYS, days_from, today
from tests.browser.scene import add_run
from tests.integration.warm import load_synthetic
from tests.standins.weather import WeatherStandin
from tests.web.conftest import MakeApp, sign_in
from web.scores import pages as risks
from worker.client import Client

NOWHERE = "redis://127.0.0.1:1/0"
ROUTES = 60
TIMES = "\N{MULTIPLICATION SIGN}"

Open = Callable[..., FlaskClient]


@pytest.fixture
def weather() -> Iterator[WeatherStandin]:
    with WeatherStandin() as standin:
        yield standin


@pytest.fixture
def held(client: Client, tmp_path: Path) -> Client:
    """60 routes on 6 mountains with their accidents; the weather service is not asked for them."""
    with client.engine.connect() as connection:
        load_synthetic(connection, tmp_path / "climbing")
    return client


@pytest.fixture
def open_as(make_app: MakeApp, weather: WeatherStandin) -> Open:
    """A browser that is signed in, of an app that asks the weather stand-in; keywords are settings."""

    def browser(**values: object) -> FlaskClient:
        addresses = {"weather_forecast_url": weather.url, "weather_archive_url": weather.url}
        visitor = make_app(**{**addresses, "weather_minute_calls": 1e6, **values}).test_client()
        assert sign_in(visitor).status_code == 303
        return visitor

    return browser


@pytest.fixture
def scores(held: Client, open_as: Open) -> FlaskClient:
    return open_as()


def keep(cache: Redis, route_id: int, day: dt.date, risk: float = 12.3, seconds: int = 3600, **more: object) -> None:
    score = {
        "route_id": route_id,
        "target_date": str(day),
        "risk_score": risk,
        "color_code": "green",
        "computed_at": "2024-01-01T00:00:00+00:00",
    }
    cache.set(f"safety_score:{route_id}:{day}", json.dumps(score | more), ex=seconds)


def without_tags(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def unplace(held: Client, route_id: int) -> None:
    with held.engine.begin() as connection:
        connection.execute(text("UPDATE routes SET latitude = NULL WHERE route_id = :id"), {"id": route_id})


WARMING = "warm_popular_routes_cache"


def test_without_routes_the_page_says_what_to_do(browser: FlaskClient) -> None:
    page = browser.get("/scores/").text
    assert "No routes yet" in page
    assert "safegrid load-climbing" in page


def test_an_empty_cache_is_told_with_the_way_to_fill_it(scores: FlaskClient) -> None:
    page = scores.get("/scores/").text
    assert f"0 of {ROUTES * DAYS}" in page
    assert 'href="/jobs/warm-cache"' in page
    assert page.count('class="none" title="not in Redis"') == risks.SHOWN * DAYS


def test_coverage_counts_what_is_kept_of_what_is_wanted(scores: FlaskClient, held: Client) -> None:
    first, second = days_from(today(), 2)
    keep(held.redis, 1, first, seconds=7200)
    keep(held.redis, 2, first, seconds=1800)
    keep(held.redis, 3, second, weather="unavailable", history="unavailable")
    page = without_tags(scores.get("/scores/").text)
    assert f"In Redis 3 of {ROUTES * DAYS}" in page
    assert "Without weather 1" in page
    assert f"{first:%a %-d %b} 2 of {ROUTES} 30 min to 2 h 0" in page
    assert f"{second:%a %-d %b} 1 of {ROUTES} 60 min 1" in page


def test_a_score_is_shown_with_its_colour_in_words(scores: FlaskClient, held: Client) -> None:
    keep(held.redis, 1, today(), risk=27.5)
    page = scores.get("/scores/").text
    assert 'class="risk-green"' in page
    assert '27.5<span class="hidden"> green</span>' in page


@pytest.mark.parametrize(
    "value",
    ["", "[]", "5", '{"risk_score": "x"}', "\udcff", f'{{"risk_score": 1{"0" * 400}, "color_code": ""}}', "[" * 9_000],
)
def test_what_is_no_score_counts_as_not_kept(scores: FlaskClient, held: Client, value: str) -> None:
    held.redis.set(f"safety_score:1:{today()}", value.encode("utf-8", "surrogateescape"))
    assert f"0 of {ROUTES * DAYS}" in scores.get("/scores/").text


def test_a_key_that_is_no_text_counts_as_not_kept(scores: FlaskClient, held: Client) -> None:
    held.redis.lpush(f"safety_score:1:{today()}", "x")
    page = scores.get("/scores/").text
    assert f"0 of {ROUTES * DAYS}" in page
    assert "Redis does not respond" not in page


def test_a_score_of_several_lines_is_one_score(scores: FlaskClient, held: Client) -> None:
    told = {"route_id": 1, "target_date": str(today()), "risk_score": 41.5, "color_code": "yellow"}
    told["computed_at"] = "2024-01-01T00:00:00+00:00"
    held.redis.set(f"safety_score:1:{today()}", json.dumps(told, indent=2), ex=60)
    page = scores.get("/scores/").text
    assert f"1 of {ROUTES * DAYS}" in page
    assert ">41.5<" in page


def test_routes_that_come_in_are_seen_at_once(browser: FlaskClient, client: Client, tmp_path: Path) -> None:
    assert "No routes yet" in browser.get("/scores/").text
    with client.engine.connect() as connection:
        load_synthetic(connection, tmp_path)
    assert f"{ROUTES} routes, all with coordinates" in browser.get("/scores/").text


def test_only_so_many_routes_are_looked_up_and_the_page_says_so(
    held: Client, open_as: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(popular, "MOST_LOOKED_UP", 20)
    page = open_as(warm_routes="all").get("/scores/").text
    assert f"0 of {20 * DAYS}" in page
    assert f"the first 20 of the {ROUTES} routes" in page


def test_fewer_routes_may_be_kept_warm(held: Client, open_as: Open) -> None:
    page = open_as(warm_routes=3).get("/scores/").text
    assert f"0 of {3 * DAYS}" in page
    assert "These counts are of the first" not in page


def test_with_redis_away_the_page_says_so(held: Client, open_as: Open) -> None:
    page = open_as(redis_url=NOWHERE).get("/scores/")
    assert page.status_code == 200
    assert "Redis does not respond" in page.text


@pytest.mark.parametrize(
    ("sought", "found"),
    [
        ("cold spire route 1 (", ["11"]),
        ("Red Wall (synth", []),
        ("37", ["37"]),
        ("GRANITE", [str(id_) for id_ in range(1, 11)]),
        ("100%", []),
        ("_", []),
    ],
)
def test_routes_are_found_by_id_and_by_a_part_of_a_name(scores: FlaskClient, sought: str, found: list[str]) -> None:
    page = scores.get("/scores/", query_string={"q": sought}).text
    assert sorted(re.findall(r'href="/scores/(\d+)"', page), key=int) == found
    if not found:
        assert "route matches" in page


def test_a_long_list_comes_in_pages(scores: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(risks, "LISTED", 25)
    pages = [scores.get(f"/scores/?q=synthetic&page={number}").text for number in (1, 2, 3)]
    found = [re.findall(r'href="/scores/(\d+)"', page) for page in pages]
    assert [len(one) for one in found] == [25, 25, 10]
    assert len({id_ for one in found for id_ in one}) == ROUTES
    assert 'href="/scores/?q=synthetic&amp;page=2"' in pages[0]
    assert 'rel="next"' not in pages[2]


@pytest.mark.parametrize("query", ["q=x&page=0", "q=x&page=x", "q=x&page=999999", "q=a%00b"])
def test_a_search_that_is_none_is_422(scores: FlaskClient, query: str) -> None:
    assert scores.get(f"/scores/?{query}").status_code == 422


def test_a_route_shows_its_seven_days(scores: FlaskClient, held: Client) -> None:
    keep(held.redis, 5, today(), risk=12.3, seconds=7200)
    page = scores.get("/scores/5").text
    words = without_tags(page)
    assert "Granite Dome Route 5 (synthetic)" in words
    assert f"{today():%a %-d %b} 12.3 green known yes, 2 h left" in words
    assert words.count("no, computed now") == DAYS - 1
    assert page.count('<rect class="') == DAYS
    assert 'role="img" aria-label="Risk by day, 0 to 100: ' in page
    assert without_tags(scores.get("/scores/5").text).count("yes, 6 h left") == DAYS


def test_a_day_is_explained_in_words(scores: FlaskClient) -> None:
    day = today() + dt.timedelta(days=3)
    page = scores.get(f"/scores/5?date={day}").text
    words = without_tags(page)
    assert f"on {day:%A, %-d %B}" in words
    assert len(re.findall(r"synthetic \d+", words)) == 10
    assert re.search(rf"\d km away {TIMES} [01]\.\d\d", words)
    assert re.search(rf"\d+ years before, (same|another) season {TIMES} [01]\.\d\d", words)
    assert "Sum before the cap at 100" in words
    assert "the usual weather is not known" in words
    assert "CC BY 4.0" in words


def test_without_a_forecast_the_page_says_so(scores: FlaskClient, weather: WeatherStandin) -> None:
    weather.fault("outage")
    words = without_tags(scores.get("/scores/5").text)
    assert words.count("unavailable no, computed now") == DAYS
    assert "the weather counts as neutral" in words
    assert f"weather not known {TIMES} 0.12" in words


def test_with_redis_away_a_route_is_still_shown(held: Client, open_as: Open) -> None:
    words = without_tags(open_as(redis_url=NOWHERE).get("/scores/5").text)
    assert "Redis does not respond" in words
    assert words.count("no, computed now") == DAYS


def test_a_route_without_coordinates_says_so(scores: FlaskClient, held: Client) -> None:
    unplace(held, 5)
    answer = scores.get("/scores/5")
    assert answer.status_code == 200
    assert "This route has no coordinates, so it has no score" in answer.text
    assert "no coordinates</span>" in scores.get("/scores/?q=5").text


@pytest.mark.parametrize("route_id", ["999", "2147483648", "x"])
def test_a_route_that_is_none_is_404(scores: FlaskClient, route_id: str) -> None:
    assert scores.get(f"/scores/{route_id}").status_code == 404


@pytest.mark.parametrize("day", ["2020-01-01", "tomorrow", "", "0000-00-00"])
def test_a_day_that_is_not_scored_is_422_with_those_that_are(scores: FlaskClient, day: str) -> None:
    answer = scores.get(f"/scores/5?date={day}")
    assert answer.status_code == 422
    assert f"from {today()}" in answer.text


def test_the_popular_routes_come_by_the_risk_before_it_is_capped(scores: FlaskClient, held: Client) -> None:
    for route_id, risk, uncapped in ((7, 100, 143.2), (31, 99.9, 99.9), (44, 100, 1250.0), (52, 100, 100.0)):
        keep(held.redis, route_id, today(), risk=risk, risk_uncapped=uncapped)
    keep(held.redis, 20, today() + dt.timedelta(days=1), risk=100, risk_uncapped=9000.0)
    page = scores.get("/scores/").text
    listed = [int(id_) for id_ in re.findall(r'scope="row"><a href="/scores/(\d+)"', page)]
    assert listed == [44, 7, 52, 31, *[id_ for id_ in range(1, 13) if id_ != 7]]
    words = without_tags(page)
    assert "100.0 (1250.0) green" in words
    assert "99.9 green" in words


def test_a_route_at_100_shows_what_it_would_be_without_the_cap(scores: FlaskClient, held: Client) -> None:
    keep(held.redis, 5, today(), risk=100, risk_uncapped=143.2)
    assert f"{today():%a %-d %b} 100.0 (143.2) green known" in without_tags(scores.get("/scores/5").text)


def test_days_of_null_are_told(scores: FlaskClient, weather: WeatherStandin) -> None:
    weather.fault("nulls:precipitation_sum@6,7,8")
    words = without_tags(scores.get(f"/scores/5?date={today() + dt.timedelta(days=2)}").text)
    assert words.count("unavailable no, computed now") == 5
    assert "Forecast unavailable for 3 or more of the 7 days: the weather counts as neutral" in words


def test_an_assumed_cloud_cover_is_told(scores: FlaskClient, weather: WeatherStandin) -> None:
    weather.fault("nulls:cloud_cover_mean@4,5")
    words = without_tags(scores.get("/scores/5").text)
    assert words.count("known no, computed now") == DAYS
    assert "known, but not the cloud cover of 2 of 7 days: 50 % is assumed" in words


@pytest.mark.parametrize(("status", "is_told"), [("success", False), ("degraded", True)])
def test_a_warming_without_weather_is_told_on_the_page_and_in_the_verdict(
    scores: FlaskClient, held: Client, status: str, is_told: bool
) -> None:
    result = {"status": status, "total_warmed": 420, "total_failed": 0, "weather_unavailable": 300}
    with held.engine.begin() as connection:
        run_id = add_run(connection, WARMING, "finished", dt.datetime.now(dt.UTC), 30, result=result)
    page, first = scores.get("/scores/").text, scores.get("/").text
    assert ("no weather for 300 of 420 scores" in page) == is_told
    assert ("300 of 420 route scores were computed without weather" in first) == is_told
    assert (f'href="/runs/{run_id}"' in page) or not is_told
    told = scores.get("/api/v1/admin/scores").json["last_warmed"]
    assert (told["run_id"], told["status"], told["scores"], told["without_weather"]) == (run_id, status, 420, 300)


def test_the_last_and_the_next_warming_are_told(scores: FlaskClient, held: Client) -> None:
    with held.engine.begin() as connection:
        due = dt.datetime.now(dt.UTC) + dt.timedelta(hours=3)
        cadence = text("INSERT INTO cadences VALUES (:job, '0 */6 * * *', :due)")
        connection.execute(cadence, {"job": "warm_popular_routes_cache", "due": due})
        add_run(
            connection, "warm_popular_routes_cache", "finished", dt.datetime.now(dt.UTC) - dt.timedelta(hours=2), 30
        )
    words = without_tags(scores.get("/scores/").text)
    assert "Last warmed finished 2 h ago" in words
    assert f"Next in 3 h, {due:%-d %b, %H:%M}" in words
