"""How long a source asks to wait."""

import datetime as dt
from email.utils import format_datetime

import pytest

from jobs.http import LONGEST_ASKED_WAIT_S, SourceUnavailable, json_of
from jobs.responses import Response


def asked(header: str | None) -> float:
    headers = {} if header is None else {"Retry-After": header}
    response = Response("https://police.example/api", 429, "Too Many Requests", headers, b"")
    with pytest.raises(SourceUnavailable, match="responded with 429") as caught:
        json_of(response, str)
    return caught.value.retry_after_s


@pytest.mark.parametrize(("header", "seconds"), [("0", 0), ("7", 7), ("9999", LONGEST_ASKED_WAIT_S)])
def test_a_number_is_seconds_up_to_a_limit(header: str, seconds: float) -> None:
    assert asked(header) == seconds


def test_a_date_is_the_time_until_then() -> None:
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=60)
    assert 55 < asked(format_datetime(soon, usegmt=True)) <= 60
    past = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    assert asked(format_datetime(past, usegmt=True)) == 0


@pytest.mark.parametrize("header", [None, "", "soon", "-5", "1e9"])
def test_anything_else_asks_for_nothing(header: str | None) -> None:
    assert asked(header) == 0
