"""The grid read in public: however much is asked for, Redis and others do not suffer from it."""

import pytest
from redis import Redis
from sqlalchemy import Connection

from jobs.grid import snapshots
from tests.gridded import Place, build, hold, scattered
from tests.web.conftest import BEARER, MakeApp
from web.http import limits
from worker.settings import Settings


@pytest.fixture
def crimes(connection: Connection) -> list[Place]:
    places = scattered("2024-01", 300)
    hold(connection, "2024-01", places)
    build(connection)
    return places


def kept(settings: Settings) -> int:
    with Redis.from_url(settings.redis_url) as redis:
        return len(redis.keys("safety:snapshot:1:*"))


def test_free_questions_take_the_place_of_others(
    make_app: MakeApp, settings: Settings, crimes: list[Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "PLACES", {2**20: 4})
    program = make_app(public_read=True).test_client()
    paths = [f"/api/v1/grid?bbox=50.{number},-1.4,51.0,-1.3" for number in range(850, 880)]
    answers = [program.get(path).data for path in paths]
    assert 0 < kept(settings) <= 4
    assert [program.get(path).data for path in paths] == answers


def test_an_answer_that_is_too_large_is_not_kept(
    make_app: MakeApp, settings: Settings, crimes: list[Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "PLACES", {100: 4})
    program = make_app(public_read=True).test_client()
    assert len(program.get("/api/v1/grid").json["features"]) > 100
    assert kept(settings) == 0


def test_an_address_reads_so_often(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "READS", "5 per minute")
    program = make_app(public_read=True).test_client()
    states = [program.get("/api/v1/grid").status_code for _ in range(6)]
    assert states == [200] * 5 + [429]
    # All that is read in public counts together; who has come in is not counted.
    assert program.get("/map/").status_code == 429
    assert program.get("/api/v1/grid", headers=BEARER).status_code == 200
