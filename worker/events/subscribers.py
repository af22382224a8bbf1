"""Subscribers: who is told of which events, by which address. Address and secret are read by nobody but the sender."""

import base64
import secrets
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, Row, delete, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from jobs.errors import WrongCall
from jobs.models.events import KINDS, Subscriber
from jobs.models.runs import Run
from jobs.settings import secure_address
from jobs.webhooks import PREFIX
from worker import ledger
from worker.events.deliveries import JOB

LONGEST_NAME = 64
LONGEST_URL = 2_000
# In bytes, as standardwebhooks.com asks: 24 to 64.
SECRET_BYTES = 32
SHORTEST_SECRET = 24

_SHOWN = text(
    """
    SELECT subscribers.id, name, url, kinds, created_by, created_at, last_number,
        count(number) FILTER (WHERE taken_at IS NULL) AS untaken, max(taken_at) AS last_taken,
        coalesce((
            SELECT max(failures) FROM runs WHERE queue = 'events' AND ended_at IS NULL
            AND parameters->>'subscriber' = subscribers.id::text
        ), 0) > 0 AS is_refusing
    FROM subscribers LEFT JOIN deliveries ON subscriber_id = subscribers.id
    GROUP BY subscribers.id ORDER BY name
    """
)
_SENT = text(
    """
    SELECT number, key, kind, at, taken_at, run_id, state, failures, error FROM deliveries
    JOIN events ON events.id = event_id LEFT JOIN runs ON runs.id = run_id
    WHERE subscriber_id = :id AND number < :before ORDER BY number DESC LIMIT :most
    """
)


class SubscriberError(WrongCall):
    """A subscriber that cannot be had; `field` is what is wrong."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field} {problem}")
        self.field = field
        self.problem = problem


class UnknownSubscriber(WrongCall):
    """A subscriber that is not there."""

    def __init__(self, name: object) -> None:
        super().__init__(f"There is no subscriber {name}")


def every(connection: Connection) -> Sequence[Row[Any]]:
    """Every subscriber by name: id, name, url, kinds, created_by, created_at, last_number, untaken, last_taken."""
    with connection.begin():
        return connection.execute(_SHOWN).all()


def host(url: str) -> str:
    """What may be shown of an address: the rest may be a secret."""
    return urlsplit(url).hostname or ""


def find(connection: Connection, name: str) -> int:
    """The number of the subscriber of that name. Raises UnknownSubscriber."""
    with connection.begin():
        found = connection.scalar(select(Subscriber.id).where(Subscriber.name == name))
    if found is None:
        raise UnknownSubscriber(name)
    return int(found)


def sent(connection: Connection, subscriber: int, most: int, before: int = 2**62) -> Sequence[Row[Any]]:
    """List the events for a subscriber, newest first. Raises UnknownSubscriber.

    number, key, kind, at, taken_at, and run_id, state, failures and error of its run, none until it is its turn.
    """
    with connection.begin():
        if connection.scalar(select(Subscriber.id).where(Subscriber.id == subscriber)) is None:
            raise UnknownSubscriber(subscriber)
        return connection.execute(_SENT, {"id": subscriber, "most": most, "before": before}).all()


def add(
    connection: Connection, name: str, url: str, kinds: Sequence[str], who: str, secret: str = ""
) -> tuple[int, str]:
    """Enter a subscriber, who is told from now on. Returns its number and secret: this is the only time to read it.

    secret: one is made where none is given. Raises SubscriberError.
    """
    values = {
        "name": _name(name),
        "url": _url(url),
        "kinds": _kinds(kinds),
        "secret": _secret(secret) if secret else _made(),
        "created_by": who,
    }
    try:
        with connection.begin():
            made = connection.execute(insert(Subscriber).values(values).returning(Subscriber.id)).scalar_one()
    except IntegrityError:
        raise SubscriberError("name", f"is in use: there is a subscriber {values['name']} already") from None
    return int(made), str(values["secret"])


def renew_secret(connection: Connection, subscriber: int) -> str:
    """Make a new secret, by which all is signed from now on. Returns it, this once. Raises UnknownSubscriber."""
    made = _made()
    with connection.begin():
        if not connection.execute(update(Subscriber).where(Subscriber.id == subscriber).values(secret=made)).rowcount:
            raise UnknownSubscriber(subscriber)
    return made


def remove(connection: Connection, subscriber: int, who: str) -> str:
    """Delete a subscriber. Its pending deliveries are cancelled. Returns its name. Raises UnknownSubscriber."""
    query = delete(Subscriber).where(Subscriber.id == subscriber).returning(Subscriber.name)
    with connection.begin():
        name = connection.scalar(query)
        if name is None:
            raise UnknownSubscriber(subscriber)
        own = Run.parameters["subscriber"].astext == str(subscriber)
        ledger.cancel_open(connection, who, Run.queue == "events", Run.job == JOB, own)
    return str(name)


def _name(name: str) -> str:
    name = name.strip()
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise SubscriberError("name", f"must have 1 to {LONGEST_NAME} printable characters")
    return name


def _url(url: str) -> str:
    try:
        secure_address(url)
    except ValueError as error:
        raise SubscriberError("url", str(error)) from None
    if len(url) > LONGEST_URL or not url.isprintable() or " " in url:
        raise SubscriberError("url", f"must have at most {LONGEST_URL} printable characters and no space")
    return url


def _kinds(kinds: Sequence[str]) -> list[str]:
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or not kinds:
        given = f" (given: {unknown[0]})" if unknown else ""
        raise SubscriberError("kinds", f"must be one or more of {', '.join(KINDS)}{given}")
    return [kind for kind in KINDS if kind in kinds]


def _secret(secret: str) -> str:
    if len(secret) < SHORTEST_SECRET or not secret.isprintable() or " " in secret:
        raise SubscriberError("secret", f"must have at least {SHORTEST_SECRET} printable characters and no space")
    return secret


def _made() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
