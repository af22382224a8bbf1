"""The health that the platform asks for."""

from collections.abc import Mapping
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection

from tests.web.conftest import MakeApp
from worker.findings import store

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


def test_a_connection_that_is_cut_in_the_middle_is_no_alarm(
    program: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL was restarted and is back: whoever was asking asks again."""
    claim, cut = store.claim, list[str]()

    def cut_once(connection: Connection, every_s: Mapping[str, float]) -> dict[str, dict[str, Any]]:
        if len(cut) < len(paths):
            cut.append("")
            with connection.begin():
                connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
        return claim(connection, every_s)

    monkeypatch.setattr(store, "claim", cut_once)
    paths: list[str] = []
    for path in ("/metrics", "/api/v1/admin/health", "/", "/findings/"):
        paths.append(path)
        answer = program.get(path)
        assert answer.status_code == 200
        assert "PostgreSQL does not respond" not in answer.text
    assert len(cut) == len(paths)
