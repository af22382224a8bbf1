"""API tokens in PostgreSQL."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from jobs.models.people import ApiToken
from web.people.store import keys, names
from web.people.store.errors import UnknownPerson
from web.people.store.users import checked_role

# A token that is used many times a second is noted once a minute.
NOTED_EVERY = dt.timedelta(minutes=1)


def listed(connection: Connection) -> Sequence[Row[Any]]:
    """Every token, those in use first, newest first."""
    order = (ApiToken.revoked_at.is_not(None), ApiToken.created_at.desc())
    with connection.begin():
        # Revoked ones stay for the audit, and would fill the page in time.
        return connection.execute(select(ApiToken.__table__).order_by(*order).limit(200)).all()


def add(connection: Connection, name: str, role: str, who: str) -> tuple[int, str]:
    """Make a token. Returns its id, and itself: this is the only time that it can be read. Raises PersonError."""
    secret = f"sg_{keys.new()}"
    values = {"name": names.checked(name), "role": checked_role(role), "created_by": who, "hint": secret[:8]}
    with connection.begin():
        query = insert(ApiToken).values(token_hash=keys.digest(secret), **values).returning(ApiToken.id)
        return connection.execute(query).scalar_one(), secret


def revoke(connection: Connection, token_id: int) -> str:
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


def by_secret(connection: Connection, secret: str) -> Row[Any] | None:
    """The token in use that this is, noting that it was used."""
    digest = keys.digest(secret)
    with connection.begin():
        found = connection.execute(
            select(ApiToken.__table__).where(ApiToken.token_hash == digest, ApiToken.revoked_at.is_(None))
        ).one_or_none()
        if found and (found.last_used is None or dt.datetime.now(dt.UTC) - found.last_used > NOTED_EVERY):
            now = func.clock_timestamp()
            connection.execute(update(ApiToken).where(ApiToken.id == found.id).values(last_used=now))
    return found
