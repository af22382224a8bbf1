"""The health that the platform asks for."""

import pytest
from flask.testing import FlaskClient

from tests.web.conftest import MakeApp

NOWHERE = {"database_url": "postgresql://somebody:secret@127.0.0.1:9/x", "redis_url": "redis://:secret@127.0.0.1:9/0"}


def test_health_is_ok_when_both_answer(visitor: FlaskClient) -> None:
    answer = visitor.get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("lost", "away"),
    [
        (["database_url"], ["postgresql"]),
        (["redis_url"], ["redis"]),
        (["database_url", "redis_url"], ["postgresql", "redis"]),
    ],
)
def test_health_names_what_is_away_and_tells_no_address(make_app: MakeApp, lost: list[str], away: list[str]) -> None:
    answer = make_app(**{name: NOWHERE[name] for name in lost}).test_client().get("/healthz")
    assert (answer.status_code, answer.json) == (503, {"status": "unavailable", "away": away})
    assert "secret" not in answer.text


def test_the_queues_redis_counts_too(make_app: MakeApp) -> None:
    answer = make_app(own_queue_redis_url=NOWHERE["redis_url"]).test_client().get("/healthz")
    assert answer.json["away"] == ["redis"]
