"""What the JSON API of the administration takes and answers."""

import datetime as dt
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from web import people

Role = Literal["viewer", "operator"]


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Problem(_Told):
    """What is not as it should be."""

    level: Literal["bad", "warn"]
    text: str
    remedy: str


class Health(_Told):
    """Whether all is well."""

    is_well: bool
    findings: list[Problem] = Field(description="The worst first")


class Occurrence(_Told):
    """A time of a cadence and what became of it."""

    task_id: str
    occurrence: dt.datetime
    state: str


class Cadence(_Told):
    """When a job starts by itself."""

    job: str
    slug: str
    cron: str = Field(description="UTC")
    next_due: dt.datetime | None
    paused: bool
    occurrences: list[Occurrence] = Field(description="The last 30, newest first")


class Schedule(_Told):
    """All cadences."""

    cadences: list[Cadence]


class QueueState(_Told):
    """What stands in a queue."""

    name: str
    waiting: int
    later: int = Field(description="Waiting for a time of their own")
    started: int
    oldest_s: float | None = Field(description="Seconds for which the longest-waiting run has been due")
    paused_by: str | None


class Queues(_Told):
    """All queues."""

    queues: list[QueueState]


class Changed(_Told):
    """Whether something changed."""

    changed: bool


class Purged(_Told):
    """How many runs were cancelled."""

    cancelled: int


class WorkerState(_Told):
    """A worker that is there."""

    name: str
    host: str
    pid: int
    queues: list[str]
    state: str
    task_id: str | None
    since: dt.datetime | None
    done: int
    failed: int


class Workers(_Told):
    """All workers."""

    workers: list[WorkerState]
    schedulers: int


class HeldMonth(_Told):
    """An area's month."""

    area: str
    month: str = Field(description="YYYY-MM-01")
    crimes: int
    unplaced: int
    set_aside: int
    ingested_at: dt.datetime
    cells: int | None = Field(description="Of the month's grid, over all areas; none while it is not built")


class Data(_Told):
    """The crime data that is held."""

    areas: list[str]
    newest_held: str | None
    newest_published: str | None = Field(description="As of the last look at the source")
    missing: list[str] = Field(description="Published and not held, as of the last look at the source")
    months: list[HeldMonth]


class User(_Told):
    """Somebody who signs in."""

    name: str
    role: Role
    created_by: str
    created_at: dt.datetime
    last_sign_in: dt.datetime | None


class Users(_Told):
    """All users but the operator of the environment."""

    users: list[User]


class NewUser(_Told):
    """Somebody to let in."""

    name: str = Field(min_length=1, max_length=people.LONGEST_NAME)
    password: str = Field(min_length=people.SHORTEST_PASSWORD, max_length=1024)
    role: Role = "viewer"


class UserChange(_Told):
    """Another password, another role, or both."""

    password: str = Field("", max_length=1024)
    role: Role | None = None


class Token(_Told):
    """A program's key, without the key."""

    id: int
    name: str
    hint: str
    role: Role
    created_by: str
    created_at: dt.datetime
    last_used: dt.datetime | None
    revoked_at: dt.datetime | None


class Tokens(_Told):
    """All tokens but that of the environment."""

    tokens: list[Token]


class NewToken(_Told):
    """A key to make."""

    name: str = Field(min_length=1, max_length=people.LONGEST_NAME)
    role: Role = "viewer"


class MadeToken(_Told):
    """A key: only this answer has it."""

    id: int
    token: str


class Entry(_Told):
    """Somebody changed something."""

    id: int
    at: dt.datetime
    who: str
    action: str
    target: str
    address: str | None


class AuditQuery(_Told):
    """Which entries."""

    limit: int = Field(50, ge=1, le=500)
    before: int | None = Field(None, ge=1, le=2**62, description="Only older ones: `next` of the page before")


class Audit(_Told):
    """Who changed what, newest first."""

    entries: list[Entry]
    next: int | None
