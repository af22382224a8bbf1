"""A connection that is frozen, or a server that is, holds nobody for ever: each read has an end."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import redis
from redis import Redis
from sqlalchemy import Connection, Engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError

from jobs import cache, catalogue, database, deadlines
from jobs.deadlines import within
from tests import jobs_for_tests
from tests.faults.house import EFFECTS
from tests.flows import Proxy
from tests.processes import children, is_alive, safegrid, until, work_horse
from worker import attempts, claim, doctor, ledger, performing, progress, pulse, sweep, transport
from worker.client import Client
from worker.errors import ClaimLost
from worker.ledger import Requester
from worker.limits import Watchdog
from worker.settings import Settings

ME = Requester("python", "a test")
END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"


@pytest.fixture
def to_postgresql(settings: Settings) -> Iterator[Proxy]:
    url = make_url(settings.database_url)
    with Proxy(f"{url.query['host']}/.s.PGSQL.{url.query['port']}") as proxy:
        yield proxy


@pytest.fixture
def through(settings: Settings, to_postgresql: Proxy) -> Settings:
    """Settings that reach PostgreSQL through the proxy."""
    url = make_url(settings.database_url).set(host="127.0.0.1", port=to_postgresql.port, query={})
    return settings.model_copy(update={"database_url": url.render_as_string(hide_password=False)})


@pytest.fixture
def to_redis(settings: Settings) -> Iterator[Proxy]:
    with Proxy(_address(settings)) as proxy:
        yield proxy


def _address(settings: Settings) -> Any:
    with Redis.from_url(settings.redis_url) as client:
        kwargs = client.connection_pool.connection_kwargs
    return kwargs.get("path") or (kwargs["host"], kwargs["port"])


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same waits, a tenth as long."""
    monkeypatch.setattr(pulse, "BEAT_S", 0.2)
    monkeypatch.setattr(pulse, "SILENCE_S", 1.5)
    monkeypatch.setattr(pulse, "_LOOK_S", 0.1)


def test_what_waits_in_a_frozen_connection_ends_with_an_error(through: Settings, to_postgresql: Proxy) -> None:
    with database.once(through) as connection:
        to_postgresql.freeze()
        with pytest.raises(DBAPIError), within(connection, 0.5), connection.begin():
            connection.execute(text("SELECT 1"))


def test_a_deadline_that_is_kept_shuts_nothing(settings: Settings) -> None:
    with database.once(settings) as connection:
        with within(connection, 0.2), connection.begin():
            connection.execute(text("SELECT 1"))
        time.sleep(0.4)
        with connection.begin():
            assert connection.scalar(text("SELECT 1")) == 1


def work(settings: Settings, engine: Engine, statement: str) -> float:
    """Claim a run, do its one statement with a pulse, and return the seconds that it took."""
    with engine.connect() as connection, pulse.Pulse(settings, connection) as beating:
        run_id = ledger.submit(connection, catalogue.find("wait_in_database"), {}, ME).run_id
        assert claim.acquire(connection, run_id)
        claimed = attempts.claim(connection, run_id, "a worker")
        assert claimed is not None
        began = time.monotonic()
        with (
            Watchdog(settings, connection, "wait_in_database", 60).watch() as watchdog,
            beating.of(claimed, watchdog.end),
            connection.begin(),
        ):
            connection.execute(text(statement))
        return time.monotonic() - began


def test_a_frozen_server_ends_the_work_and_frees_the_claim(
    settings: Settings, through: Settings, to_postgresql: Proxy, connection: Connection
) -> None:
    to_postgresql_later(to_postgresql)
    with pytest.raises(ClaimLost, match="PostgreSQL has not responded"):
        work(through, database.create(through), "SELECT pg_sleep(30)")


def to_postgresql_later(proxy: Proxy) -> None:
    """Freeze all flows in a moment, and every new one as well."""
    import threading

    def freeze() -> None:
        time.sleep(1)
        for _ in range(100):
            proxy.freeze()
            time.sleep(0.05)

    threading.Thread(target=freeze, daemon=True).start()


def test_a_frozen_connection_to_a_living_server_is_ended_there_too(
    settings: Settings, through: Settings, to_postgresql: Proxy, connection: Connection
) -> None:
    """Only the claim's own flow is frozen: the pulse goes another way and has the server end the connection."""
    with pytest.raises(ClaimLost, match="the connection is frozen"):
        work(settings, _frozen_soon(through, to_postgresql), "SELECT 1")
    (run,) = ledger.latest(connection, 1)
    until(lambda: claim.acquire(connection, run.id), "the server has given the claim up")


def _frozen_soon(through: Settings, proxy: Proxy) -> Engine:
    """An engine whose connection freezes before the job's own statement."""
    engine = database.create(through)

    @event.listens_for(engine, "before_cursor_execute")
    def freeze(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement == "SELECT 1":
            proxy.freeze()

    return engine


def test_a_long_statement_on_a_living_server_is_left_alone(settings: Settings) -> None:
    assert work(settings, database.create(settings), "SELECT pg_sleep(4)") >= 4


def test_a_cancel_is_heard_without_redis(settings: Settings, connection: Connection) -> None:
    import threading

    def cancel() -> None:
        with database.once(settings) as other:
            run = until(lambda: ledger.latest(other, 1), "the run is there")[0]
            until(lambda: ledger.get(other, run.id).state == "started", "it has begun")
            ledger.cancel(other, run.id, "me")

    threading.Thread(target=cancel, daemon=True).start()
    deaf = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    run_id = ledger.submit(connection, catalogue.find("wait_in_database"), {}, ME).run_id
    performing.perform(deaf, run_id, "a worker")
    run = ledger.get(connection, run_id)
    assert (run.state, run.cancel_requested_by) == ("cancelled", "me")


def test_a_run_whose_connection_was_ended_pays_for_no_loss(settings: Settings, connection: Connection) -> None:
    import threading

    def end() -> None:
        with database.once(settings) as other:
            until(lambda: ledger.latest(other, 1)[0].state == "started", "it has begun")
            with other.begin():
                other.execute(text(f"{END} WHERE application_name LIKE 'safegrid run%'"))

    run_id = ledger.submit(connection, catalogue.find("wait_in_database"), {}, ME).run_id
    threading.Thread(target=end, daemon=True).start()
    assert performing.perform(settings, run_id, "a worker") is None
    run = ledger.get(connection, run_id)
    assert (run.state, run.losses, run.failures) == ("waiting", 0, 0)
    assert "PostgreSQL closed the connection of the attempt" in attempts.of(connection, run_id)[0].error


def test_a_loss_that_was_counted_already_is_given_back_once(connection: Connection, engine: Engine) -> None:
    run_id = ledger.submit(connection, catalogue.find("do_nothing"), {}, ME).run_id
    with engine.connect() as other:
        assert claim.acquire(other, run_id)
        claimed = attempts.claim(other, run_id, "a worker")
        assert claimed is not None
    with connection.begin():
        connection.execute(text("UPDATE runs SET losses = 3"))
        attempts.settle_lost(connection, ledger_row(connection, run_id))
    assert ledger.get(connection, run_id).losses == 4
    assert attempts.excuse(connection, claimed)
    assert not attempts.excuse(connection, claimed)
    assert ledger.get(connection, run_id).losses == 3


def test_a_work_horse_that_was_silent_is_not_excused(connection: Connection, engine: Engine) -> None:
    """It may be silent at every attempt, and would begin again for ever."""
    run_id = ledger.submit(connection, catalogue.find("do_nothing"), {}, ME).run_id
    with engine.connect() as other:
        assert claim.acquire(other, run_id)
        claimed = attempts.claim(other, run_id, "a worker")
        assert claimed is not None
        with connection.begin():
            connection.execute(text("UPDATE attempts SET beat_at = now() - interval '2 minutes'"))
        until(lambda: sweep.settle(connection), "its claim is taken away")
    assert not attempts.excuse(connection, claimed)
    assert ledger.get(connection, run_id).losses == 1
    assert "no heartbeat for 50 s" in attempts.of(connection, run_id)[0].error


def test_a_work_horse_waits_for_a_postgresql_that_restarts_and_for_none_that_refuses_it(
    settings: Settings, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = ledger.submit(connection, catalogue.find("do_nothing"), {}, ME).run_id
    engine = database.create(settings)
    tries: list[int] = []

    @event.listens_for(engine, "do_connect")
    def away(*_: Any) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise psycopg2.OperationalError("the database system is starting up")

    assert performing.perform(settings, run_id, "a worker", engine=engine)["task"] == "do_nothing"
    assert len(tries) == 3
    nobody = make_url(settings.database_url).set(username="nobody").render_as_string(hide_password=False)
    began = time.monotonic()
    with pytest.raises(OperationalError, match=r"does not exist|authentication failed"):
        performing.perform(settings.model_copy(update={"database_url": nobody}), run_id, "a worker")
    assert time.monotonic() - began < 5


def ledger_row(connection: Connection, run_id: str) -> Any:
    return connection.execute(text("SELECT * FROM runs WHERE id = :id"), {"id": run_id}).one()


def test_redis_that_is_frozen_holds_no_command_for_long(settings: Settings, to_redis: Proxy) -> None:
    there = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{to_redis.port}/0"})
    for client in (transport.connect(there, timeout_s=0.5), cache.connect(there)):
        client.connection_pool.connection_kwargs["socket_timeout"] = 0.5
        client.ping()
        assert to_redis.freeze()
        # A new connection is another flow, which passes.
        began = time.monotonic()
        assert client.ping()
        assert time.monotonic() - began < 10
    assert all(
        client.connection_pool.connection_kwargs["socket_timeout"]
        for client in (transport.connect(there), cache.connect(there))
    )


def test_progress_costs_little_while_redis_is_away(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        away = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{silent.getsockname()[1]}/0"})
        report = progress.Reporter(transport.connect(away, timeout_s=0.3), "a-run")
        began = time.monotonic()
        for step in range(50):
            report(0, step + 1, "still there")
        assert time.monotonic() - began < 5


@pytest.mark.long
def test_a_sweep_and_a_work_horse_that_are_stopped_for_good_are_replaced(
    settings: Settings, connection: Connection, tmp_path: Path
) -> None:
    with connection.begin():
        connection.execute(text(EFFECTS))
    with (
        safegrid(settings, "worker", "maintenance", log=tmp_path / "log") as supervisor,
        Client(settings) as client,
    ):
        run_id = client.submit(jobs_for_tests.take_steps.__name__, {"steps": 10, "seconds": 0.3}, ME).run_id
        horse = work_horse(client, run_id)
        stopped = [*children(supervisor.pid), horse]
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        run = client.wait(run_id, 110)
        assert (run.state, run.attempt) == ("finished", 2)
        until(lambda: not any(map(is_alive, stopped)), "all that were stopped are gone")
    with connection.begin():
        assert connection.scalars(text("SELECT step FROM effects ORDER BY step")).all() == list(range(10))


@pytest.mark.long
def test_a_work_horse_that_is_stopped_for_good_costs_its_run_one_loss(
    settings: Settings, connection: Connection, tmp_path: Path
) -> None:
    with connection.begin():
        connection.execute(text(EFFECTS))
    with safegrid(settings, "worker", "maintenance", log=tmp_path / "log"), Client(settings) as client:
        run_id = client.submit(jobs_for_tests.take_steps.__name__, {"steps": 10, "seconds": 0.3}, ME).run_id
        os.kill(work_horse(client, run_id), signal.SIGSTOP)
        run = client.wait(run_id, 90)
        assert (run.state, run.attempt, run.losses) == ("finished", 2, 1), run.error


def test_doctor_names_a_connection_that_freezes_while_it_looks(
    through: Settings, to_postgresql: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "LONGEST_S", 0.5)
    monkeypatch.setattr(doctor.schema, "check", lambda _: to_postgresql.freeze())
    found = [line.words for line in doctor.examine(through) if line.what == "PostgreSQL" and not line.fine]
    assert any("PostgreSQL cannot be reached" in words for words in found), found


def test_the_scheduler_s_redis_has_an_end(settings: Settings) -> None:
    with pytest.raises(redis.TimeoutError), socket.create_server(("127.0.0.1", 0)) as silent:
        transport.connect(
            settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{silent.getsockname()[1]}/0"}), timeout_s=0.3
        ).ping()


@pytest.mark.parametrize("kind", ["pool", "glances", "probes"])
def test_the_web_waits_for_no_frozen_connection(
    through: Settings, to_postgresql: Proxy, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(database, "limited_to", lambda _seconds: deadlines.limited_to(0.5))
    engine = {
        "pool": lambda: database.create(through, pool=True),
        "glances": lambda: database.create_for_glances(through, "a test"),
        "probes": lambda: database.create_for_probes(through, "a test", 2),
    }[kind]()
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1
    to_postgresql.freeze()
    began = time.monotonic()
    if kind == "glances":
        # Its connections are not tested when they are taken: the first statement fails, as after a restart.
        with pytest.raises(DBAPIError), engine.connect() as connection:
            connection.scalar(text("SELECT 1"))
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1
    assert time.monotonic() - began < 8
    engine.dispose()
