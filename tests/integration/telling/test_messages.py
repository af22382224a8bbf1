"""Each receiver hears once that a finding has opened, and once that it is over, in the form that its service takes."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection

from tests.integration.crimes import change, value
from tests.integration.findings.looking import Looker, end
from tests.integration.telling.conftest import told_by
from tests.integration.transitions import put
from tests.standins.chats import RULES, Chat
from tests.standins.mailbox import Mailbox
from worker import ledger, pauses
from worker.findings import watch
from worker.settings import Settings
from worker.telling.telling import tell

SECRET = "T0-secret"
MakeChat = Callable[..., Chat]
SetBack = Callable[[], None]


def tell_all(settings: Settings, connection: Connection) -> int:
    return sum(tell(settings, connection, receiver) for receiver in settings.receivers)


def only_failures(looker: Looker, count: int = 1) -> list[str]:
    """So many failed runs, and nothing else is wrong."""
    runs = [
        put(looker.connection, "failed", f"attempt = 1, error = 'fault {number}'", number=number)
        for number in range(count)
    ]
    looker.all()
    change(looker.connection, "DELETE FROM findings WHERE kind <> 'failed_run'")
    return runs


@pytest.mark.parametrize("kind", RULES)
def test_every_service_takes_when_a_finding_opens_and_when_it_is_over(
    settings: Settings, connection: Connection, looker: Looker, chat: MakeChat, kind: str
) -> None:
    receiver = chat(kind)
    settings = told_by(settings, receiver.url)
    (run_id,) = only_failures(looker)
    assert [tell_all(settings, connection) for _ in range(2)] == [1, 0]
    assert "do_nothing(number=0) failed: fault 0" in receiver.texts[0]
    ledger.retry(connection, run_id)
    end(connection, run_id, "finished")
    looker.all()
    assert [tell_all(settings, connection) for _ in range(2)] == [1, 0]
    assert f"run {run_id} succeeded" in receiver.texts[1]
    assert len(receiver.requests) == 2


@pytest.mark.parametrize("kind", RULES)
def test_many_at_once_are_one_message_that_the_service_takes(
    settings: Settings, connection: Connection, looker: Looker, chat: MakeChat, kind: str
) -> None:
    receiver = chat(kind)
    only_failures(looker, 200)
    change(connection, "UPDATE findings SET cause = repeat(cause || ' ', 40)")
    assert tell_all(told_by(settings, receiver.url), connection) == 1
    assert "Safegrid: 200 findings" in receiver.texts[0]


def test_what_passes_within_its_patience_is_told_to_nobody(
    settings: Settings, connection: Connection, looker: Looker, chat: MakeChat, ago: SetBack
) -> None:
    settings = told_by(settings, (receiver := chat("json")).url)
    pauses.pause(connection, "queue", "cache", "day-shift")
    looker.all()
    assert tell_all(settings, connection) == 0
    ago()
    looker.all()
    assert tell_all(settings, connection) > 0
    assert '"paused"' in "".join(receiver.texts)


def test_each_receiver_hears_of_what_is_severe_enough_for_it(
    settings: Settings, connection: Connection, looker: Looker, chat: MakeChat, ago: SetBack
) -> None:
    some, every = chat("slack"), chat("json")
    settings = told_by(settings, f"critical={some.url}", f"notice={every.url}")
    looker.all()
    ago()
    looker.all()
    tell_all(settings, connection)
    assert "No scheduler is running" in "".join(every.texts)
    assert "No worker is running" in "".join(some.texts)
    assert "No scheduler is running" not in "".join(some.texts)


def test_what_is_acknowledged_is_not_told(
    settings: Settings, connection: Connection, looker: Looker, chat: MakeChat
) -> None:
    settings = told_by(settings, chat("json").url)
    only_failures(looker)
    (finding,) = looker.of("failed_run").values()
    assert finding.id is not None
    watch.acknowledge(connection, finding.id, "day-shift", 60)
    looker.all()
    change(connection, "DELETE FROM findings WHERE kind <> 'failed_run'")
    assert tell_all(settings, connection) == 0


@pytest.mark.parametrize("status", [302, 404, 500])
def test_what_is_not_taken_is_told_again_by_the_same_id_and_named_meanwhile(
    settings: Settings, connection: Connection, looker: Looker, chat: MakeChat, status: int
) -> None:
    receiver = chat("json", status=status)
    settings = told_by(settings, receiver.url)
    only_failures(looker)
    assert tell_all(settings, connection) == 0
    (refuses,) = looker.of("receiver_refuses").values()
    assert f"responded with {status}" in refuses.cause
    assert SECRET not in refuses.cause + refuses.subject
    # Not before its time.
    assert tell_all(settings, connection) == 0
    assert len(receiver.requests) == 1
    receiver.status = 0
    change(connection, "UPDATE receivers SET next_try_at = now()")
    change(connection, "DELETE FROM findings WHERE kind <> 'failed_run'")
    assert tell_all(settings, connection) == 1
    assert not looker.of("receiver_refuses")
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1


def test_a_service_that_asks_to_wait_is_waited_for(
    settings: Settings, connection: Connection, looker: Looker, chat: MakeChat
) -> None:
    receiver = chat("discord", refuses=1)
    settings = told_by(settings, receiver.url)
    only_failures(looker)
    assert tell_all(settings, connection) == 0
    waits = value(connection, "SELECT extract(epoch FROM next_try_at - now())::float FROM receivers")
    assert 0 < waits <= 1
    change(connection, "UPDATE receivers SET next_try_at = now()")
    assert tell_all(settings, connection) == 1


def test_one_that_is_away_keeps_no_other_from_hearing(
    settings: Settings, connection: Connection, looker: Looker, chat: MakeChat
) -> None:
    receiver = chat("googlechat")
    settings = told_by(settings, f"json+http://127.0.0.1:9/hooks/{SECRET}", receiver.url)
    only_failures(looker)
    assert tell_all(settings, connection) == 1
    error = value(connection, "SELECT error FROM receivers")
    assert "cannot be reached" in error
    assert SECRET not in error


def test_a_receiver_that_is_no_longer_set_refuses_nothing(
    settings: Settings, connection: Connection, looker: Looker, chat: MakeChat
) -> None:
    from worker.telling import store

    only_failures(looker)
    tell_all(told_by(settings, chat("json", status=500).url), connection)
    assert looker.of("receiver_refuses")
    store.forget_others(connection, [])
    assert not looker.of("receiver_refuses")


def test_the_webhook_is_signed_as_the_standard_has_it(
    settings: Settings, connection: Connection, looker: Looker, chat: MakeChat
) -> None:
    receiver = chat("json")
    secret = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
    only_failures(looker)
    tell_all(told_by(settings, receiver.url, alert_secret=secret), connection)
    (request,) = receiver.requests
    stamp, name = request.headers["webhook-timestamp"], request.headers["webhook-id"]
    digest = hmac.new(b"0123456789abcdef0123456789abcdef", f"{name}.{stamp}.".encode() + request.body, hashlib.sha256)
    assert request.headers["webhook-signature"] == f"v1,{base64.b64encode(digest.digest()).decode()}"
    body = json.loads(request.body)
    assert body["id"] == name == body["events"][0]["id"]
    assert body["events"][0]["kind"] == "failed_run"


def test_a_cause_calls_nobody_in_a_chat(
    settings: Settings, connection: Connection, looker: Looker, chat: MakeChat
) -> None:
    slack, discord = chat("slack"), chat("discord")
    only_failures(looker)
    change(connection, "UPDATE findings SET cause = '<!channel> @everyone & more'")
    tell_all(told_by(settings, slack.url, discord.url), connection)
    assert "&lt;!channel&gt;" in slack.taken[0]["text"]
    assert discord.taken[0]["allowed_mentions"] == {"parse": []}


def test_a_mailbox_is_told(settings: Settings, connection: Connection, looker: Looker) -> None:
    with Mailbox() as mailbox:
        told = told_by(settings, "mailto:ops@example.org", smtp_url=mailbox.url, alert_from="safegrid@example.org")
        only_failures(looker)
        mailbox.refuses = True
        assert tell_all(told, connection) == 0
        assert "SMTPRecipientsRefused" in value(connection, "SELECT error FROM receivers")
        mailbox.refuses = False
        change(connection, "UPDATE receivers SET next_try_at = now()")
        assert tell_all(told, connection) == 1
    ((to, mail),) = mailbox.taken
    assert to == ["ops@example.org"]
    assert mail["Subject"] == "Safegrid: 1 finding: failed_run"
    assert "fault 0" in str(mail.get_payload(decode=True), "utf-8")


def test_a_link_leads_to_the_pages_where_they_are_known(
    settings: Settings, connection: Connection, looker: Looker, chat: MakeChat
) -> None:
    receiver = chat("slack")
    (run_id,) = only_failures(looker)
    tell_all(told_by(settings, receiver.url, admin_url="https://safegrid.example.org"), connection)
    assert f"https://safegrid.example.org/runs/{run_id}" in receiver.taken[0]["text"]


def test_an_answer_that_never_ends_is_not_waited_for(
    settings: Settings, connection: Connection, looker: Looker, chat: MakeChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = chat("json")
    monkeypatch.setattr("jobs.webhooks.TIMEOUT_S", 0.5)
    dripping: Any = receiver._respond

    def drip(request: Any) -> Any:
        from dataclasses import replace

        return replace(dripping(request), body=b"x" * 10**6, status=200, delivery="dripping")

    receiver._server.respond = drip
    only_failures(looker)
    assert tell_all(told_by(settings, receiver.url), connection) == 1
