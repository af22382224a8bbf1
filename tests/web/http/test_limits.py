"""How often somebody may ask."""

import pytest
from flask.testing import FlaskClient

from tests.web.conftest import BEARER, TASKS, MakeApp, csrf_token, sign_in
from web.http.limits import storage_uri
from web.settings import Settings
from worker.client import Client


def guesses(visitor: FlaskClient, count: int) -> list[int]:
    return [sign_in(visitor, f"guess {number}").status_code for number in range(count)]


def test_the_eleventh_guess_within_a_minute_is_refused(visitor: FlaskClient) -> None:
    assert guesses(visitor, 10) == [401] * 10
    answer = sign_in(visitor)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 61
    assert "Try again in" in answer.text
    assert visitor.get("/sign-in").status_code == 200


def test_all_processes_count_together(make_app: MakeApp) -> None:
    guesses(make_app().test_client(), 10)
    assert sign_in(make_app().test_client()).status_code == 429


def test_redis_away_each_process_counts_for_itself(make_app: MakeApp) -> None:
    visitor = make_app(redis_url="redis://127.0.0.1:9/0").test_client()
    assert guesses(visitor, 10) == [401] * 10
    assert sign_in(visitor).status_code == 429


def test_asking_for_runs_is_limited_as_a_whole(program: FlaskClient, browser: FlaskClient) -> None:
    answers = [program.post(f"{TASKS}/cleanup-history") for _ in range(61)]
    assert {answer.status_code for answer in answers[:60]} == {202}
    refused = answers[60]
    assert refused.status_code == 429
    assert refused.content_type == "application/problem+json"
    assert int(refused.headers["Retry-After"]) >= 1
    page = browser.post("/jobs/cleanup-history", data={"csrf_token": csrf_token(browser)})
    assert page.status_code == 429
    assert program.get(TASKS).status_code == 200


def test_counts_are_kept_under_our_own_name(visitor: FlaskClient, client: Client) -> None:
    visitor.post(f"{TASKS}/cleanup-history", headers=BEARER)
    assert list(client.redis.scan_iter("safegrid:limits*"))
    assert not list(client.redis.scan_iter("LIMITS*"))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://cache/0", "redis://cache/0"),
        ("rediss://cache/0", "rediss://cache/0"),
        ("unix:///run/cache.sock?db=1", "redis+unix:///run/cache.sock?db=1"),
    ],
)
def test_every_address_of_redis_holds_the_counts(url: str, expected: str) -> None:
    assert storage_uri(Settings(database_url="postgresql://x/y", redis_url=url)) == expected
