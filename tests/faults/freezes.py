"""What goes on to exist and does nothing more: flows that are frozen, processes that are stopped."""

import os
import random
import signal
import time
from collections.abc import Callable
from typing import Literal

import psutil

from tests.faults.house import House
from worker.stuck import is_stopped

PAUSE_S = 20.0
Kind = Literal["work_horse", "worker", "supervisor", "scheduler", "web"]
# The name of the post in the house, of those that are posts.
_POSTS = {"supervisor": "worker", "scheduler": "scheduler", "web": "web"}


def freeze_redis_flows(house: House, chance: random.Random) -> str | None:
    """Every connection to Redis there is goes on being acknowledged, and nothing passes; later ones do."""
    house.frozen_at["redis"] = time.monotonic()
    return f"{house.to_redis.freeze()} flows"


def freeze_postgresql_flows(house: House, chance: random.Random) -> str | None:
    """Every connection to PostgreSQL there is goes on being acknowledged, and nothing passes; later ones do."""
    house.frozen_at["postgresql"] = time.monotonic()
    return f"{house.to_postgresql.freeze()} flows"


def _stop(kind: Kind, *, for_good: bool) -> Callable[[House, random.Random], str | None]:
    def stop(house: House, chance: random.Random) -> str | None:
        at_work = [process for process in _processes(house, kind) if not is_stopped(process.pid)]
        if not at_work:
            return None
        process = chance.choice(at_work)
        if not _signal(process, signal.SIGSTOP):
            return None
        if for_good:
            house.stopped.append(process)
            return f"{process.pid}"
        house.later(PAUSE_S, lambda: _signal(process, signal.SIGCONT))
        return f"{process.pid} for {PAUSE_S:g} s"

    stop.__name__ = f"stop_{kind}_{'for_good' if for_good else 'for_a_while'}"
    end = "; the house, as a platform would, replaces it after half a minute" if kind in _POSTS else ""
    stop.__doc__ = f"SIGSTOP of a {kind}, {'for good' if for_good else f'and SIGCONT after {PAUSE_S:g} s'}{end}."
    return stop


STOPS = tuple(
    _stop(kind, for_good=for_good)
    for kind in ("work_horse", "worker", "supervisor", "scheduler", "web")
    for for_good in (False, True)
)


def _processes(house: House, kind: Kind) -> list[psutil.Process]:
    if kind == "work_horse":
        return house.work_horses()
    if kind == "worker":
        return house.workers()
    return house.processes(_POSTS[kind])


def _signal(process: psutil.Process, number: signal.Signals) -> bool:
    """Whether the process was there. By its start too: its id may be another's by now."""
    try:
        if process.is_running():
            os.kill(process.pid, number)
            return True
    except (psutil.Error, ProcessLookupError):
        pass
    return False
