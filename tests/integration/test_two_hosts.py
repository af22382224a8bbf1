"""Two hosts with workers, of which one is cut off in the middle of its runs."""

import itertools
import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import Row, text

from jobs import database
from tests.conftest import settings_at
from tests.faults.audit import Violations, check_steps
from tests.faults.house import EFFECTS
from tests.network import Network, network
from tests.processes import REQUESTER, safegrid, until
from tests.servers import DebianPostgres, debian_postgres, valkey
from worker import attempts, system
from worker.client import Client
from worker.settings import Settings

log = logging.getLogger(__name__)

PASSWORD = "of-the-tests-only"
RUNS = 6
STEPS = 20
STEP_S = 0.4
# PostgreSQL gives the claim of a host that is silent free after about 20 s; the sweep finds it within seconds.
LONGEST_S = 90
# Longer than what a cut-off host may still hold back: TCP's own retries, and its limit of 20 s.
AFTERWARDS_S = 25
_STEPS = text("SELECT id, run_id, step, writer FROM effects ORDER BY run_id, written_at, id")


@pytest.fixture(scope="module")
def hosts() -> Iterator[Network]:
    with network(2) as made:
        yield made


@pytest.fixture
def settings(hosts: Network) -> Iterator[Settings]:
    """Settings of engines that only the network leads to."""
    with debian_postgres(hosts.address, hosts.neighbours) as server, valkey(hosts.address) as redis_url:
        _set_password(server)
        url = f"postgresql://postgres:{PASSWORD}@{hosts.address}:{server.port}/postgres"
        found = settings_at(url.replace("postgresql", "postgresql+psycopg2"), redis_url)
        system.migrate(found)
        engine = database.create(found)
        with engine.begin() as connection:
            connection.execute(text(EFFECTS))
        engine.dispose()
        yield found


def _set_password(server: DebianPostgres) -> None:
    engine = database.create(settings_at(server.url(), "redis://unused/0"))
    with engine.begin() as connection:
        connection.execute(text(f"ALTER ROLE postgres PASSWORD '{PASSWORD}'"))
    engine.dispose()


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    with Client(settings) as client:
        yield client


def effects(client: Client) -> Sequence[Row[Any]]:
    with client.engine.connect() as connection, connection.begin():
        return connection.execute(_STEPS).all()


def attempts_of(client: Client, run_id: str) -> Sequence[Row[Any]]:
    with client.engine.connect() as connection:
        return attempts.of(connection, run_id)


def host_of(attempt: Row[Any]) -> str:
    return str(attempt.worker.partition(":")[0])


@pytest.mark.long
@pytest.mark.parametrize("first", ["INPUT", "OUTPUT"])
def test_the_runs_of_a_host_that_is_cut_off_finish_on_the_other_and_nothing_twice(
    hosts: Network, settings: Settings, client: Client, tmp_path: Path, first: str
) -> None:
    lost, other = hosts.hosts
    logs = tmp_path / "lost.log", tmp_path / "other.log"
    with (
        safegrid(settings, "worker", "maintenance", log=logs[0], inside=lost.inside) as cut,
        safegrid(settings, "worker", "maintenance", log=logs[1], inside=other.inside) as left,
    ):
        until(lambda: _listening(settings) >= 2, "both hosts have workers")
        parameters = {"steps": STEPS, "seconds": STEP_S}
        runs = [client.submit("take_steps", {"name": f"{n}", **parameters}, REQUESTER).run_id for n in range(RUNS)]
        begun = until(lambda: _at_work(client, runs, lost.name), "the first host is in the middle of a run")
        lost.cut_off(first)
        since = time.monotonic()
        for run_id in runs:
            run = client.wait(run_id, max(1.0, LONGEST_S - (time.monotonic() - since)))
            assert run.state == "finished", run.error
        took = time.monotonic() - since
        for run_id in begun:
            first, *_, last = attempts_of(client, run_id)
            assert (host_of(first), first.outcome) == (lost.name, "lost")
            assert (host_of(last), last.outcome) == (other.name, "finished")
        done = effects(client)
        lost.bring_back()
        time.sleep(AFTERWARDS_S)
        assert effects(client) == done, "the old attempt wrote once it could"
        assert all(client.run(run_id).state == "finished" for run_id in runs)
        _check(runs, done)
        until(lambda: _takes_a_run(client, lost.name), "the host that is back takes runs again")
        assert (cut.poll(), left.poll()) == (None, None)
    log.info("%d of %d runs were cut off; all were finished after %.0f s", len(begun), RUNS, took)


def _listening(settings: Settings) -> int:
    with Redis.from_url(settings.redis_url) as redis:
        return int(redis.scard("rq:workers:maintenance"))  # type: ignore[arg-type]


def _at_work(client: Client, runs: Sequence[str], host: str) -> list[str]:
    """The runs that this host has written three steps of, and not the last ones."""
    steps = Counter(row.run_id for row in effects(client))
    middle = [run_id for run_id in runs if 3 <= steps[run_id] < STEPS - 5]
    return [run_id for run_id in middle if host_of(attempts_of(client, run_id)[-1]) == host]


def _check(runs: Sequence[str], rows: Sequence[Row[Any]]) -> None:
    found = Violations([], [])
    written = {run_id: list(group) for run_id, group in itertools.groupby(rows, lambda row: row.run_id)}
    for run_id in runs:
        check_steps(run_id, written[run_id], STEPS, found)
    assert not found, found


def _takes_a_run(client: Client, host: str) -> bool:
    """Whether this host takes one of a few new runs."""
    runs = [client.submit("take_steps", {"name": f"{number}", "steps": 2}, REQUESTER).run_id for number in range(4)]
    for run_id in runs:
        client.wait(run_id, LONGEST_S)
    return any(host_of(attempt) == host for run_id in runs for attempt in attempts_of(client, run_id))
