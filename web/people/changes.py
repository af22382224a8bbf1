"""Changes of users, tokens and sessions: done and audited, for pages and programs alike."""

import contextlib
from typing import Any

from sqlalchemy import Row
from werkzeug.exceptions import Forbidden

from web.html.formats import counted
from web.http.clients import client, settings
from web.people import accounts, audit, guard
from web.people.accounts import Account
from web.people.store import names, sessions, tokens, users
from web.people.store.errors import UnknownPerson, WrongPassword
from web.people.store.sessions import Device


def add_user(name: str, password: str, role: str) -> Row[Any]:
    """A new user, who may sign in. Raises PersonError."""
    name = names.of_user(name, settings().admin_username)
    with client().engine.connect() as connection:
        user = users.add(connection, name, password, role, guard.who())
    audit.note("added", f"the {role} {name}")
    return user


def change_user(name: str, password: str = "", role: str = "") -> Row[Any]:
    """The user with another password, another role, or both; their sessions end. Raises PersonError, UnknownPerson."""
    with client().engine.connect() as connection:
        user = users.change(connection, name, password=password, role=role)
    changed = [*(["password"] if password else []), *([f"role ({role})"] if role else [])]
    audit.note("changed", f"{' and '.join(changed)} of {user.name}")
    return user


def remove_user(name: str) -> int:
    """Delete a user; their sessions end, and their tokens are revoked. Returns how many. Raises UnknownPerson."""
    with client().engine.connect() as connection:
        name, revoked = users.remove(connection, name)
    audit.note("removed", f"the user {name}, with {counted(revoked, 'token')} revoked")
    return revoked


def add_token(name: str, role: str, days: int | None) -> tuple[int, str]:
    """Make a token for so many days, or for ever. Returns its id and itself: it can be read this once.

    Raises PersonError, UnknownPerson.
    """
    name, who = name.strip(), guard.signed_in()
    with client().engine.connect() as connection:
        made = tokens.add(connection, name, role, days, who=who.name, owner_id=who.owner_id)
    lasts = f"for {counted(days, 'day')}" if days else "for ever"
    audit.note("made", f"the {role} token {name}, {lasts}")
    return made


def revoke_token(token_id: int) -> str:
    """Revoke a token. Returns its name. Raises UnknownPerson."""
    with client().engine.connect() as connection:
        name = tokens.revoke(connection, token_id)
    audit.note("revoked", f"the token {name}")
    return name


def change_own_password(old: str, new: str, device: Device) -> Account:
    """Give whoever is asking another password, and a new session instead of all that they had. Raises PersonError."""
    who = guard.signed_in()
    if who.kind != "person":
        raise Forbidden(f"The password of {who.name} is not stored here: change it at the provider.")
    with client().engine.connect() as connection:
        if users.by_password(connection, who.name, old) is None:
            audit.note("was refused", "a change of their own password")
            raise WrongPassword
        user = users.change(connection, who.name, password=new)
    audit.note("changed", "their own password")
    account = accounts.begin(settings(), client().engine, user, device)
    if account is None:
        raise UnknownPerson(f"{who.name} was changed by somebody else. Sign in again")
    return account


def end_own_session() -> None:
    """End the session by which whoever is asking has come in, if they have."""
    who = guard.account()
    if who and who.session_id is not None:
        # Whoever ended it before has done the same.
        with client().engine.connect() as connection, contextlib.suppress(UnknownPerson):
            sessions.end(connection, who.session_id)


def end_session(session_id: int, *, own: bool) -> str:
    """End a session, of whoever is asking or of anybody. Returns whose. Raises UnknownPerson."""
    holder = guard.signed_in().holder if own else None
    with client().engine.connect() as connection:
        name = sessions.end(connection, session_id, holder).name or settings().admin_username
    audit.note("ended", f"the session {session_id} of {name}")
    return str(name)


def end_other_sessions() -> int:
    """End all sessions of whoever is asking but this one. Returns how many."""
    who = guard.signed_in()
    with client().engine.connect() as connection:
        count = sessions.end_others(connection, who.holder, who.session_id or 0)
    audit.note("ended", f"{count} other sessions of {who.name}")
    return count
