"""The ledger: what was asked for, what was tried, what came of it. The row is the truth, RQ the transport."""

import datetime as dt
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, false, func, text
from sqlalchemy.orm import Mapped, mapped_column

from jobs.models.base import Base

STATES = ("waiting", "queued", "started", "finished", "failed", "cancelled", "skipped")
OPEN_STATES = ("waiting", "queued", "started")
ODD_STATES = ("failed", "cancelled", "skipped")
OWES_FOLLOW_UPS = "attempt > 0 AND NOT followed_up AND state IN ('failed', 'cancelled')"
"""Runs that came to nothing: what they did until then may make other runs necessary all the same."""
ORIGINS = ("api", "form", "cli", "python", "schedule", "pipeline", "rq")


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


class Run(Base):
    """One request for a job. `id` is the task_id of the API."""

    __tablename__ = "runs"
    id: Mapped[str] = mapped_column(primary_key=True)
    job: Mapped[str]
    queue: Mapped[str]
    parameters: Mapped[dict[str, Any]]
    state: Mapped[str]
    origin: Mapped[str]
    requested_by: Mapped[str]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
    due_at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
    occurrence: Mapped[dt.datetime | None]
    """The time of the cadence that this run stands for."""
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("runs.id", ondelete="SET NULL"), index=True)
    pushes: Mapped[int] = mapped_column(server_default=text("0"))
    unclaimed_pushes: Mapped[int] = mapped_column(server_default=text("0"))
    """Pushes since the last claim that a worker took and never claimed: something kills its work-horses."""
    pushed_at: Mapped[dt.datetime | None]
    unknown_since: Mapped[dt.datetime | None]
    """Since when processes have found it whose version does not know its job; none once one that does begins it."""
    attempt: Mapped[int] = mapped_column(server_default=text("0"))
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    losses: Mapped[int] = mapped_column(server_default=text("0"))
    stops: Mapped[int] = mapped_column(server_default=text("0"))
    started_at: Mapped[dt.datetime | None]
    ended_at: Mapped[dt.datetime | None]
    checkpoint: Mapped[dict[str, Any] | None]
    result: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    """As the job returned it, its keys in their order."""
    error: Mapped[str | None]
    cancel_requested_by: Mapped[str | None]
    acknowledged_by: Mapped[str | None]
    """Who has taken note that it failed: it is no finding any more."""
    followed_up: Mapped[bool] = mapped_column(server_default=false())
    """Whether the runs that its work makes necessary were asked for."""
    log: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))
    """The last lines that the run logged."""
    __table_args__ = (
        CheckConstraint(_one_of("state", STATES), name="state"),
        CheckConstraint(_one_of("origin", ORIGINS), name="origin"),
        CheckConstraint("(state IN ('waiting', 'queued', 'started')) = (ended_at IS NULL)", name="ended"),
        Index("ix_runs_created", "created_at", "id"),
        Index("ix_runs_job_created", "job", "created_at"),
        Index("ix_runs_open", "queue", "due_at", postgresql_where=text("ended_at IS NULL")),
        # Among the finished they are few, and people look for them.
        Index("ix_runs_odd", "state", "created_at", "id", postgresql_where=text(_one_of("state", ODD_STATES))),
        Index("ix_runs_owed", "ended_at", postgresql_where=text(OWES_FOLLOW_UPS)),
        Index("ix_runs_failed", "ended_at", postgresql_where=text("state = 'failed'")),
        # By a hash, as parameters may be longer than an entry of an index.
        Index(
            "ix_runs_finished",
            "job",
            text("jsonb_hash(parameters)"),
            "ended_at",
            postgresql_where=text("state = 'finished'"),
        ),
        Index("uq_runs_occurrence", "job", "occurrence", unique=True),
    )


class Attempt(Base):
    """One try to do a run, by one work-horse."""

    __tablename__ = "attempts"
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    worker: Mapped[str]
    """host:pid of the work-horse."""
    started_at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
    beat_at: Mapped[dt.datetime | None]
    """When its work-horse last said that it is alive; none in its first seconds."""
    ended_at: Mapped[dt.datetime | None]
    outcome: Mapped[str | None]
    """finished, failed, lost, stopped or cancelled; null while it runs."""
    error: Mapped[str | None]
    traceback: Mapped[str | None]


class Pause(Base):
    """A queue whose runs wait, a cadence, a run, or the rebuilding of the grid, until somebody resumes it."""

    __tablename__ = "pauses"
    kind: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    requested_by: Mapped[str]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
    __table_args__ = (CheckConstraint(_one_of("kind", ("queue", "cadence", "run", "grid")), name="kind"),)


class QueueWorkers(Base):
    """How many workers of a queue each supervisor is to have, where somebody chose a number."""

    __tablename__ = "queue_workers"
    queue: Mapped[str] = mapped_column(primary_key=True)
    workers: Mapped[int]
    requested_by: Mapped[str]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
    __table_args__ = (CheckConstraint("workers > 0", name="workers"),)


class Cadence(Base):
    """When a job is next due by its cadence. The truth; rq-scheduler's entry in Redis mirrors it."""

    __tablename__ = "cadences"
    job: Mapped[str] = mapped_column(primary_key=True)
    cron: Mapped[str]
    next_due: Mapped[dt.datetime]
