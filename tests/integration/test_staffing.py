"""Workers of a queue are chosen while its supervisor runs, and kept when it starts again."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from redis import Redis
from sqlalchemy import Connection

from tests import jobs_for_tests  # noqa: F401 - enters its jobs into the catalogue
from tests.integration.events.sending import subscribe
from tests.processes import REQUESTER, safegrid, until, work_horse
from worker import liveness, staffing, transport
from worker.cli import looking
from worker.client import Client
from worker.settings import Settings


@pytest.fixture
def queues(settings: Settings) -> Iterator[Redis]:
    with transport.connect(settings) as redis:
        yield redis


def test_workers_come_and_go_as_they_are_chosen(
    settings: Settings, connection: Connection, queues: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.settings.read", lambda: settings)

    def choose(*counts: str) -> None:
        done = CliRunner().invoke(looking.workers, [part for count in counts for part in ("--set", count)])
        assert done.exit_code == 0, done.output

    def there(count: int) -> bool:
        return [list(worker.queues) for worker in liveness.workers(queues)] == [["maintenance"]] * count

    with (
        Client(settings) as client,
        safegrid(settings, "worker", "maintenance", log=tmp_path / "log", SAFEGRID_MAX_WORKERS="3"),
    ):
        run_id = client.submit("wait_in_database", {"seconds": 1.5}, REQUESTER).run_id
        work_horse(client, run_id)
        choose("maintenance=9")
        until(lambda: there(3), "two more are there, and no third")
        choose("maintenance=1")
        until(lambda: there(1), "two have gone")
        # Whichever of them had it.
        assert client.wait(run_id, 60).state == "finished"
        choose("maintenance=2")
    assert staffing.chosen(connection) == {"maintenance": 2}
    assert staffing.wanted(connection, ["maintenance", "cache"], 1, 8) == [2, 1]
    choose("maintenance=usual")
    assert staffing.wanted(connection, ["maintenance", "cache"], 1, 8) == [1, 1]


def test_events_have_a_worker_as_soon_as_somebody_is_told(connection: Connection) -> None:
    assert staffing.wanted(connection, ["cache", "events"], 1, 8) == [1, 0]
    subscribe(connection, "https://example.org/hook")
    assert staffing.wanted(connection, ["cache", "events"], 1, 8) == [1, 1]


def test_a_number_that_cannot_be_is_refused(connection: Connection) -> None:
    for count in (0, 65):
        with pytest.raises(staffing.WrongCount, match="from 1 to 64"):
            staffing.choose(connection, "cache", count, "me")
    for words in ("nothing=1", "cache=many", "cache"):
        assert CliRunner().invoke(looking.workers, ["--set", words]).exit_code == 2
