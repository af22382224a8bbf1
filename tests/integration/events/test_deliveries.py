"""Events reach each subscriber signed, numbered without gaps, at least once, whatever another one does."""

import pytest
from sqlalchemy import Connection

from tests.integration.events.sending import ask, due, note, perform, rows, send_all, subscribe
from tests.standins.server import Answer
from tests.standins.subscriber import TAKEN, EventReceiver
from worker import ledger
from worker.events import deliveries, subscribers
from worker.events.subscribers import SubscriberError
from worker.settings import Settings


def test_each_subscriber_has_its_events_in_order_without_gaps(
    settings: Settings, connection: Connection, receiver: EventReceiver
) -> None:
    note(connection, "before anybody was told")
    subscribe(connection, receiver.url, "grid_published")
    with connection.begin() as transaction:
        note_in = "INSERT INTO events (key, kind, data) VALUES ('gone', 'grid_published', '{}')"
        connection.exec_driver_sql(note_in)
        transaction.rollback()
    note(connection, 1, 2, 2, 3)
    assert due(connection) == due(connection)
    subscribe(connection, receiver.url, "run_ended", name="other")
    note(connection, *range(4, 10))
    assert send_all(settings, connection) == []
    assert [body["sequence"] for body in receiver.bodies] == list(range(1, 10))
    assert receiver.ids == [f"grid_published-{number}" for number in range(1, 10)]
    first = receiver.bodies[0]
    assert (first["id"], first["type"], first["data"]) == (
        "grid_published-1",
        "grid_published",
        {"generation": 1, "months": []},
    )
    assert [one.untaken for one in subscribers.every(connection)] == [0, 0]
    assert len(rows(connection, "SELECT key FROM events")) == 9
    deliveries.forget(connection, 0)
    note(connection, "after all was forgotten")
    send_all(settings, connection)
    assert receiver.bodies[-1]["sequence"] == 10


def test_the_end_of_every_run_is_told_but_of_those_that_tell(
    settings: Settings, connection: Connection, receiver: EventReceiver
) -> None:
    ledger.cancel(connection, ask(connection, "cleanup-history"), "me")
    subscribe(connection, receiver.url, "run_ended")
    ledger.cancel(connection, cancelled := ask(connection, "cleanup-history"), "me")
    perform(settings, done := ask(connection, "cleanup-history", retention_days=7))
    ledger.retry(connection, cancelled)
    ledger.purge(connection, "maintenance", "me")
    assert send_all(settings, connection) == []
    told = [(body["data"]["task_id"], body["data"]["state"]) for body in receiver.bodies]
    assert told == [(cancelled, "cancelled"), (done, "finished"), (cancelled, "cancelled")]
    assert len(set(receiver.ids)) == 3
    assert receiver.bodies[1]["data"]["parameters"] == {"retention_days": 7, "dry_run": False}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(500), "responded with 500"),
        (Answer(302, headers={"Location": "http://127.0.0.1:9/"}), "responded with 302: redirects are not followed"),
        (Answer(delivery="dripping headers"), "cannot be reached"),
        (Answer(delivery="reset"), "cannot be reached"),
    ],
)
def test_who_takes_nothing_is_tried_again_and_holds_up_nobody(
    settings: Settings,
    connection: Connection,
    receiver: EventReceiver,
    monkeypatch: pytest.MonkeyPatch,
    answer: Answer,
    said: str,
) -> None:
    # Only where an answer never comes is it waited for in vain; a busy machine answers late.
    monkeypatch.setattr("jobs.webhooks.TIMEOUT_S", 0.2 if answer.delivery == "dripping headers" else 10)
    with EventReceiver() as bad:
        bad.answer = answer
        subscribe(connection, bad.url, name="bad")
        subscribe(connection, receiver.url, name="good")
        note(connection, *range(9))
        errors = send_all(settings, connection)
        assert receiver.ids == [f"grid_published-{number}" for number in range(9)]
        assert len(errors) == len(bad.requests) == deliveries.MOST_OPEN
        assert all(error.startswith(f"The subscriber bad {said}") for error in errors)
        # Address and secret stand nowhere in what people read.
        left = str(rows(connection, "SELECT error, log, (SELECT string_agg(traceback, '') FROM attempts) FROM runs"))
        assert "a-token" not in left
        assert "whsec_" not in left
        assert [one.is_refusing for one in subscribers.every(connection)] == [True, False]
        # It is mended: what failed is sent as it was, then the rest.
        bad.answer, first = TAKEN, bad.requests[0]
        monkeypatch.setattr("jobs.webhooks.TIMEOUT_S", 10)
        for run_id in due(connection):
            assert ledger.get(connection, run_id).due_at > ledger.get(connection, run_id).created_at
            connection.exec_driver_sql("UPDATE runs SET due_at = now() WHERE ended_at IS NULL")
            connection.commit()
            assert perform(settings, run_id) == ""
        send_all(settings, connection)
        assert (bad.requests[4].body, bad.ids[4]) == (first.body, first.headers["webhook-id"])
        assert {body["sequence"] for body in bad.bodies} == set(range(1, 10))


def test_a_day_of_refusals_fails_the_run_which_is_sent_again_when_asked_for(
    settings: Settings, connection: Connection, receiver: EventReceiver
) -> None:
    subscriber = subscribe(connection, receiver.url)
    receiver.answer = Answer(410)
    note(connection, 1)
    (run_id,) = due(connection)
    connection.exec_driver_sql("UPDATE runs SET failures = 28")
    connection.commit()
    perform(settings, run_id)
    waits_s = (ledger.get(connection, run_id).due_at - ledger.get(connection, run_id).created_at).total_seconds()
    assert 1_700 < waits_s < 5_500
    connection.exec_driver_sql("UPDATE runs SET due_at = now()")
    connection.commit()
    perform(settings, run_id)
    assert ledger.get(connection, run_id).state == "failed"
    receiver.answer = TAKEN
    for _ in range(2):
        assert perform(settings, ask(connection, "deliver-event", subscriber=subscriber, number=1)) == ""
    assert len(set(receiver.ids)) == 1
    assert "has no event 7" in perform(settings, ask(connection, "deliver-event", subscriber=subscriber, number=7))


def test_a_subscriber_that_is_deleted_is_sent_nothing_more(connection: Connection, receiver: EventReceiver) -> None:
    gone = subscribe(connection, receiver.url)
    subscribe(connection, receiver.url, name="stays")
    note(connection, 1, 2)
    assert len(due(connection)) == 4
    assert subscribers.remove(connection, gone, "me") == "app"
    left = due(connection)
    assert [ledger.get(connection, run_id).parameters["subscriber"] for run_id in left] == [gone + 1] * 2
    with pytest.raises(subscribers.UnknownSubscriber):
        subscribers.remove(connection, gone, "me")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"url": "http://example.org/hook"}, "url"),
        ({"url": "https://"}, "url"),
        ({"url": "https://example.org/" + "x" * 2000}, "url"),
        ({"kinds": ["month_ingested", "nothing"]}, "kinds"),
        ({"kinds": []}, "kinds"),
        ({"name": " "}, "name"),
        ({"secret": "too short"}, "secret"),
    ],
)
def test_what_cannot_be_told_is_refused(values: dict[str, object], field: str) -> None:
    given = {"name": "app", "url": "https://example.org/hook", "kinds": ["run_ended"], "secret": ""} | values
    with pytest.raises(SubscriberError) as refused:
        # Before anything is written.
        subscribers.add(None, who="me", **given)  # type: ignore[arg-type]
    assert refused.value.field == field
    assert "example.org/hook" not in str(refused.value)
