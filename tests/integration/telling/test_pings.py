"""A watcher elsewhere hears when a job starts, succeeds and fails, and every minute whether all goes on."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from jobs import catalogue
from jobs.errors import SettingsError
from jobs.settings import load
from tests.integration.crimes import change
from tests.integration.findings.looking import Looker, end
from tests.integration.transitions import put
from tests.processes import REQUESTER
from tests.standins.server import Answer, Request, Standin
from worker import ledger
from worker.settings import Settings
from worker.telling import pings


class Watcher(Standin):
    """Takes pings as Healthchecks.io does: 200 and OK."""

    def __init__(self) -> None:
        super().__init__(self._respond, 0)
        self.heard: list[Request] = []
        self.status = 200

    @property
    def url(self) -> str:
        return f"{self._server.origin}/ping/a-secret"

    @property
    def paths(self) -> list[str]:
        return [one.path.removeprefix("/ping/a-secret") for one in self.heard]

    def _respond(self, request: Request) -> Answer:
        self.heard.append(request)
        return Answer(self.status, b"OK")


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    with Watcher() as watcher:
        yield watcher


def begin(connection: Connection) -> str:
    run_id = ledger.submit(connection, catalogue.find("cleanup-history"), {}, REQUESTER).run_id
    change(connection, "UPDATE runs SET state = 'started', started_at = clock_timestamp() WHERE id = :id", id=run_id)
    return run_id


@pytest.mark.parametrize(("state", "path"), [("finished", ""), ("failed", "/fail")])
def test_start_and_end_of_a_job_are_told_once(
    settings: Settings, connection: Connection, watcher: Watcher, state: str, path: str
) -> None:
    settings = settings.model_copy(update={"pings": f"cleanup-history={watcher.url}"})
    run_id = begin(connection)
    put(connection, "finished", "attempt = 1")
    pings.send_due(settings, connection)
    end(connection, run_id, state, "it broke" if state == "failed" else None)
    for _ in range(2):
        pings.send_due(settings, connection)
    assert watcher.paths == ["/start", path]
    assert {one.parameters["rid"] for one in watcher.heard} == {run_id}
    assert watcher.heard[1].body == (b"it broke" if state == "failed" else b"")


def test_a_ping_that_is_not_taken_is_sent_again(settings: Settings, connection: Connection, watcher: Watcher) -> None:
    settings = settings.model_copy(update={"pings": f"cleanup-history={watcher.url}"})
    begin(connection)
    watcher.status = 500
    pings.send_due(settings, connection)
    watcher.status = 200
    for _ in range(2):
        pings.send_due(settings, connection)
    assert watcher.paths == ["/start", "/start"]


def test_the_whole_is_told_every_minute_as_well_or_not(
    settings: Settings, connection: Connection, looker: Looker, watcher: Watcher
) -> None:
    settings = settings.model_copy(update={"ping_url": watcher.url})
    for _ in range(2):
        pings.send_due(settings, connection)
    looker.all()
    pings.send_due(settings, connection)
    assert watcher.paths == ["", "/fail"]
    assert b"No worker is running" in watcher.heard[1].body


def test_what_stands_behind_a_question_mark_stays_there() -> None:
    assert pings.address_of("https://hc.example.org/k/slug?create=1", "start", "7") == (
        "https://hc.example.org/k/slug/start?create=1&rid=7"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SAFEGRID_PING_URL", "http://hc-ping.com/x"),
        ("SAFEGRID_PINGS", "warm-cache"),
        ("SAFEGRID_PINGS", "=https://a.b"),
    ],
)
def test_what_cannot_be_pinged_is_refused(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name):
        load(Settings)
