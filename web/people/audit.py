"""Who changed what: a line for every change that somebody made through the web."""

import structlog
from flask import request
from sqlalchemy.exc import SQLAlchemyError

from web.http.clients import client
from web.people import guard
from web.people.store import entries

log = structlog.get_logger("safegrid.web")


def note(action: str, target: str) -> None:
    """Write down that whoever is asking did `action` to `target`."""
    who = guard.who()
    log.info("changed", who=who, action=action, target=target)
    with client().engine.connect() as connection:
        entries.note(connection, who, action, target, request.remote_addr)


def note_if_possible(who: str, action: str, target: str = "") -> None:
    """The same where it must not fail: the first operator comes in with PostgreSQL away, too."""
    try:
        with client().engine.connect() as connection:
            entries.note(connection, who, action, target, request.remote_addr)
    except SQLAlchemyError as error:
        log.warning("audit_is_away", action=action, who=who, error=type(error).__name__)
