"""A response comes whole, within its time and its size, or is said not to be whole."""

import time
from collections.abc import Iterator

import pytest
import requests

from jobs.responses import NotWhole, session, whole_response
from tests.standins.server import Answer, Delivery, Request, StandinServer

BODY = b'{"whole": true}'


@pytest.fixture
def origin(request: pytest.FixtureRequest) -> Iterator[str]:
    delivery: Delivery = getattr(request, "param", "whole")

    def respond(asked: Request) -> Answer:
        return Answer(body=BODY * 1000 if delivery == "dripping" else BODY, delivery=delivery)

    server = StandinServer(respond)
    server.start()
    yield server.origin
    server.stop()


def ask(origin: str, **options: float) -> bytes:
    return whole_response(session(), "GET", f"{origin}/x?key=secret", **{"timeout_s": 1.0, **options}).body  # type: ignore[arg-type]


def test_what_comes_whole_is_had_with_its_status_and_headers(origin: str) -> None:
    response = whole_response(session(), "GET", f"{origin}/x?key=secret", timeout_s=5)
    assert (response.status, response.json(), response.url) == (200, {"whole": True}, f"{origin}/x")
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize("origin", ["dripping", "dripping headers"], indirect=True)
def test_what_drips_ends_at_the_deadline(origin: str) -> None:
    began = time.monotonic()
    with pytest.raises(NotWhole, match="it took longer than 1 s"):
        ask(origin)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("origin", ["endless"], indirect=True)
def test_what_has_no_end_ends_at_the_size(origin: str) -> None:
    with pytest.raises(NotWhole, match="it is larger than 1 MB"):
        ask(origin, timeout_s=60, most_bytes=2**20)


@pytest.mark.parametrize("origin", ["truncated", "reset"], indirect=True)
def test_what_breaks_off_is_an_error_of_its_own(origin: str) -> None:
    with pytest.raises(requests.RequestException) as caught:
        ask(origin)
    assert not isinstance(caught.value, NotWhole)


def test_the_deadline_of_one_response_is_not_that_of_the_next(origin: str) -> None:
    one = session()
    assert whole_response(one, "GET", origin, timeout_s=0.5).body == BODY
    time.sleep(0.7)
    assert whole_response(one, "GET", origin, timeout_s=0.5).body == BODY
