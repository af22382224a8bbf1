"""Waiting for the weather service's next minute."""

import time
from collections.abc import Callable

from jobs.context import Context

# A worker that is to stop has 30 s in all, so it must not sleep through many of them.
_SLICE_S = 0.5


def patient(here: Context) -> Callable[[float], bool]:
    """A pause that takes its time but leaves as soon as the worker is going down. Raises Stopped."""

    def pause(seconds: float) -> bool:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            here.leave_if_stopping()
            time.sleep(min(left, _SLICE_S))
        return True

    return pause


def impatient(_seconds: float) -> bool:
    """No pause at all: somebody waits for an answer."""
    return False
