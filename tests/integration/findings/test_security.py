"""Engines of production that others could read."""

import pytest
from sqlalchemy import Connection

from tests.integration.findings.looking import looking
from worker.findings.security import Address
from worker.settings import Settings

GOOD = "y3-Wk8Qp0zL5nT7v"


@pytest.mark.parametrize(
    ("url", "is_encrypted"),
    [
        ("postgresql+psycopg2://safegrid:x@db.example.org/safegrid", False),
        ("postgresql+psycopg2://safegrid:x@db.example.org/safegrid?sslmode=prefer", False),
        ("postgresql+psycopg2://safegrid:x@db.example.org/safegrid?sslmode=verify-full", True),
        ("postgresql+psycopg2://safegrid@/safegrid?host=/run/postgresql", True),
        ("postgresql+psycopg2://safegrid:x@127.0.0.1/safegrid", True),
        ("redis://:x@cache.example.org:6379/0", False),
        ("rediss://:x@cache.example.org:6379/0", True),
        ("unix:///run/redis.sock", True),
    ],
)
def test_what_is_on_the_way_in_the_clear(url: str, is_encrypted: bool) -> None:
    assert Address.read("DATABASE_URL", url).is_encrypted is is_encrypted


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("", "is missing"),
        ("short", "fewer than 12"),
        ("changeme-changeme", "placeholder"),
        ("qwertyuiop123456", "easy to guess"),
        (GOOD, None),
    ],
)
def test_weak_passwords_are_named_in_production_without_themselves(
    settings: Settings, connection: Connection, password: str, said: str | None
) -> None:
    url = f"rediss://:{password}@127.0.0.2:9/0"
    with looking(settings, connection, app_env="production", own_queue_redis_url=url) as looker:
        found = looker.of("weak_password")
        assert (said in found["QUEUE_REDIS_URL"].cause) if said else not found
        assert not any(password in one.cause for one in found.values() if password)
    with looking(settings, connection, own_queue_redis_url=url) as looker:
        assert not looker.of("weak_password")


def test_an_engine_without_tls_is_named_in_production(settings: Settings, connection: Connection) -> None:
    for scheme, wrong in (("redis", {"QUEUE_REDIS_URL"}), ("rediss", set())):
        url = f"{scheme}://:{GOOD}@127.0.0.2:9/0"
        with looking(settings, connection, app_env="production", own_queue_redis_url=url) as looker:
            assert set(looker.of("no_tls")) == wrong
