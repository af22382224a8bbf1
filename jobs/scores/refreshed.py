"""A value that is read from time to time, for several threads."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Refreshed(Generic[T]):
    """What `read` returns, read anew when it is older than `seconds`. One thread reads, others wait for it.

    What is empty is not held: somebody is about to fill it.
    """

    def __init__(self, read: Callable[[], T], seconds: float) -> None:
        self._read = read
        self._seconds = seconds
        self._lock = threading.Lock()
        self._value: T | None = None
        self._until = 0.0

    def get(self) -> T:
        """The value. Raises what `read` raises."""
        with self._lock:
            if self._value and time.monotonic() < self._until:
                return self._value
            self._value = self._read()
            self._until = time.monotonic() + self._seconds
            return self._value
