"""API tokens in PostgreSQL."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, false, func, insert, select, true, update
from sqlalchemy.exc import IntegrityError

from jobs.models.people import ApiToken, User
from web.people.store import keys, names
from web.people.store.errors import PersonError, UnknownPerson
from web.people.store.users import checked_role

# A token that is used many times a second is noted once a minute.
NOTED_EVERY = dt.timedelta(minutes=1)


# What somebody who does not think of it gets: a key that leaks is of no use for ever.
DAYS = 90
MOST_DAYS = 3650
_NOW = func.clock_timestamp()
_IS_EXPIRED = func.coalesce(ApiToken.expires_at <= _NOW, false()).label("is_expired")

# Made once: every request of a program asks it.
_BY_SECRET = (
    select(
        ApiToken.__table__,
        _IS_EXPIRED,
        func.coalesce(ApiToken.last_used < _NOW - NOTED_EVERY, true()).label("is_to_be_noted"),
        User.role.label("owner_role"),
    )
    .outerjoin(User, User.id == ApiToken.owner_id)
    .where(ApiToken.token_hash == bindparam("token_hash"), ApiToken.revoked_at.is_(None))
)


def listed(connection: Connection) -> Sequence[Row[Any]]:
    """Every token, those in use first, newest first."""
    order = (ApiToken.revoked_at.is_not(None) | _IS_EXPIRED, ApiToken.created_at.desc())
    with connection.begin():
        # Revoked ones stay for the audit, and would fill the page in time.
        return connection.execute(select(ApiToken.__table__, _IS_EXPIRED).order_by(*order).limit(200)).all()


def add(
    connection: Connection, name: str, role: str, days: int | None, *, who: str, owner_id: int | None
) -> tuple[int, str]:
    """Make a token for so many days, or for ever. Returns its id, and itself: it can be read this once.

    Raises PersonError; UnknownPerson where its owner was removed in between.
    """
    if days is not None and not 1 <= days <= MOST_DAYS:
        raise PersonError("days", f"A token is valid for 1 to {MOST_DAYS} days, or without end")
    secret = f"sg_{keys.new()}"
    values = {"name": names.checked(name), "role": checked_role(role), "created_by": who, "owner_id": owner_id}
    values |= {"token_hash": keys.digest(secret), "hint": secret[:8]}
    ends = None if days is None else _NOW + dt.timedelta(days=days)
    query = insert(ApiToken).values(**values, expires_at=ends).returning(ApiToken.id)
    try:
        with connection.begin():
            return connection.execute(query).scalar_one(), secret
    except IntegrityError:
        raise UnknownPerson(f"The user {who} no longer exists") from None


def revoke(connection: Connection, token_id: int) -> str:
    """Revoke a token in use. Returns its name. Raises UnknownPerson."""
    with connection.begin():
        name = connection.scalar(
            update(ApiToken)
            .where(ApiToken.id == token_id, ApiToken.revoked_at.is_(None))
            .values(revoked_at=_NOW)
            .returning(ApiToken.name)
        )
    if name is None:
        raise UnknownPerson(f"There is no valid token {token_id}")
    return str(name)


def by_secret(connection: Connection, secret: str) -> Row[Any] | None:
    """The token that this is, with its owner's role, noting that it was used; none if it was revoked."""
    with connection.begin():
        found = connection.execute(_BY_SECRET, {"token_hash": keys.digest(secret)}).one_or_none()
        if found and found.is_to_be_noted and not found.is_expired:
            # Those who use it at the same time wait for the first, and find it done.
            was = ApiToken.last_used.is_not_distinct_from(found.last_used)
            connection.execute(update(ApiToken).where(ApiToken.id == found.id, was).values(last_used=_NOW))
    return found
