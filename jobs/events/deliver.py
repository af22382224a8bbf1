"""The job that sends a subscriber one event."""

import json
from typing import Annotated, Any

from sqlalchemy import Row

from jobs import context, results, webhooks
from jobs.catalogue import job
from jobs.errors import PermanentError
from jobs.events import outbox
from jobs.parameters import Between

_MOST = 2**53


class NothingToSend(PermanentError):
    """A delivery that is not there."""


@job(
    queue="events",
    slug="deliver-event",
    soft_limit_s=60,
    hard_limit_s=120,
    # After 5 s, 20 s, 80 s, 5 min, 21 min, then each hour: for a day.
    retry_delay_s=5,
    tries=30,
    result=results.EventDelivered,
)
def deliver_event(
    subscriber: Annotated[int, Between(1, _MOST, "Number of the subscriber")],
    number: Annotated[int, Between(1, _MOST, "Number of the event among those of the subscriber")],
) -> dict[str, Any]:
    """Deliver an event to a subscriber, even if it was delivered before."""
    here = context.current()
    with here.connection.begin():
        found = outbox.delivery(here.connection, subscriber, number)
    if found is None:
        raise NothingToSend(f"Subscriber {subscriber} has no event {number}: the subscriber or the event was deleted")
    _send(found)
    with here.connection.begin():
        outbox.taken(here.connection, subscriber, number)
    return {"task": "deliver_event", "status": "success", "event": found.key}


def _send(found: Row[Any]) -> None:
    """Raises DeliveryRefused."""
    sent = json.dumps(body(found), separators=(",", ":")).encode()
    headers = {"Content-Type": "application/json", **webhooks.signed(found.secret, found.key, sent)}
    who = f"The subscriber {found.name}"
    status, _ = webhooks.post(found.url, sent, headers, who)
    if 300 <= status < 400:
        raise webhooks.DeliveryRefused(
            f"{who} responded with {status}: redirects are not followed. Change the address of the subscriber"
        )
    if not 200 <= status < 300:
        raise webhooks.DeliveryRefused(f"{who} responded with {status}")


def body(found: Row[Any]) -> dict[str, Any]:
    """What is sent, the same each time."""
    return {
        "id": found.key,
        "type": found.kind,
        "timestamp": found.at.isoformat(),
        "sequence": found.number,
        "data": found.data,
    }
