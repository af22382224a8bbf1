"""The rest of the JSON API under /api/v1/admin: what the other pages show and do."""

import datetime as dt
from typing import Any, Literal

from apiflask import APIBlueprint, APIFlask
from flask import Response, jsonify
from pydantic import BaseModel, ConfigDict, Field

from jobs.months import month_text
from web import audit, guard, people, queues, schedule
from web.access import check_name
from web.clients import client
from web.overview import look
from web.verdict import findings
from worker import holdings, ledger, occurrences, overview

bp = APIBlueprint("administration", __name__, url_prefix="/api/v1/admin", tag="Administration")
Role = Literal["viewer", "operator"]


def init_app(app: APIFlask) -> None:
    """Add the API."""
    app.register_blueprint(bp)


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


@bp.get("/health")
@bp.output(Health)
@bp.doc(summary="Is all well, and what to do if not", operation_id="getHealth")
def health() -> Response:
    """The verdict of the first page."""
    seen, _ = look()
    found = [Problem(level=one.level, text=one.text, remedy=one.remedy) for one in findings(seen)]
    return _answer(Health(is_well=not found, findings=found))


@bp.get("/schedule")
@bp.output(Schedule)
@bp.doc(summary="The cadences with their last occurrences", operation_id="getSchedule")
def cadences() -> Response:
    """The schedule."""
    told = []
    with client().engine.connect() as connection:
        stored = overview.cadences(connection)
        for name, job in overview.scheduled().items():
            row = stored.get(name)
            last = [
                Occurrence(task_id=one.id, occurrence=one.occurrence, state=one.state)
                for one in occurrences.history(connection, name, schedule.DOTS)
            ]
            told.append(
                Cadence(
                    job=name,
                    slug=job.slug,
                    cron=str(job.cron),
                    next_due=row.next_due if row else None,
                    paused=bool(row and row.paused),
                    occurrences=last,
                )
            )
    return _answer(Schedule(cadences=told))


@bp.post("/schedule/<slug>/pause")
@bp.output(Changed)
@bp.doc(summary="Let a cadence rest", operation_id="pauseCadence")
def pause_cadence(slug: str) -> Response:
    """Pause a cadence."""
    return _pause("cadence", schedule.with_cadence(slug).name)


@bp.post("/schedule/<slug>/resume")
@bp.output(Changed)
@bp.doc(summary="Go on with a cadence", operation_id="resumeCadence")
def resume_cadence(slug: str) -> Response:
    """Resume a cadence."""
    return _resume("cadence", schedule.with_cadence(slug).name)


@bp.get("/queues")
@bp.output(Queues)
@bp.doc(summary="What stands in the queues", operation_id="getQueues")
def queue_states() -> Response:
    """The queues."""
    with client().engine.connect() as connection:
        return _answer(Queues(queues=[QueueState(**vars(one)) for one in overview.queues(connection)]))


@bp.post("/queues/<name>/pause")
@bp.output(Changed)
@bp.doc(summary="Let a queue rest; runs at work go on", operation_id="pauseQueue")
def pause_queue(name: str) -> Response:
    """Pause a queue."""
    return _pause("queue", queues.known(name))


@bp.post("/queues/<name>/resume")
@bp.output(Changed)
@bp.doc(summary="Go on with a queue", operation_id="resumeQueue")
def resume_queue(name: str) -> Response:
    """Resume a queue."""
    return _resume("queue", queues.known(name))


@bp.post("/queues/<name>/purge")
@bp.output(Purged)
@bp.doc(summary="Cancel what waits in a queue", operation_id="purgeQueue")
def purge_queue(name: str) -> Response:
    """Purge a queue."""
    with client().engine.connect() as connection:
        count = ledger.purge(connection, queues.known(name), guard.asker("api").who)
    audit.note("purged", f"the queue {name}: {count} runs cancelled")
    return _answer(Purged(cancelled=count))


@bp.get("/workers")
@bp.output(Workers)
@bp.doc(summary="The workers and what each does", operation_id="getWorkers")
def workers() -> Response:
    """The workers."""
    found = []
    for one in overview.workers(client().redis):
        values = vars(one)
        found.append(WorkerState(**{k: v for k, v in values.items() if k != "run_id"}, task_id=one.run_id))
    return _answer(Workers(workers=found, schedulers=overview.schedulers(client().redis)))


@bp.get("/data")
@bp.output(Data)
@bp.doc(summary="The crime data that is held", operation_id="getData")
def data() -> Response:
    """Months by areas."""
    oldest = dt.date(2010, 1, 1)
    with client().engine.connect() as connection:
        areas = [area.slug for area in holdings.areas(connection)]
        rows, grid = holdings.months(connection, oldest), holdings.grid(connection, oldest)
        newest, seen = holdings.newest_month(connection), holdings.last_look(connection)
    held = [
        HeldMonth(
            area=row.area,
            month=row.month.isoformat(),
            crimes=row.records,
            unplaced=row.unplaced,
            set_aside=row.set_aside,
            ingested_at=row.ended_at,
            cells=grid[row.month].cells if row.month in grid else None,
        )
        for row in rows
    ]
    published = seen.newest_published if seen else None
    return _answer(
        Data(
            areas=areas,
            newest_held=newest.isoformat() if newest else None,
            newest_published=published.isoformat() if published else None,
            missing=[month_text(one) for one in seen.missing] if seen else [],
            months=held,
        )
    )


@bp.get("/users")
@bp.output(Users)
@bp.doc(summary="Who may sign in", operation_id="listUsers")
@guard.for_operators
def users() -> Response:
    """The users."""
    with client().engine.connect() as connection:
        return _answer(Users(users=[_pick(User, row) for row in people.users(connection)]))


@bp.post("/users")
@bp.input(NewUser, arg_name="wanted")
@bp.output(User, status_code=201)
@bp.doc(summary="Let somebody in", operation_id="addUser")
def add_user(wanted: NewUser) -> Response:
    """A new user."""
    name = wanted.name.strip()
    check_name(name)
    with client().engine.connect() as connection:
        people.add_user(connection, name, wanted.password, wanted.role, guard.asker("api").who)
        row = people.user(connection, name)
    audit.note("added", f"the {wanted.role} {name}")
    return _answer(_pick(User, row), 201)


@bp.patch("/users/<name>")
@bp.input(UserChange, arg_name="wanted")
@bp.output(User)
@bp.doc(summary="Change somebody's password or role; their sessions end", operation_id="changeUser")
def change_user(name: str, wanted: UserChange) -> Response:
    """A changed user."""
    with client().engine.connect() as connection:
        people.change_user(connection, name, password=wanted.password, role=wanted.role or "")
        row = people.user(connection, name)
    changed = [*(["password"] if wanted.password else []), *([f"role ({wanted.role})"] if wanted.role else [])]
    audit.note("changed", f"{' and '.join(changed)} of {name}")
    return _answer(_pick(User, row))


@bp.delete("/users/<name>")
@bp.output(Changed)
@bp.doc(summary="Let somebody in no more", operation_id="removeUser")
def remove_user(name: str) -> Response:
    """Remove a user."""
    with client().engine.connect() as connection:
        people.remove_user(connection, name)
    audit.note("removed", f"the user {name}")
    return _answer(Changed(changed=True))


@bp.get("/tokens")
@bp.output(Tokens)
@bp.doc(summary="The tokens, without themselves", operation_id="listTokens")
@guard.for_operators
def tokens() -> Response:
    """The tokens."""
    with client().engine.connect() as connection:
        return _answer(Tokens(tokens=[_pick(Token, row) for row in people.tokens(connection)]))


@bp.post("/tokens")
@bp.input(NewToken, arg_name="wanted")
@bp.output(MadeToken, status_code=201)
@bp.doc(summary="Make a token; only this answer has it", operation_id="makeToken")
def make_token(wanted: NewToken) -> Response:
    """A new token."""
    with client().engine.connect() as connection:
        token_id, secret = people.add_token(connection, wanted.name, wanted.role, guard.asker("api").who)
    audit.note("made", f"the {wanted.role} token {wanted.name}")
    return _answer(MadeToken(id=token_id, token=secret), 201)


@bp.delete("/tokens/<int(max=4611686018427387904):token_id>")
@bp.output(Changed)
@bp.doc(summary="Let a token open nothing more", operation_id="revokeToken")
def revoke_token(token_id: int) -> Response:
    """Revoke a token."""
    with client().engine.connect() as connection:
        name = people.revoke_token(connection, token_id)
    audit.note("revoked", f"the token {name}")
    return _answer(Changed(changed=True))


@bp.get("/audit")
@bp.input(AuditQuery, location="query", arg_name="wanted")
@bp.output(Audit)
@bp.doc(summary="Who changed what, newest first", operation_id="listChanges")
@guard.for_operators
def changes(wanted: AuditQuery) -> Response:
    """The audit."""
    with client().engine.connect() as connection:
        found = people.audit(connection, wanted.limit + 1, wanted.before)
    shown = [_pick(Entry, row) for row in found[: wanted.limit]]
    return _answer(Audit(entries=shown, next=shown[-1].id if len(found) > len(shown) else None))


def _answer(told: BaseModel, status: int = 200) -> Response:
    response = jsonify(told.model_dump(mode="json"))
    response.status_code = status
    return response


def _pick(model: type[Any], row: Any) -> Any:
    return model(**{name: getattr(row, name) for name in model.model_fields})


def _pause(kind: str, name: str) -> Response:
    with client().engine.connect() as connection:
        changed = ledger.pause(connection, kind, name, guard.asker("api").who)
    if changed:
        audit.note("paused", f"the {kind} {name}")
    return _answer(Changed(changed=changed))


def _resume(kind: str, name: str) -> Response:
    with client().engine.connect() as connection:
        changed = ledger.resume(connection, kind, name)
    if changed:
        audit.note("resumed", f"the {kind} {name}")
    return _answer(Changed(changed=changed))
