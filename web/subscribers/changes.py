"""Adding, renewing and deleting subscribers: done and noted, for pages and programs alike."""

from collections.abc import Sequence

from web.http.clients import client
from web.people import audit, guard
from worker.events import subscribers


def add(name: str, url: str, kinds: Sequence[str], secret: str) -> tuple[int, str]:
    """Add a subscriber. Returns its number and its secret, which cannot be read again. Raises SubscriberError."""
    with client().engine.connect() as connection:
        made = subscribers.add(connection, name, url, kinds, guard.who(), secret)
    audit.note("added", f"the subscriber {name.strip()}")
    return made


def renew_secret(subscriber: int) -> str:
    """Make a new secret. Returns it, this once. Raises UnknownSubscriber."""
    with client().engine.connect() as connection:
        secret = subscribers.renew_secret(connection, subscriber)
    audit.note("renewed", f"the secret of the subscriber {subscriber}")
    return secret


def remove(subscriber: int) -> str:
    """Delete a subscriber. Returns its name. Raises UnknownSubscriber."""
    with client().engine.connect() as connection:
        name = subscribers.remove(connection, subscriber, guard.who())
    audit.note("deleted", f"the subscriber {name}")
    return name
