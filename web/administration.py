"""The rest of the JSON API under /api/v1/admin: what the other pages show and do."""

import datetime as dt
from typing import Any

from apiflask import APIBlueprint, APIFlask
from flask import Response, jsonify
from pydantic import BaseModel

from jobs.months import month_text
from web import audit, guard, people, queues, schedule
from web.access import check_name
from web.answers import (
    Audit,
    AuditQuery,
    Cadence,
    Changed,
    Data,
    Entry,
    Health,
    HeldMonth,
    MadeToken,
    NewToken,
    NewUser,
    Occurrence,
    Problem,
    Purged,
    Queues,
    QueueState,
    Schedule,
    Token,
    Tokens,
    User,
    UserChange,
    Users,
    Workers,
    WorkerState,
)
from web.clients import client
from web.overview import look
from web.verdict import findings
from worker import holdings, ledger, occurrences, overview, pauses

bp = APIBlueprint("administration", __name__, url_prefix="/api/v1/admin", tag="Administration")


def init_app(app: APIFlask) -> None:
    """Add the API."""
    app.register_blueprint(bp)


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
        changed = pauses.pause(connection, kind, name, guard.asker("api").who)
    if changed:
        audit.note("paused", f"the {kind} {name}")
    return _answer(Changed(changed=changed))


def _resume(kind: str, name: str) -> Response:
    with client().engine.connect() as connection:
        changed = pauses.resume(connection, kind, name)
    if changed:
        audit.note("resumed", f"the {kind} {name}")
    return _answer(Changed(changed=changed))
