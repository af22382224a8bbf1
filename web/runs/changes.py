"""Retrying, cancelling and discarding runs, one or many: done and audited, for pages and programs alike."""

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

from jobs.models.runs import OPEN_STATES
from web.html import formats
from web.http.clients import client
from web.people import audit, guard
from web.runs import store
from web.runs.store import RunFilter
from web.runs.tasks import find
from worker import pauses
from worker.errors import WrongState

# Each is a transaction of its own, and all of them are to end within the request.
MOST_AT_ONCE: Final = 500
Action = Literal["retry", "cancel", "discard"]
# What each can be done to.
STATES: Final = {"retry": ("failed", "cancelled", "skipped"), "cancel": OPEN_STATES, "discard": ("failed",)}
DONE: Final = {"retry": "retried", "cancel": "cancelled", "discard": "discarded"}


def cancel(run_id: str) -> str:
    """Cancel a run. Returns its state, `started` for one that is being stopped. Raises UnknownRun, WrongState."""
    state = client().cancel(find(run_id).id, guard.who())
    audit.note("cancelled", f"run {run_id}")
    return state


def pause(run_id: str) -> None:
    """Pause a run. Raises UnknownRun, WrongState."""
    with client().engine.connect() as connection:
        pauses.pause_run(connection, find(run_id).id, guard.who())
    audit.note("paused", f"run {run_id}")


def resume(run_id: str) -> None:
    """Resume a run. Raises UnknownRun."""
    with client().engine.connect() as connection:
        pauses.resume(connection, "run", find(run_id).id)
    audit.note("resumed", f"run {run_id}")


def retry(run_id: str) -> None:
    """Retry a run from its last checkpoint. Raises UnknownRun, WrongState."""
    client().retry(find(run_id).id)
    audit.note("retried", f"run {run_id}")


def discard(run_id: str) -> None:
    """Give up a run that failed. Raises UnknownRun, WrongState."""
    client().discard(find(run_id).id, guard.who())
    audit.note("discarded", f"run {run_id}")


def matching(action: str, wanted: RunFilter) -> list[str]:
    """Ids of the newest runs that are wanted and that this can be done to, MOST_AT_ONCE at most."""
    with client().engine.connect() as connection:
        return store.ids(connection, wanted, STATES[action], MOST_AT_ONCE)


def do(action: str, chosen: Sequence[str]) -> list[str]:
    """Do it to each, and note it. Returns the ids of those it was done to: others have changed in the meantime.

    Raises UnknownRun.
    """
    who = guard.who()
    does: dict[str, Callable[[str], Any]] = {
        "cancel": lambda one: client().cancel(one, who),
        "discard": lambda one: client().discard(one, who),
        "retry": client().retry,
    }
    done = []
    for run_id in chosen:
        try:
            does[action](run_id)
        except WrongState:
            continue
        done.append(run_id)
    audit.note(
        f"{DONE[action]} {formats.counted(len(done), 'run')}",
        # The ledger has them all.
        ", ".join(done[:20]) + (" …" if len(done) > 20 else ""),
    )
    return done
