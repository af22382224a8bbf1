"""Findings: what is not as it should be, since when, and what became of it; and the processes that look for it."""

import datetime as dt
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.dialects.postgresql import BIGINT
from sqlalchemy.orm import Mapped, mapped_column

from jobs.models.base import Base


class Finding(Base):
    """One thing that was wrong for a time. Of a kind and subject at most one is open."""

    __tablename__ = "findings"
    id: Mapped[int] = mapped_column(BIGINT, primary_key=True)
    rule: Mapped[str]
    """The rule that found it, and that finds when it is over."""
    kind: Mapped[str]
    subject: Mapped[str]
    severity: Mapped[str]
    since: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
    last_seen: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
    cause: Mapped[str]
    remedy: Mapped[str]
    link: Mapped[str | None]
    """Where to look: `run:ID`, `job:SLUG`, or a page of the admin."""
    acknowledged_by: Mapped[str | None]
    acknowledged_until: Mapped[dt.datetime | None]
    """Until then nobody is told of it; none with `acknowledged_by`: until it is over."""
    resolved_at: Mapped[dt.datetime | None]
    resolved_by: Mapped[str | None]
    """What made it pass, or who."""
    __table_args__ = (
        CheckConstraint("severity IN ('critical', 'warning', 'notice')", name="severity"),
        CheckConstraint("(resolved_at IS NULL) = (resolved_by IS NULL)", name="resolved"),
        Index("uq_findings_open", "kind", "subject", unique=True, postgresql_where=text("resolved_at IS NULL")),
        Index("ix_findings_resolved", "resolved_at"),
    )


class FindingLook(Base):
    """When a rule was last looked at: by one process at a time, each `every_s`."""

    __tablename__ = "finding_looks"
    rule: Mapped[str] = mapped_column(primary_key=True)
    every_s: Mapped[float]
    claimed_at: Mapped[dt.datetime]
    looked_at: Mapped[dt.datetime | None]
    """What was seen then is so now; an open finding that was last seen before is not known to be."""
    facts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    """What the rule wants to know of its last look."""


class Pulse(Base):
    """A process that does its rounds, such as a sweep, as it last said."""

    __tablename__ = "pulses"
    part: Mapped[str] = mapped_column(primary_key=True)
    host: Mapped[str] = mapped_column(primary_key=True)
    pid: Mapped[int] = mapped_column(primary_key=True)
    beat_at: Mapped[dt.datetime]
    """By the clock of PostgreSQL."""
    skew_s: Mapped[float]
    """Seconds that the host's clock is ahead of PostgreSQL's."""


class FindingMessage(Base):
    """A receiver has taken the message that a finding opened, or that it is over."""

    __tablename__ = "finding_messages"
    finding_id: Mapped[int] = mapped_column(BIGINT, ForeignKey("findings.id", ondelete="CASCADE"), primary_key=True)
    receiver: Mapped[str] = mapped_column(primary_key=True)
    what: Mapped[str] = mapped_column(primary_key=True)
    sent_at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
    __table_args__ = (CheckConstraint("what IN ('open', 'over')", name="what"),)


class Receiver(Base):
    """A receiver of messages that did not take the last one."""

    __tablename__ = "receivers"
    name: Mapped[str] = mapped_column(primary_key=True)
    """Its host; the address is a secret."""
    error: Mapped[str]
    refused_since: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
    tries: Mapped[int]
    next_try_at: Mapped[dt.datetime]


class RunPing(Base):
    """A watcher elsewhere has taken the ping of a run's start or end."""

    __tablename__ = "run_pings"
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    event: Mapped[str] = mapped_column(primary_key=True)
    sent_at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
    __table_args__ = (CheckConstraint("event IN ('start', 'success', 'fail')", name="event"),)
