"""Users, API tokens and the audit in PostgreSQL."""

import datetime as dt
import functools
import hashlib
import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from werkzeug.security import check_password_hash, generate_password_hash

from jobs.errors import SafegridError
from jobs.models.people import ROLES, ApiToken, AuditEntry, User

# As OWASP asks: ASVS 4.0, 2.1.1.
SHORTEST_PASSWORD = 12
# As OWASP's Password Storage Cheat Sheet asks: 32 MB of memory and some tenth of a second.
METHOD = "scrypt:32768:8:1"
# It stands in every line of the audit.
LONGEST_NAME = 64
# A token that is used many times a second is noted once a minute.
NOTED_EVERY = dt.timedelta(minutes=1)


class PersonError(SafegridError):
    """A user or token that cannot be had; `field` is what is wrong."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field


class UnknownPerson(SafegridError):
    """A user or token that is not there."""


def users(connection: Connection) -> Sequence[Row[Any]]:
    """Every user by name."""
    with connection.begin():
        return connection.execute(select(User.__table__).order_by(User.name)).all()


def user(connection: Connection, name: str) -> Row[Any] | None:
    """The user of that name."""
    with connection.begin():
        return connection.execute(select(User.__table__).where(User.name == name)).one_or_none()


def checked(connection: Connection, name: str, password: str) -> Row[Any] | None:
    """The user whose name and password these are, noting that they came in."""
    found = user(connection, name)
    is_right = check_password_hash(found.password_hash if found else _nobody(), password)
    if found is None or not is_right:
        return None
    with connection.begin():
        connection.execute(update(User).where(User.name == name).values(last_sign_in=func.clock_timestamp()))
    return found


def add_user(connection: Connection, name: str, password: str, role: str, who: str) -> Row[Any]:
    """Enter a user, who may sign in. Raises PersonError."""
    name = _name(name)
    values = {"name": name, "password_hash": _hash(password), "role": _role(role), "created_by": who}
    query = upsert(User).values(values).on_conflict_do_nothing().returning(User.__table__)
    with connection.begin():
        added = connection.execute(query).one_or_none()
    if added is None:
        raise PersonError("name", f"There is a user {name} already")
    return added


def change_user(connection: Connection, name: str, *, password: str = "", role: str = "") -> Row[Any]:
    """Give a user another password, another role, or both. Their sessions end. Raises PersonError, UnknownPerson."""
    values = {"password_hash": _hash(password)} if password else {}
    values |= {"role": _role(role)} if role else {}
    if not values:
        raise PersonError("password", "Give a new password or a new role")
    query = update(User).where(User.name == name).values(values).returning(User.__table__)
    with connection.begin():
        changed = connection.execute(query).one_or_none()
    if changed is None:
        raise UnknownPerson(f"There is no user {name}")
    return changed


def remove_user(connection: Connection, name: str) -> None:
    """Delete a user. Raises UnknownPerson."""
    with connection.begin():
        if not connection.execute(delete(User).where(User.name == name)).rowcount:
            raise UnknownPerson(f"There is no user {name}")


def tokens(connection: Connection) -> Sequence[Row[Any]]:
    """Every token, those in use first, newest first."""
    order = (ApiToken.revoked_at.is_not(None), ApiToken.created_at.desc())
    with connection.begin():
        # Revoked ones stay for the audit, and would fill the page in time.
        return connection.execute(select(ApiToken.__table__).order_by(*order).limit(200)).all()


def add_token(connection: Connection, name: str, role: str, who: str) -> tuple[int, str]:
    """Make a token. Returns its id, and itself: this is the only time that it can be read. Raises PersonError."""
    # 256 bits at random: nobody can guess it, so its hash needs neither salt nor slowness.
    secret = f"sg_{secrets.token_urlsafe(32)}"
    values = {"name": _name(name), "role": _role(role), "created_by": who, "hint": secret[:8]}
    with connection.begin():
        query = insert(ApiToken).values(token_hash=_digest(secret), **values).returning(ApiToken.id)
        return connection.execute(query).scalar_one(), secret


def revoke_token(connection: Connection, token_id: int) -> str:
    """Revoke a token in use. Returns its name. Raises UnknownPerson."""
    with connection.begin():
        name = connection.scalar(
            update(ApiToken)
            .where(ApiToken.id == token_id, ApiToken.revoked_at.is_(None))
            .values(revoked_at=func.clock_timestamp())
            .returning(ApiToken.name)
        )
    if name is None:
        raise UnknownPerson(f"There is no token {token_id} in use")
    return str(name)


def by_token(connection: Connection, secret: str) -> Row[Any] | None:
    """The token in use that this is, noting that it was used."""
    with connection.begin():
        found = connection.execute(
            select(ApiToken.__table__).where(ApiToken.token_hash == _digest(secret), ApiToken.revoked_at.is_(None))
        ).one_or_none()
        if found and (found.last_used is None or dt.datetime.now(dt.UTC) - found.last_used > NOTED_EVERY):
            now = func.clock_timestamp()
            connection.execute(update(ApiToken).where(ApiToken.id == found.id).values(last_used=now))
    return found


def note(connection: Connection, who: str, action: str, target: str, address: str | None) -> None:
    """Write down who changed what."""
    with connection.begin():
        connection.execute(insert(AuditEntry).values(who=who, action=action, target=target, address=address))


def audit(connection: Connection, count: int, before: int | None = None) -> Sequence[Row[Any]]:
    """The newest entries, of those older than the entry `before`."""
    where = [AuditEntry.id < before] if before else []
    with connection.begin():
        return connection.execute(
            select(AuditEntry.__table__).where(*where).order_by(AuditEntry.id.desc()).limit(count)
        ).all()


def check_nobody(password: str) -> None:
    """Take as long as `checked` takes."""
    check_password_hash(_nobody(), password)


@functools.cache
def _nobody() -> str:
    """The hash of no password: somebody unknown takes as long to refuse as somebody known."""
    return generate_password_hash(secrets.token_hex(), METHOD)


def _name(name: str) -> str:
    name = name.strip()
    # A slash would part the addresses of their page.
    if not name or len(name) > LONGEST_NAME or not name.isprintable() or "/" in name:
        raise PersonError("name", f"A name has 1 to {LONGEST_NAME} printable characters and no slash")
    return name


def _role(role: str) -> str:
    if role not in ROLES:
        raise PersonError("role", f"A role is {' or '.join(ROLES)}")
    return role


def _hash(password: str) -> str:
    if len(password) < SHORTEST_PASSWORD:
        raise PersonError("password", f"A password has at least {SHORTEST_PASSWORD} characters")
    return generate_password_hash(password, METHOD)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
