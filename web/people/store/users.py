"""Users in PostgreSQL."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from jobs.models.people import ROLES, Session, User
from web.people.store import names, passwords
from web.people.store.errors import PersonError, UnknownPerson


def everybody(connection: Connection) -> Sequence[Row[Any]]:
    """Every user by name."""
    with connection.begin():
        return connection.execute(select(User.__table__).order_by(User.name)).all()


def named(connection: Connection, name: str) -> Row[Any] | None:
    """The user of that name."""
    with connection.begin():
        return connection.execute(select(User.__table__).where(User.name == name)).one_or_none()


def by_password(connection: Connection, name: str, password: str) -> Row[Any] | None:
    """The user whose name and password these are."""
    found = named(connection, name)
    return found if passwords.fits(password, found and found.password_hash) else None


def add(connection: Connection, name: str, password: str, role: str, who: str) -> Row[Any]:
    """Enter a user, who may sign in. Raises PersonError."""
    name = names.checked(name)
    values = {"name": name, "password_hash": passwords.hashed(password), "role": checked_role(role), "created_by": who}
    query = insert(User).values(values).on_conflict_do_nothing().returning(User.__table__)
    with connection.begin():
        added = connection.execute(query).one_or_none()
    if added is None:
        raise PersonError("name", f"There is a user {name} already")
    return added


def change(connection: Connection, name: str, *, password: str = "", role: str = "") -> Row[Any]:
    """Give a user another password, another role, or both. Their sessions end. Raises PersonError, UnknownPerson."""
    values = {"password_hash": passwords.hashed(password)} if password else {}
    values |= {"role": checked_role(role)} if role else {}
    if not values:
        raise PersonError("password", "Give a new password or a new role")
    with connection.begin():
        changed = connection.execute(
            update(User).where(User.name == name).values(values).returning(User.__table__)
        ).one_or_none()
        if changed is None:
            raise UnknownPerson(f"There is no user {name}")
        # After the user: a sign-in by the old password that is under way has its session by now, or gets none.
        connection.execute(delete(Session).where(Session.user_id == changed.id))
    return changed


def remove(connection: Connection, name: str) -> None:
    """Delete a user; their sessions end. Raises UnknownPerson."""
    with connection.begin():
        if not connection.execute(delete(User).where(User.name == name)).rowcount:
            raise UnknownPerson(f"There is no user {name}")


def checked_role(role: str) -> str:
    """The role. Raises PersonError."""
    if role not in ROLES:
        raise PersonError("role", f"A role is {' or '.join(ROLES)}")
    return role
