"""Subscribers, and their deliveries as a worker would do them."""

from typing import Any

from sqlalchemy import Connection, text

from jobs import catalogue
from jobs.events import outbox
from jobs.models.events import KINDS
from tests.standins.subscriber import SECRET
from worker import ledger, performing
from worker.events import deliveries, subscribers
from worker.settings import Settings


def subscribe(connection: Connection, url: str, *kinds: str, name: str = "app") -> int:
    return subscribers.add(connection, name, url, kinds or KINDS, "somebody", SECRET)[0]


def note(connection: Connection, *names: object) -> None:
    for name in names:
        with connection.begin():
            outbox.note(connection, "grid_published", name, {"generation": 1, "months": []})


def due(connection: Connection) -> list[str]:
    """The delivery runs that have not ended, as they were entered."""
    deliveries.send_out(connection)
    rows = ledger.latest(connection, 100)
    return [run.id for run in reversed(rows) if run.job == deliveries.JOB and run.ended_at is None]


def perform(settings: Settings, run_id: str) -> str:
    """Do it now; returns the error, empty without one."""
    try:
        performing.perform(settings, run_id, "a worker")
    except Exception as error:
        return str(error)
    return ""


def send_all(settings: Settings, connection: Connection) -> list[str]:
    """Whatever is due, until nothing is. Returns the errors."""
    errors = []
    while runs := [run_id for run_id in due(connection) if ledger.get(connection, run_id).failures == 0]:
        errors += [error for run_id in runs if (error := perform(settings, run_id))]
    return errors


def rows(connection: Connection, query: str) -> list[Any]:
    with connection.begin():
        return list(connection.execute(text(query)).all())


def ask(connection: Connection, job: str, **parameters: Any) -> str:
    return ledger.submit(connection, catalogue.find(job), parameters, ledger.Requester("python", "a test")).run_id
