"""Users in PostgreSQL."""

import contextlib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, false, func, select, update
from sqlalchemy.dialects.postgresql import insert

from jobs.models.people import ROLES, ApiToken, Session, User
from web.http.names import comparable
from web.people.store import passwords
from web.people.store.errors import PersonError, UnknownPerson


def everybody(connection: Connection) -> Sequence[Row[Any]]:
    """Every user by name."""
    with connection.begin():
        return connection.execute(select(User.__table__).order_by(User.name)).all()


def named(connection: Connection, name: str) -> Row[Any] | None:
    """The user of that name."""
    with connection.begin():
        return connection.execute(select(User.__table__).where(_is(name))).one_or_none()


def by_password(connection: Connection, name: str, password: str) -> Row[Any] | None:
    """The user whose name and password these are."""
    found = named(connection, name)
    return found if passwords.fits(password, found and found.password_hash) else None


def add(connection: Connection, name: str, password: str, role: str, who: str) -> Row[Any]:
    """Enter a user, who may sign in, by a name that was checked. Raises PersonError."""
    values = {"name": name, "comparable": comparable(name), "role": checked_role(role), "created_by": who}
    query = insert(User).values(**values, password_hash=passwords.hashed(password, name))
    with connection.begin():
        added = connection.execute(query.on_conflict_do_nothing().returning(User.__table__)).one_or_none()
    if added is None:
        there = named(connection, name)
        raise PersonError("name", f"The user {there.name if there else name} exists already")
    return added


@dataclass(frozen=True)
class Known:
    """Somebody whom a provider knows: its address, and what it calls them for good."""

    issuer: str
    subject: str

    @property
    def digest(self) -> str:
        """A few letters that tell them from others."""
        return hashlib.sha256(f"{self.issuer}\0{self.subject}".encode()).hexdigest()[:8]

    @property
    def is_user(self) -> ColumnElement[bool]:
        return and_(User.issuer == self.issuer, User.subject == self.subject)


def known_by_provider(connection: Connection, known: Known, name: str, role: str) -> Row[Any]:
    """The user, with the role that the provider gives now. Who is new gets the name, or a longer one if it is taken."""
    with connection.begin():
        for free in (name, f"{name} {known.digest}"):
            values = {"name": free, "comparable": comparable(free), "role": checked_role(role)}
            query = insert(User).values(**values, issuer=known.issuer, subject=known.subject, created_by=known.issuer)
            # Nothing for those who are here, also where they sign in twice at the same time.
            connection.execute(query.on_conflict_do_nothing())
        found = connection.execute(select(User.__table__).where(known.is_user).with_for_update()).one()
        if found.role == role:
            return found
        # As with any other change of a role.
        connection.execute(delete(Session).where(Session.user_id == found.id))
        return connection.execute(
            update(User).where(User.id == found.id).values(role=role).returning(User.__table__)
        ).one()


def forget(connection: Connection, known: Known) -> None:
    """Delete somebody whom the provider gives no role any more, if they were here."""
    with connection.begin():
        name = connection.scalar(select(User.name).where(known.is_user))
    if name is not None:
        with contextlib.suppress(UnknownPerson):
            remove(connection, name)


def change(connection: Connection, name: str, *, password: str = "", role: str = "") -> Row[Any]:
    """Give a user another password, another role, or both. Their sessions end. Raises PersonError, UnknownPerson."""
    values = {"password_hash": passwords.hashed(password, name)} if password else {}
    values |= {"role": checked_role(role)} if role else {}
    if not values:
        raise PersonError("password", "Give a new password or a new role")
    with connection.begin():
        changed = connection.execute(
            update(User).where(_is(name), User.password_hash.is_not(None)).values(values).returning(User.__table__)
        ).one_or_none()
        if changed is None:
            raise UnknownPerson(f"There is no user {name} with a password here")
        # After the user: a sign-in by the old password that is under way has its session by now, or gets none.
        connection.execute(delete(Session).where(Session.user_id == changed.id))
    return changed


def remove(connection: Connection, name: str) -> tuple[str, int]:
    """Delete a user; their sessions end, and their tokens are revoked. Returns their name, and of how many tokens.

    Raises UnknownPerson.
    """
    with connection.begin():
        # With the lock, no token of theirs comes in between.
        user = connection.execute(select(User.id, User.name).where(_is(name)).with_for_update()).one_or_none()
        if user is None:
            raise UnknownPerson(f"There is no user {name}")
        theirs = update(ApiToken).where(ApiToken.owner_id == user.id, ApiToken.revoked_at.is_(None))
        revoked = connection.execute(theirs.values(revoked_at=func.clock_timestamp())).rowcount
        connection.execute(delete(User).where(User.id == user.id))
    return user.name, revoked


def _is(name: str) -> ColumnElement[bool]:
    """Names cannot have a zero byte, and PostgreSQL cannot be asked for one."""
    return User.comparable == comparable(name) if "\0" not in name else false()


def checked_role(role: str) -> str:
    """The role. Raises PersonError."""
    if role not in ROLES:
        raise PersonError("role", f"A role must be {' or '.join(ROLES)}")
    return role
