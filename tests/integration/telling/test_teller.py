"""The process that tells, on real processes; and that the two that tell tell once."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine

from jobs.errors import SettingsError
from jobs.settings import load
from tests.integration.crimes import value
from tests.integration.findings.looking import Looker
from tests.integration.telling.conftest import told_by
from tests.integration.telling.test_messages import SECRET, MakeChat, only_failures, tell_all
from tests.processes import REQUESTER, run_command, safegrid, until
from tests.standins.chats import Chat
from worker.client import Client
from worker.settings import Settings
from worker.telling import messages, telling
from worker.telling.receivers import read, read_all


def test_workers_tell_of_a_run_that_fails_and_that_it_is_over(
    settings: Settings, chat: MakeChat, tmp_path: Path
) -> None:
    receiver, log = chat("slack"), tmp_path / "log"
    with (
        safegrid(settings, "worker", log=log, ALERT_WEBHOOK_URL=receiver.url, LOG_LEVEL="DEBUG"),
        Client(settings) as client,
    ):
        run = client.submit("fail", {"for_good": True, "message": "no such month"}, REQUESTER)
        until(lambda: "no such month" in "".join(receiver.texts), "the failure is told")
        with client.engine.connect() as connection:
            assert value(connection, "SELECT count(*) FROM findings WHERE kind = 'failed_run'") == 1
            with connection.begin():
                from worker.findings import runs

                runs.acknowledge(connection, run.run_id, "day-shift")
        until(lambda: "acknowledged by day-shift" in "".join(receiver.texts), "its end is told")
    assert SECRET not in log.read_text()


def test_two_that_tell_at_once_tell_once(
    settings: Settings, connection: Connection, engine: Engine, looker: Looker, chat: MakeChat
) -> None:
    receiver = chat("json")
    settings = told_by(settings, receiver.url)
    only_failures(looker)
    counts: list[int] = []

    def tell_too() -> None:
        with engine.connect() as own:
            counts.append(tell_all(settings, own))

    threads = [threading.Thread(target=tell_too) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == len(receiver.requests) == 1


def test_a_postgresql_that_is_away_is_told_and_that_it_is_back(
    settings: Settings, connection: Connection, chat: MakeChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError

    receiver = chat("json")
    settings = told_by(settings, receiver.url)
    outage = telling.Outage(settings)
    error = OperationalError("SELECT 1", {}, Exception("connection refused"))
    outage.goes_on(error)
    assert not receiver.taken
    monkeypatch.setattr(telling, "_PATIENCE_S", 0)
    for _ in range(2):
        outage.goes_on(error)
    assert len(receiver.taken) == 1
    assert "postgresql_away" in receiver.texts[0]
    outage.is_over(connection)
    outage.is_over(connection)
    assert tell_all(settings, connection) == 1
    assert receiver.taken[1]["events"][0]["event"] == "over"


def test_doctor_sends_a_test_to_every_receiver(settings: Settings, chat: Callable[..., Chat]) -> None:
    good, bad = chat("teams"), chat("slack", status=500)
    urls = f"{good.url} {bad.url}"
    done = run_command(settings, "doctor", "--test-alert", SAFEGRID_ALERT_RECEIVERS=urls)
    assert done.returncode == 1
    assert "This is a test" in good.texts[0]
    assert "responded with 500" in done.stdout
    assert SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("text", "form", "least"),
    [
        ("https://hooks.slack.com/services/T/B/x", "slack", "warning"),
        ("critical=https://discord.com/api/webhooks/1/x", "discord", "critical"),
        ("https://discord.com/api/webhooks/1/x/slack", "slack", "warning"),
        ("https://prod-1.westeurope.logic.azure.com:443/workflows/x?sig=a%3Db", "teams", "warning"),
        ("https://d.3e.environment.api.powerplatform.com/powerautomate/x", "teams", "warning"),
        ("notice=https://chat.googleapis.com/v1/spaces/A/messages?key=b&token=c", "googlechat", "notice"),
        ("https://example.org/hook?critical=1", "json", "warning"),
        ("slack+https://mattermost.example.org/hooks/x", "slack", "warning"),
        ("critical=mailto:ops@example.org", "mail", "critical"),
    ],
)
def test_the_form_follows_from_the_host(text: str, form: str, least: str) -> None:
    receiver = read(text)
    assert (receiver.form, receiver.least) == (form, least)
    assert receiver.url in text
    assert receiver.url not in repr(receiver) or form == "mail"


@pytest.mark.parametrize(
    "text", ["http://chat.example.org/x", "ftp://x", "mailto:nobody", "mailto:a@b,c@d", "severe=https://a.example.org"]
)
def test_what_is_no_receiver_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFEGRID_ALERT_RECEIVERS", f"https://hooks.slack.com/{SECRET} {text}")
    with pytest.raises(SettingsError, match="SAFEGRID_ALERT_RECEIVERS: must be") as raised:
        load(Settings)
    assert SECRET not in str(raised.value)


def test_addresses_are_no_part_of_what_settings_show() -> None:
    shown = Settings(
        alert_webhook_url=f"https://chat.example.org/{SECRET}",
        alert_receivers=f"https://chat.example.org/{SECRET}",
        alert_secret=SECRET,
        smtp_url=f"smtps://user:{SECRET}@mail.example.org",
        ping_url=f"https://hc-ping.com/{SECRET}",
        pings=f"warm-cache=https://hc-ping.com/{SECRET}",
    )
    assert SECRET not in repr(shown)
    assert SECRET not in repr(shown.receivers)


def test_a_digest_of_the_same_events_has_the_same_id() -> None:
    receivers = read_all("https://hooks.slack.com/a https://hooks.slack.com/b")
    assert len({one.name for one in receivers}) == 2
    assert messages.test_message("x").id != messages.test_message("x").id
