"""How often somebody may ask."""

import pytest
from flask.testing import FlaskClient

from tests.web.conftest import BEARER, TASKS, MakeApp, csrf_token, sign_in
from web.http import known as known_browsers
from web.http import limits
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


@pytest.fixture
def many_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Apps that are made from now on take requests as if each came from an address of its own."""
    monkeypatch.setattr(limits, "SIGN_INS", "1000 per minute")


def test_guesses_at_a_name_from_many_addresses_are_refused(many_addresses: None, make_app: MakeApp) -> None:
    app = make_app()
    known = app.test_client()
    assert sign_in(known).status_code == 303
    assert guesses(app.test_client(), 21) == [401] * 20 + [429]
    stranger = app.test_client()
    refused = sign_in(stranger)
    assert (refused.status_code, "wrong passwords in 15 minutes for this name" in refused.text) == (429, True)
    # Another name has a count of its own, whatever its letters look like; who was here before comes in.
    assert [sign_in(stranger, "guess", name).status_code for name in ("other", "\uff21dmin")] == [401, 429]
    known.post("/sign-out", data={"csrf_token": csrf_token(known)})
    assert sign_in(known).status_code == 303
    mark = known.get_cookie(known_browsers.COOKIE)
    assert mark is not None
    assert mark.http_only
    stranger.set_cookie(known_browsers.COOKIE, mark.value[:-1] + "0")
    assert sign_in(stranger).status_code == 429


def test_a_right_password_costs_no_try(many_addresses: None, make_app: MakeApp) -> None:
    app = make_app()
    assert [sign_in(app.test_client()).status_code for _ in range(22)] == [303] * 22


def test_tokens_that_open_nothing_are_counted_and_right_ones_are_not(make_app: MakeApp) -> None:
    program = make_app().test_client(use_cookies=False)
    wrong = {"Authorization": "Bearer sg_wrong"}
    answers = [program.get(TASKS, headers=wrong) for _ in range(31)]
    assert [answer.status_code for answer in answers] == [401] * 30 + [429]
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert program.get(TASKS, headers=BEARER).status_code == 200


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Apps that are made from now on allow few requests."""
    monkeypatch.setattr(limits, "REQUESTS", "3 per minute")


def test_a_script_may_ask_for_hundreds_of_runs_a_minute(program: FlaskClient) -> None:
    answers = [program.post(f"{TASKS}/cleanup-history", json={"retention_days": days}) for days in range(1, 121)]
    assert {answer.status_code for answer in answers} == {202}


def test_each_user_and_token_has_a_count_of_its_own(few: None, make_app: MakeApp) -> None:
    app = make_app()
    program, browser = app.test_client(use_cookies=False), app.test_client()
    token = program.post("/api/v1/admin/tokens", json={"name": "other", "role": "operator"}, headers=BEARER).json
    answers = [program.post(f"{TASKS}/cleanup-history", headers=BEARER) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
    refused = answers[3]
    assert refused.content_type == "application/problem+json"
    assert int(refused.headers["Retry-After"]) >= 1
    assert program.get(TASKS, headers=BEARER).status_code == 200
    other = {"Authorization": f"Bearer {token['token']}"}
    assert program.post(f"{TASKS}/cleanup-history", headers=other).status_code == 202
    sign_in(browser)
    assert browser.post("/jobs/cleanup-history", data={"csrf_token": csrf_token(browser)}).status_code == 303


def test_a_form_that_is_refused_keeps_its_values(few: None, make_app: MakeApp) -> None:
    browser = make_app().test_client()
    sign_in(browser)
    form = {"csrf_token": csrf_token(browser), "retention_days": "43"}
    for _ in range(3):
        browser.post("/jobs/cleanup-history", data=form)
    page = browser.post("/jobs/cleanup-history", data=form)
    assert page.status_code == 429
    assert int(page.headers["Retry-After"]) >= 1
    assert 'value="43"' in page.text
    assert "More than 3 per 1 minute. Try again in" in page.text
    area = {"csrf_token": form["csrf_token"], "slug": "eastleigh", "name": "Eastleigh", "box": "50.9,-1.4,51,-1.3"}
    kept = browser.post("/areas/", data=area)
    assert kept.status_code == 429
    assert 'value="50.9,-1.4,51,-1.3"' in kept.text
    border = browser.post("/areas/southampton-core/border", data=area)
    assert border.status_code == 429
    assert "50.9,-1.4,51,-1.3" in border.text


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
