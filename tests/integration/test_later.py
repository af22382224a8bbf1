"""Runs that are asked for now and begin at a time that was named."""

import datetime as dt
import time
from collections.abc import Iterator

import pytest
from click.testing import CliRunner
from redis import Redis
from sqlalchemy import Connection

from jobs import catalogue
from jobs.catalogue import DeclarationError, job
from jobs.errors import ParameterError
from tests import jobs_for_tests  # noqa: F401 - enters its jobs into the catalogue
from tests.integration.transitions import put
from tests.processes import REQUESTER
from worker import attempts, claim, due, ledger, occurrences, performing, sweep, transport
from worker.cli.asking import COMMANDS
from worker.ledger import Submission
from worker.settings import Settings

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def queues(settings: Settings) -> Iterator[Redis]:
    with transport.connect(settings) as redis:
        yield redis


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def ask(connection: Connection, due_at: dt.datetime | None = None, number: int = 1) -> Submission:
    return ledger.submit(connection, catalogue.find("do_nothing"), {"number": number}, REQUESTER, due_at=due_at)


def test_a_run_begins_at_its_time_though_redis_was_wiped_and_nobody_remembers(
    settings: Settings, connection: Connection, queues: Redis
) -> None:
    begins = now() + dt.timedelta(seconds=1)
    run_id = ask(connection, begins).run_id
    assert sweep.push_due(connection, queues) == 0
    performing.perform(settings, run_id, "a worker")
    assert ledger.get(connection, run_id).state == "waiting"
    queues.flushall()
    time.sleep(1.1)
    assert sweep.push_due(connection, queues) == 1
    performing.perform(settings, run_id, "a worker")
    run = ledger.get(connection, run_id)
    assert (run.state, run.started_at > begins) == ("finished", True)


@pytest.mark.parametrize(
    ("first", "second", "is_sooner", "begins_in"),
    [(3, 2, True, 2), (2, 3, False, 2), (3, None, True, 0), (None, 3, False, 0)],
)
def test_the_earlier_of_equal_requests_gives_the_time(
    connection: Connection, first: int | None, second: int | None, is_sooner: bool, begins_in: int
) -> None:
    start = now()
    made = ask(connection, start + first * HOUR if first else None)
    again = ask(connection, start + second * HOUR if second else None)
    assert again == Submission(made.run_id, is_new=False, is_sooner=is_sooner)
    run = ledger.get(connection, made.run_id)
    assert abs(run.due_at - start - begins_in * HOUR) < dt.timedelta(seconds=30)
    assert ask(connection, start + HOUR, number=2).is_new


def test_a_run_that_waits_for_its_next_attempt_keeps_its_delay(connection: Connection) -> None:
    put(connection, "waiting", "attempt = 1, due_at = now() + interval '1 hour'", number=1)
    assert ask(connection) == Submission(ledger.latest(connection, 1)[0].id, is_new=False)
    assert ledger.latest(connection, 1)[0].due_at > now() + HOUR / 2


def test_a_later_run_is_no_running_one(connection: Connection) -> None:
    warm = catalogue.find("warm-cache")
    running = ledger.submit(connection, warm, {}, REQUESTER).run_id
    assert claim.acquire(connection, running)
    assert attempts.claim(connection, running, "a worker") is not None
    assert ledger.submit(connection, warm, {}, REQUESTER).run_id == running
    assert ledger.submit(connection, warm, {}, REQUESTER, due_at=now() + HOUR).is_new


def test_a_run_that_is_planned_is_in_no_cadences_way(connection: Connection) -> None:
    warm = catalogue.find("warm-cache")
    occurrences.reconcile(connection, {warm.name: warm}, now() - 7 * HOUR)
    ledger.submit(connection, warm, {}, REQUESTER, due_at=now() + 48 * HOUR)
    assert len(occurrences.take_due(connection, {warm.name: warm}, now())) == 1


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("2026-05-01T03:00Z", dt.datetime(2026, 5, 1, 3, tzinfo=dt.UTC)),
        ("2026-05-01T03:00", dt.datetime(2026, 5, 1, 3, tzinfo=dt.UTC)),
        ("2026-05-01 03:00", dt.datetime(2026, 5, 1, 3, tzinfo=dt.UTC)),
        ("2026-05-01T03:00+02:00", dt.datetime(2026, 5, 1, 1, tzinfo=dt.UTC)),
        ("2026-05-01T03:00 02:00", dt.datetime(2026, 5, 1, 1, tzinfo=dt.UTC)),
        (" ", None),
    ],
)
def test_times_are_read_as_they_are_meant(text: str, begins: dt.datetime | None) -> None:
    assert due.time("do_nothing", text) == begins


@pytest.mark.parametrize("text", ["tomorrow", "2026-13-01T00:00", "9999-01-01T00:00Z", "0001-01-01T00:00+23:00", "12"])
def test_what_is_no_time_or_too_far_away_is_refused(text: str) -> None:
    with pytest.raises(ParameterError, match="due_at"):
        due.time("do_nothing", text)


def test_no_job_has_a_parameter_of_that_name() -> None:
    def late(due_at: str = "") -> None:
        """Be late."""

    with pytest.raises(DeclarationError, match="choose another name"):
        job(queue="cache", slug="late")(late)


def test_a_command_asks_for_a_later_run(
    settings: Settings, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.settings.read", lambda: settings)
    begins = now() + HOUR
    run = next(command for command in COMMANDS if command.name == "run")
    done = CliRunner().invoke(run, ["do_nothing", "--due-at", begins.isoformat()])
    assert done.exit_code == 0, done.output
    assert ledger.get(connection, done.stdout.strip()).due_at == begins
