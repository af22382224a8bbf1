"""What PostgreSQL or Redis refuse is said in one line, with what to do, and without a password."""

import json
from collections.abc import Iterator

import pytest
from redis import Redis
from sqlalchemy import text

from jobs import database
from tests.conftest import settings_at
from tests.processes import run_command
from tests.servers import DebianPostgres
from worker.engines import Endpoints
from worker.settings import Settings

PASSWORD = "hush-hush"


@pytest.fixture
def guarded(debian: DebianPostgres, engine_endpoints: Endpoints) -> Iterator[DebianPostgres]:
    """A server with a role that may connect and no more."""
    engine = database.create(settings_at(debian.url(), engine_endpoints.redis_url))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE ROLE stranger LOGIN PASSWORD '{PASSWORD}'"))
        yield debian
        connection.execute(text("DROP ROLE stranger"))
    engine.dispose()


DATABASES = {
    "stranger:not-hush-hush@{host}/postgres": ("password authentication failed", "check the user and password"),
    "nobody:not-hush-hush@{host}/postgres": ("password authentication failed", "write # as %23"),
    "stranger@{host}/postgres": ("no password supplied", "has no password"),
    "stranger:hush-hush@{host}/nowhere": ('"nowhere" does not exist', "createdb"),
}


@pytest.mark.parametrize("address", DATABASES)
@pytest.mark.parametrize("command", ["runs", "worker", "scheduler", "migrate"])
def test_a_database_that_lets_nobody_in_is_named_with_its_remedy(
    guarded: DebianPostgres, settings: Settings, address: str, command: str
) -> None:
    url = f"postgresql://{address.format(host=f'127.0.0.1:{guarded.port}')}"
    done = run_command(settings, command, DATABASE_URL=url)
    _is_one_line(done.returncode, done.stderr, *DATABASES[address])


def test_a_role_that_may_create_no_tables_is_told_what_it_needs(guarded: DebianPostgres, settings: Settings) -> None:
    url = f"postgresql://stranger:{PASSWORD}@127.0.0.1:{guarded.port}/postgres"
    done = run_command(settings, "migrate", DATABASE_URL=url)
    _is_one_line(done.returncode, done.stderr, "permission denied for schema public", "docs/deploy.md")
    asked = run_command(settings, "doctor", "--json", DATABASE_URL=url)
    assert "safegrid migrate" in _words(asked.stdout, "PostgreSQL")


def test_a_role_that_may_not_read_is_told_what_it_needs(settings: Settings) -> None:
    engine = database.create(settings)
    with engine.begin() as connection:
        connection.execute(text("DROP ROLE IF EXISTS reader"))
        connection.execute(text("CREATE ROLE reader"))
    try:
        done = run_command(settings, "runs", DATABASE_URL=f"{settings.database_url}&options=-crole%3Dreader")
        _is_one_line(done.returncode, done.stderr, "permission denied for table runs", "docs/deploy.md")
    finally:
        with engine.begin() as connection:
            connection.execute(text("DROP ROLE reader"))
        engine.dispose()


@pytest.fixture
def redis_users(settings: Settings) -> Iterator[str]:
    """The address of a Redis with `{user}` for one of its users: a weak one, or none that it knows."""
    with Redis.from_url(settings.redis_url) as redis:
        redis.execute_command("ACL", "SETUSER", "weak", "reset", "on", f">{PASSWORD}", "+ping", "~nothing")
        yield settings.redis_url.replace("unix://", "unix://{user}@")
        redis.execute_command("ACL", "DELUSER", "weak")


USERS = {
    "weak:not-hush-hush": ("refused the user or password", "write # as %23"),
    "nobody:hush-hush": ("refused the user or password", "check REDIS_URL and QUEUE_REDIS_URL"),
    "weak:hush-hush": ("user of Redis lacks a right", "docs/deploy.md"),
}


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("command", ["workers", "worker", "scheduler"])
def test_a_redis_that_refuses_is_named_with_its_remedy(
    settings: Settings, redis_users: str, user: str, command: str
) -> None:
    done = run_command(settings, command, REDIS_URL=redis_users.format(user=user))
    _is_one_line(done.returncode, done.stderr, *USERS[user])


def test_the_queues_redis_is_tried_too(settings: Settings, redis_users: str) -> None:
    done = run_command(settings, "worker", QUEUE_REDIS_URL=redis_users.format(user="weak:hush-hush"))
    _is_one_line(done.returncode, done.stderr, "user of Redis lacks a right", "docs/deploy.md")


@pytest.mark.parametrize("user", USERS)
def test_doctor_says_the_same(settings: Settings, redis_users: str, user: str) -> None:
    asked = run_command(settings, "doctor", "--json", REDIS_URL=redis_users.format(user=user))
    assert USERS[user][0] in _words(asked.stdout, "Redis")
    assert PASSWORD not in asked.stdout


def test_a_redis_that_asks_for_a_password_is_named_with_its_remedy(settings: Settings) -> None:
    with Redis.from_url(settings.redis_url) as redis:
        redis.execute_command("ACL", "SETUSER", "admin", "on", f">{PASSWORD}", "allcommands", "allkeys", "allchannels")
        admin = Redis.from_url(settings.redis_url, username="admin", password=PASSWORD)
        try:
            redis.execute_command("ACL", "SETUSER", "default", "resetpass", ">another")
            done = run_command(settings, "worker")
        finally:
            admin.execute_command("ACL", "SETUSER", "default", "nopass")
            admin.execute_command("ACL", "DELUSER", "admin")
            admin.close()
    _is_one_line(done.returncode, done.stderr, "requires a password", "redis://:PASSWORD@host")


def test_a_database_beyond_the_last_is_named(settings: Settings) -> None:
    done = run_command(settings, "worker", REDIS_URL=settings.redis_url.replace("db=0", "db=99"))
    _is_one_line(done.returncode, done.stderr, "DB index is out of range", "no database with the number")


@pytest.mark.parametrize("command", ["runs", "worker", "scheduler", "migrate", "web", "doctor"])
def test_an_address_that_cannot_be_read_is_named_by_every_command(settings: Settings, command: str) -> None:
    done = run_command(settings, command, REDIS_URL=f"redis://:{PASSWORD}@127.0.0.1:6379/abc")
    assert done.returncode == 1, done.stderr
    assert "REDIS_URL: must end in the number of a database" in done.stderr
    assert "Traceback" not in done.stderr
    assert PASSWORD not in done.stderr


def _is_one_line(code: int, said: str, *words: str) -> None:
    assert code == 1, said
    assert "Traceback" not in said
    assert PASSWORD not in said
    last = said.strip().splitlines()[-1]
    assert last.startswith("safegrid: ")
    assert all(word in last for word in words), last


def _words(findings: str, what: str) -> str:
    """What doctor accuses this thing of."""
    return next(str(one["words"]) for one in json.loads(findings) if one["what"] == what and not one["fine"])
