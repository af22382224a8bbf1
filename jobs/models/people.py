"""Who may use the admin besides the first operator of the environment, and what was changed by whom."""

import datetime as dt

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import BIGINT
from sqlalchemy.orm import Mapped, mapped_column

from jobs.models.base import Base

ROLES = ("viewer", "operator")
_ROLE = "role IN ('viewer', 'operator')"


class User(Base):
    """Somebody who signs in with a password, or by a provider of OpenID Connect."""

    __tablename__ = "users"
    id: Mapped[int] = mapped_column(BIGINT, primary_key=True)
    name: Mapped[str]
    comparable: Mapped[str] = mapped_column(unique=True)
    """The name without its case and form: two that differ in these only are one."""
    password_hash: Mapped[str | None]
    issuer: Mapped[str | None]
    subject: Mapped[str | None]
    """What the provider `issuer` calls them, for good."""
    role: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
    last_sign_in: Mapped[dt.datetime | None]
    __table_args__ = (
        UniqueConstraint("issuer", "subject"),
        CheckConstraint(_ROLE, name="role"),
        CheckConstraint(
            "num_nonnulls(issuer, subject) = CASE WHEN password_hash IS NULL THEN 2 ELSE 0 END", name="known_by"
        ),
    )


class Session(Base):
    """A browser in which a user is signed in."""

    __tablename__ = "sessions"
    id: Mapped[int] = mapped_column(BIGINT, primary_key=True)
    secret_hash: Mapped[str] = mapped_column(unique=True)
    """SHA-256 in hex of what the browser's cookie has."""
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    """None: the operator of the environment."""
    operator_mark: Mapped[str | None]
    """Of the operator's name and password, so that the session ends when they change."""
    address: Mapped[str | None]
    browser: Mapped[str]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
    last_seen: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
    expires_at: Mapped[dt.datetime]
    __table_args__ = (CheckConstraint("(user_id IS NULL) = (operator_mark IS NOT NULL)", name="account"),)


class ApiToken(Base):
    """A program's key. Only its hash is kept; a revoked one stays, so that the audit can be read."""

    __tablename__ = "api_tokens"
    id: Mapped[int] = mapped_column(BIGINT, primary_key=True)
    name: Mapped[str]
    token_hash: Mapped[str] = mapped_column(unique=True)
    """SHA-256 in hex: the token is 32 random bytes, which no slow hash needs to protect."""
    hint: Mapped[str]
    """The token's first characters, by which people tell it from others."""
    role: Mapped[str]
    created_by: Mapped[str]
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    """The user with whom it is revoked, and whose role bounds its own; none if the environment's operator made it."""
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
    expires_at: Mapped[dt.datetime | None]
    last_used: Mapped[dt.datetime | None]
    revoked_at: Mapped[dt.datetime | None]
    __table_args__ = (CheckConstraint(_ROLE, name="role"),)


class AuditEntry(Base):
    """Somebody changed something. A trigger refuses to change or delete an entry."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(BIGINT, primary_key=True)
    at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
    who: Mapped[str]
    """The name at the time; who it was, kind and id say."""
    kind: Mapped[str | None]
    """operator (of the environment), person, oidc, token or stranger; none in entries of earlier versions."""
    account_id: Mapped[str | None]
    """Id of the user or token; `environment` if it is set in the environment."""
    action: Mapped[str]
    target: Mapped[str]
    address: Mapped[str | None]
    """Where the request came from."""
    __table_args__ = (Index("ix_audit_at", "at", "id"),)
