"""Who changed what: a line for every change that somebody made through the web."""

import structlog
from flask import request
from sqlalchemy.exc import SQLAlchemyError

from web.http.clients import client
from web.people import guard
from web.people.store import entries
from web.people.store.entries import Actor

# Who has not come in; no user has a name in brackets.
STRANGER = Actor("(stranger)", "stranger", "")

log = structlog.get_logger("safegrid.web")


def note(action: str, target: str) -> None:
    """Write down that whoever is asking did `action` to `target`."""
    actor = guard.signed_in().actor
    log.info("changed", who=actor.name, kind=actor.kind, id=actor.id, action=action, target=target)
    with client().engine.connect() as connection:
        entries.note(connection, actor, action, target, request.remote_addr)


def note_if_possible(actor: Actor, action: str, target: str = "") -> None:
    """The same where it must not fail: the first operator comes in with PostgreSQL away, too."""
    try:
        with client().engine.connect() as connection:
            entries.note(connection, actor, action, target, request.remote_addr)
    except SQLAlchemyError as error:
        log.warning("audit_is_away", action=action, who=actor.name, error=type(error).__name__)
