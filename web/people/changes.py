"""Changes of users and tokens: done and audited, for pages and programs alike."""

from typing import Any

from sqlalchemy import Row

from web.http.clients import client, settings
from web.people import audit, guard, store
from web.people.store import PersonError


def add_user(name: str, password: str, role: str) -> Row[Any]:
    """A new user, who may sign in. Raises PersonError."""
    name = name.strip()
    if name == settings().admin_username:
        raise PersonError("name", f"{name} is the operator of the environment: choose another name")
    with client().engine.connect() as connection:
        user = store.add_user(connection, name, password, role, guard.who())
    audit.note("added", f"the {role} {name}")
    return user


def change_user(name: str, password: str = "", role: str = "") -> Row[Any]:
    """The user with another password, another role, or both; their sessions end. Raises PersonError, UnknownPerson."""
    with client().engine.connect() as connection:
        user = store.change_user(connection, name, password=password, role=role)
    changed = [*(["password"] if password else []), *([f"role ({role})"] if role else [])]
    audit.note("changed", f"{' and '.join(changed)} of {name}")
    return user


def remove_user(name: str) -> None:
    """Delete a user; their sessions end. Raises UnknownPerson."""
    with client().engine.connect() as connection:
        store.remove_user(connection, name)
    audit.note("removed", f"the user {name}")


def add_token(name: str, role: str) -> tuple[int, str]:
    """Make a token. Returns its id and the token itself, which cannot be read again. Raises PersonError."""
    name = name.strip()
    with client().engine.connect() as connection:
        made = store.add_token(connection, name, role, guard.who())
    audit.note("made", f"the {role} token {name}")
    return made


def revoke_token(token_id: int) -> str:
    """Revoke a token. Returns its name. Raises UnknownPerson."""
    with client().engine.connect() as connection:
        name = store.revoke_token(connection, token_id)
    audit.note("revoked", f"the token {name}")
    return name
