"""What is done to single runs, each noted so that the audit knows what may become of it."""

import datetime as dt
import random
import uuid
from collections.abc import Callable
from typing import Any

import psutil
from redis import RedisError
from sqlalchemy import Connection, Row, text
from sqlalchemy.exc import SQLAlchemyError

from jobs import catalogue, database
from jobs.catalogue import QUEUES
from tests.faults.house import House
from tests.faults.kills import send
from tests.faults.notes import FAULTS, Cancel, Request
from worker import ledger
from worker.client import Client
from worker.errors import WrongState

# Of a run that was asked for a moment ago.
PATIENCE_S = 20.0
_GONE = "job_of_another_version"
_UNKNOWN = text(
    "INSERT INTO runs (id, job, queue, parameters, state, origin, requested_by) "
    "VALUES (:id, :job, :queue, '{}', 'waiting', 'python', 'fault harness')"
)
_STARTED = text(
    "SELECT id FROM runs WHERE job = 'take_steps' AND state = 'started' AND cancel_requested_by IS NULL ORDER BY id"
)
# All but the newest: with none held, nobody could build a grid.
_FORGET = text("UPDATE area_months SET is_whole = false WHERE month < (SELECT max(month) FROM area_months)")
_BROUGHT_IN = text(
    """
    SELECT (SELECT count(*) FROM ingestion_runs WHERE run_id = :id AND status = 'success') AS months,
           (SELECT worker FROM attempts WHERE run_id = :id AND ended_at IS NULL ORDER BY number DESC LIMIT 1) AS worker
    """
)


def ask_for_unknown_job(house: House, chance: random.Random) -> str | None:
    """A run of a job that nobody knows: it waits for its time and fails for itself, and holds up nobody."""
    run_id, queue = str(uuid.uuid4()), chance.choice(QUEUES)
    house.notes.unknown.add(run_id)
    values = {"id": run_id, "job": _GONE, "queue": queue}
    if _with_ledger(house, lambda connection: connection.execute(_UNKNOWN, values)) is None:
        return None
    return f"{run_id} in {queue}"


def cancel_waiting_run(house: House, chance: random.Random) -> str | None:
    """A cancel of a run that has been asked for and stands on no list yet."""

    def ask(client: Client) -> str:
        job = catalogue.find("take_steps")
        with client.engine.connect() as connection:
            return ledger.submit(connection, job, _steps(chance), FAULTS).run_id

    return _cancel_new(house, ask, lambda run: True)


def cancel_queued_run(house: House, chance: random.Random) -> str | None:
    """A cancel of a run that stands on its list; of one that has just begun where a worker is quicker."""
    return _cancel_new(house, lambda client: client.submit("take_steps", _steps(chance), FAULTS).run_id, _is_pushed)


def cancel_run_between_attempts(house: House, chance: random.Random) -> str | None:
    """A cancel of a run that has failed once and waits for its next attempt."""
    parameters = {"name": f"cancelled {chance.getrandbits(64)}"}
    return _cancel_new(house, lambda client: client.submit("stumble", parameters, FAULTS).run_id, _is_between)


def cancel_started_run(house: House, chance: random.Random) -> str | None:
    """A cancel of a run that is at work."""
    started = _with_ledger(house, lambda connection: connection.scalars(_STARTED).all())
    return _cancel(house, chance.choice(started)) if started else None


def stop_during_ingestion(house: House, chance: random.Random) -> str | None:
    """SIGTERM of the supervisor whose work-horse has brought in one month of several."""
    parameters: dict[str, Any] = {}
    # What is held is forgotten, so that there are several months to bring in; the crimes themselves stay.
    if _with_ledger(house, lambda connection: connection.execute(_FORGET)) is None:
        return None
    try:
        with Client(house.settings) as client:
            run_id = client.submit("ingest_latest_crime_data", parameters, FAULTS).run_id
    except (SQLAlchemyError, RedisError):
        return None
    house.notes.asked[run_id] = Request("ingest_latest_crime_data", parameters)
    brought_in = _wait(house, run_id, lambda row: bool(row.months and row.worker), _BROUGHT_IN)
    if brought_in is None:
        return "found none in the middle"
    pid = int(brought_in.worker.rpartition(":")[2])
    try:
        supervisor = psutil.Process(pid).parents()[1].pid
    except (psutil.Error, IndexError):
        return f"after {brought_in.months} months its work-horse was gone already"
    send(supervisor)
    return f"{supervisor} after {brought_in.months} months"


def _steps(chance: random.Random) -> dict[str, Any]:
    return {"name": f"cancelled {chance.getrandbits(64)}", "steps": 25, "seconds": 0.2}


def _is_pushed(run: Row[Any]) -> bool:
    return bool(run.pushes)


def _is_between(run: Row[Any]) -> bool:
    return bool(run.state == "waiting" and run.failures)


def _cancel_new(house: House, ask: Callable[[Client], str], is_ready: Callable[[Row[Any]], bool]) -> str | None:
    """Ask for a run and cancel it once it is where it should be; wherever it is after a while."""
    try:
        with Client(house.settings) as client:
            run_id = ask(client)
    except (SQLAlchemyError, RedisError):
        return None
    _wait(house, run_id, is_ready, text("SELECT * FROM runs WHERE id = :id"))
    return _cancel(house, run_id)


def _cancel(house: House, run_id: str) -> str | None:
    # Noted before: with the answer lost, nobody knows whether it took.
    house.notes.cancelled[run_id] = Cancel("unknown", None)
    try:
        with Client(house.settings) as client:
            before = client.run(run_id).state
            state = client.cancel(run_id, "fault harness")
        at = _with_ledger(house, lambda connection: connection.scalar(text("SELECT clock_timestamp()")))
    except WrongState:
        house.notes.cancelled.pop(run_id)
        return None
    except (SQLAlchemyError, RedisError) as error:
        return f"{run_id}, with no answer: {type(error).__name__}"
    house.notes.cancelled[run_id] = Cancel(state, at if isinstance(at, dt.datetime) else None)
    return f"{run_id}, which was {before}"


def _wait(house: House, run_id: str, is_ready: Callable[[Row[Any]], bool], query: Any) -> Row[Any] | None:
    """The row once it is so; none after a while."""
    looks = int(PATIENCE_S / 0.05)
    for _ in range(looks):
        row = _with_ledger(house, lambda connection: connection.execute(query, {"id": run_id}).one_or_none())
        if row is not None and is_ready(row):
            return row
        house.pause(0.05)
    return None


def _with_ledger(house: House, work: Callable[[Connection], Any]) -> Any:
    """What `work` returns, in a transaction; none while PostgreSQL is away."""
    try:
        with database.once(house.settings) as connection, connection.begin():
            return work(connection)
    except SQLAlchemyError:
        return None
