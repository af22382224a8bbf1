"""Retrying or cancelling many runs at once."""

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

from jobs.models.runs import OPEN_STATES
from web import audit, formats, guard
from web.clients import client
from worker import listing
from worker.errors import WrongState
from worker.listing import Wanted

MOST_AT_ONCE: Final = 500
Action = Literal["retry", "cancel"]
# What each can be done to.
STATES: Final = {"retry": ("failed", "cancelled", "skipped"), "cancel": OPEN_STATES}
DONE: Final = {"retry": "retried", "cancel": "cancelled"}


def matching(action: str, wanted: Wanted) -> list[str]:
    """Ids of the newest runs that are wanted and that this can be done to, MOST_AT_ONCE at most."""
    with client().engine.connect() as connection:
        return listing.ids(connection, wanted, STATES[action], MOST_AT_ONCE)


def do(action: str, chosen: Sequence[str]) -> list[str]:
    """Do it to each, and note it. Answers the ids of those it was done to: others have changed in the meantime.

    Raises UnknownRun.
    """
    who = guard.who()
    does: dict[str, Callable[[str], Any]] = {"cancel": lambda one: client().cancel(one, who), "retry": client().retry}
    done = []
    for run_id in chosen:
        try:
            does[action](run_id)
        except WrongState:
            continue
        done.append(run_id)
    audit.note(
        f"{DONE[action]} {formats.counted(len(done), 'run')}",
        ", ".join(done[:20]) + (" …" if len(done) > 20 else ""),
    )
    return done
