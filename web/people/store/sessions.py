"""Sessions in PostgreSQL: who is signed in, in which browser."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Interval,
    Row,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from jobs.models.people import Session, User
from web.people.store import keys
from web.people.store.errors import UnknownPerson

# Not a write with each request.
SEEN_EVERY = dt.timedelta(minutes=1)
_NOW = func.clock_timestamp()
# Made once: every request of a browser asks it.
_LASTING = (
    select(
        Session.__table__,
        *(User.name, User.role, User.issuer, User.subject),
        (Session.last_seen < _NOW - SEEN_EVERY).label("is_to_be_noted"),
    )
    .outerjoin(User, User.id == Session.user_id)
    .where(
        or_(Session.user_id.is_not(None), Session.operator_mark == bindparam("mark")),
        Session.expires_at > _NOW,
        Session.last_seen > _NOW - bindparam("idle", type_=Interval),
    )
)
_FIND = _LASTING.where(Session.secret_hash == bindparam("secret_hash"))


@dataclass(frozen=True)
class Device:
    """Where somebody signs in."""

    address: str | None
    browser: str


@dataclass(frozen=True)
class Policy:
    """How long a session lasts, without a request and at most; and which are of the operator as they are now."""

    idle: dt.timedelta
    age: dt.timedelta
    operator_mark: str

    @property
    def given(self) -> dict[str, Any]:
        """As `_LASTING` takes it."""
        return {"mark": self.operator_mark, "idle": self.idle}


@dataclass(frozen=True)
class Holder:
    """Whose sessions: a user's; without an id, those of the operator of the environment."""

    user_id: int | None

    @property
    def has(self) -> ColumnElement[bool]:
        return Session.user_id.is_not_distinct_from(self.user_id)


def begin(connection: Connection, user: Row[Any], device: Device, policy: Policy) -> str | None:
    """A session of a user as they were read. Returns its secret; none where they were changed or removed since."""
    secret, values = _new(device, policy)
    # It waits for a change of the user that is under way, and sees it.
    is_same = User.password_hash.is_not_distinct_from(user.password_hash)
    as_read = update(User).where(User.id == user.id, User.role == user.role, is_same)
    with connection.begin():
        if not connection.execute(as_read.values(last_sign_in=_NOW)).rowcount:
            return None
        connection.execute(insert(Session).values(**values, user_id=user.id))
        _clear(connection, policy)
    return secret


def begin_of_operator(connection: Connection, device: Device, policy: Policy) -> str:
    """A session of the operator of the environment. Returns its secret."""
    secret, values = _new(device, policy)
    with connection.begin():
        connection.execute(insert(Session).values(**values, operator_mark=policy.operator_mark))
        _clear(connection, policy)
    return secret


def find(connection: Connection, secret: str, policy: Policy, *, is_activity: bool) -> Row[Any] | None:
    """The session of that secret with its user; none once it has ended. Activity begins its idle time anew."""
    with connection.begin():
        found = connection.execute(_FIND, {**policy.given, "secret_hash": keys.digest(secret)}).one_or_none()
        if found and is_activity and found.is_to_be_noted:
            # Those who ask at the same time wait for the first, and find it done.
            was = Session.last_seen == found.last_seen
            connection.execute(update(Session).where(Session.id == found.id, was).values(last_seen=_NOW))
    return found


def lasting(connection: Connection, policy: Policy, holder: Holder | None = None) -> Sequence[Row[Any]]:
    """The sessions that have not ended, with their users, those used last first; all, or somebody's."""
    # As many as a page can show.
    query = _LASTING.order_by(Session.last_seen.desc(), Session.id).limit(500)
    with connection.begin():
        return connection.execute(query.where(holder.has) if holder else query, policy.given).all()


def end(connection: Connection, session_id: int, holder: Holder | None = None) -> Row[Any]:
    """End a session; with a holder, only one of theirs. Returns its user's name. Raises UnknownPerson."""
    where = and_(Session.id == session_id, *([holder.has] if holder else []))
    query = select(User.name).select_from(Session).outerjoin(User, User.id == Session.user_id).where(where)
    with connection.begin():
        found = connection.execute(query).one_or_none()
        if found is None or not connection.execute(delete(Session).where(where)).rowcount:
            raise UnknownPerson(f"There is no session {session_id}")
    return found


def end_others(connection: Connection, holder: Holder, but: int) -> int:
    """End all sessions of somebody but one. Returns how many."""
    with connection.begin():
        return connection.execute(delete(Session).where(holder.has, Session.id != but)).rowcount


def _new(device: Device, policy: Policy) -> tuple[str, dict[str, Any]]:
    secret = keys.new()
    values = {"address": device.address, "browser": device.browser, "expires_at": _NOW + policy.age}
    return secret, {"secret_hash": keys.digest(secret), **values}


def _clear(connection: Connection, policy: Policy) -> None:
    """Delete what has ended by itself; with each sign-in, so that they are few."""
    ended = or_(Session.expires_at <= _NOW, Session.last_seen <= _NOW - policy.idle)
    # Passed over where somebody else does it, whom this one would wait for.
    batch = select(Session.id).where(ended).with_for_update(skip_locked=True)
    connection.execute(delete(Session).where(Session.id.in_(batch)))
