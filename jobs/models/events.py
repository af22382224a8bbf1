"""Events out: what happened, who wants to hear of it, and what was sent to whom."""

import datetime as dt
from typing import Any

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text, func, text
from sqlalchemy.dialects.postgresql import BIGINT
from sqlalchemy.orm import Mapped, mapped_column

from jobs.models.base import Base

KINDS = ("month_ingested", "month_revised", "grid_published", "scores_warmed", "run_ended")


class Event(Base):
    """Something that happened, noted in the transaction that did it."""

    __tablename__ = "events"
    id: Mapped[int] = mapped_column(BIGINT, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    """By which receivers know it, however often it is sent."""
    kind: Mapped[str]
    data: Mapped[dict[str, Any]]
    at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
    numbered_at: Mapped[dt.datetime | None]
    """When each subscriber of its kind got a number for it."""
    __table_args__ = (
        CheckConstraint(f"kind IN ({', '.join(map(repr, KINDS))})", name="kind"),
        Index("ix_events_fresh", "id", postgresql_where=text("numbered_at IS NULL")),
        Index("ix_events_at", "at"),
    )


class Subscriber(Base):
    """Somebody to whom events are sent."""

    __tablename__ = "subscribers"
    id: Mapped[int] = mapped_column(BIGINT, primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    url: Mapped[str]
    """May hold a token: nothing shows more of it than the host."""
    secret: Mapped[str]
    """Signs what is sent."""
    kinds: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_by: Mapped[str]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
    """Events before this are not sent."""
    last_number: Mapped[int] = mapped_column(BIGINT, server_default=text("0"))


class Delivery(Base):
    """An event to be sent to a subscriber, by its number there: 1, 2, 3, without a gap."""

    __tablename__ = "deliveries"
    subscriber_id: Mapped[int] = mapped_column(
        BIGINT, ForeignKey("subscribers.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(BIGINT, primary_key=True)
    event_id: Mapped[int] = mapped_column(BIGINT, ForeignKey("events.id", ondelete="CASCADE"), index=True)
    run_id: Mapped[str | None]
    """The run that sends it; none until it is its turn. No foreign key: it stays when the ledger forgets the run."""
    taken_at: Mapped[dt.datetime | None]
    """When the subscriber took it first."""
    __table_args__ = (Index("ix_deliveries_next", "subscriber_id", "number", postgresql_where=text("run_id IS NULL")),)
