"""Whoever listens at ALERT_WEBHOOK_URL learns of every run that fails."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from jobs import catalogue
from jobs.errors import SettingsError
from jobs.settings import load
from tests import jobs_for_tests  # noqa: F401 - enters its jobs into the catalogue
from tests.processes import REQUESTER, safegrid, until
from worker import alerts, ledger
from worker.client import Client
from worker.settings import Settings

SECRET = "/hooks/T0-secret"


class Receiver(ThreadingHTTPServer):
    """A service that takes messages, or answers as it is told to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.taken: list[dict[str, Any]] = []
        self.status = 200
        self.length = 0
        """Of its answers' bodies, of which nothing comes."""
        self.may_answer = threading.Event()
        self.may_answer.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}{SECRET}"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.may_answer.wait(10)
        if self.server.status == 200:
            self.server.taken.append(body)
        self.send_response(self.server.status)
        self.send_header("Location", "http://127.0.0.1:9/")
        self.send_header("Content-Length", str(self.server.length))
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing of it is for the test's output."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    with Client(settings) as client:
        yield client


def failed(connection: Connection, number: int = 1, *, error: str = "") -> str:
    """A run that failed for good."""
    run_id = ledger.submit(connection, catalogue.find("warm-cache"), {}, REQUESTER).run_id
    with connection.begin():
        connection.execute(
            text("UPDATE runs SET state = 'failed', ended_at = now(), error = :error WHERE id = :id"),
            {"id": run_id, "error": error or f"Fault {number}"},
        )
    return run_id


def test_a_failed_run_is_told_of_once(connection: Connection, receiver: Receiver) -> None:
    run_id = failed(connection)
    assert alerts.tell(connection, receiver.url) == 1
    assert alerts.tell(connection, receiver.url) == 0
    (message,) = receiver.taken
    assert message["text"] == (f"Safegrid: 1 run failed\nwarm_popular_routes_cache(): Fault 1 (run {run_id})")
    assert message["runs"][0]["task_id"] == run_id
    assert message["runs"][0]["error"] == "Fault 1"


@pytest.mark.parametrize("status", [302, 404, 500])
def test_what_is_not_taken_is_told_again(connection: Connection, receiver: Receiver, status: int) -> None:
    failed(connection)
    receiver.status = status
    with pytest.raises(alerts.DeliveryRefused, match=str(status)) as raised:
        alerts.tell(connection, receiver.url)
    assert SECRET not in str(raised.value)
    receiver.status = 200
    assert alerts.tell(connection, receiver.url) == 1


def test_a_receiver_that_is_away_is_named_without_its_address(connection: Connection) -> None:
    failed(connection)
    with pytest.raises(alerts.DeliveryRefused, match="cannot be reached") as raised:
        alerts.tell(connection, f"http://127.0.0.1:9{SECRET}")
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("host", ["a..example.org", "a" * 70 + ".example.org"])
def test_an_address_that_can_be_no_host_is_told_as_such(connection: Connection, host: str) -> None:
    failed(connection)
    with pytest.raises(alerts.DeliveryRefused, match="cannot be reached"):
        alerts.tell(connection, f"https://{host}{SECRET}")


def test_an_answer_that_never_ends_is_not_waited_for(connection: Connection, receiver: Receiver) -> None:
    failed(connection)
    receiver.length = 10**6
    assert alerts.tell(connection, receiver.url) == 1


def test_a_long_error_is_cut(connection: Connection, receiver: Receiver) -> None:
    run_id = failed(connection, error="x" * 40_000)
    alerts.tell(connection, receiver.url)
    (message,) = receiver.taken
    assert len(json.dumps(message)) < 2_000
    assert message["runs"][0]["task_id"] == run_id


def test_a_run_that_fails_again_is_told_of_again(connection: Connection, receiver: Receiver) -> None:
    run_id = failed(connection)
    alerts.tell(connection, receiver.url)
    ledger.retry(connection, run_id)
    assert alerts.tell(connection, receiver.url) == 0
    with connection.begin():
        connection.execute(text("UPDATE runs SET state = 'failed', ended_at = now() WHERE id = :id"), {"id": run_id})
    assert alerts.tell(connection, receiver.url) == 1


def test_failures_of_long_ago_are_no_news(connection: Connection, receiver: Receiver) -> None:
    run_id = failed(connection)
    with connection.begin():
        connection.execute(
            text("UPDATE runs SET ended_at = now() - interval '25 hours' WHERE id = :id"), {"id": run_id}
        )
    assert alerts.tell(connection, receiver.url) == 0
    assert not receiver.taken


def test_many_failures_come_in_messages_of_twenty(connection: Connection, receiver: Receiver) -> None:
    told = {failed(connection, number) for number in range(25)}
    assert [alerts.tell(connection, receiver.url) for _ in range(3)] == [20, 5, 0]
    assert {run["task_id"] for message in receiver.taken for run in message["runs"]} == told
    assert receiver.taken[0]["text"].startswith("Safegrid: 20 runs failed\n")


def test_two_that_tell_at_once_tell_once(connection: Connection, engine: Engine, receiver: Receiver) -> None:
    failed(connection)
    receiver.may_answer.clear()
    with engine.connect() as other:
        first = threading.Thread(target=alerts.tell, args=(other, receiver.url))
        first.start()
        until(lambda: _is_locked(connection), "the first is telling")
        assert alerts.tell(connection, receiver.url) == 0
        receiver.may_answer.set()
        first.join()
    assert len(receiver.taken) == 1


def _is_locked(connection: Connection) -> bool:
    with connection.begin():
        return bool(
            connection.scalar(
                text(
                    "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database ON oid = database "
                    "WHERE locktype = 'advisory' AND datname = current_database())"
                )
            )
        )


def test_workers_tell_of_a_run_that_fails(
    settings: Settings, client: Client, receiver: Receiver, tmp_path: Path
) -> None:
    log = tmp_path / "worker.log"
    with safegrid(settings, "worker", log=log, ALERT_WEBHOOK_URL=receiver.url, LOG_LEVEL="DEBUG"):
        run = client.submit("fail", {"for_good": True, "message": "no such month"}, REQUESTER)
        until(lambda: receiver.taken, "the failure is told")
    (told,) = receiver.taken[0]["runs"]
    assert told["task_id"] == run.run_id
    assert "no such month" in told["error"]
    assert SECRET not in log.read_text()


@pytest.mark.parametrize("url", ["http://chat.example.org/hook", "chat.example.org", "ftp://chat.example.org/hook"])
def test_only_an_https_address_is_told(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERT_WEBHOOK_URL", url)
    with pytest.raises(SettingsError, match="ALERT_WEBHOOK_URL: expected an https:// address"):
        load(Settings)


def test_an_address_is_used_as_it_is_given() -> None:
    url = f"https://chat.example.org{SECRET}/?token=abc/"
    assert Settings(alert_webhook_url=url).alert_webhook_url == url


def test_the_address_is_no_part_of_what_settings_show() -> None:
    assert SECRET not in repr(Settings(alert_webhook_url=f"https://chat.example.org{SECRET}"))
