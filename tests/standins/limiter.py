"""The leaky bucket that turns a hurried client away."""

import threading
import time


class LeakyBucket:
    """Each request is a drop; the bucket holds `burst` drops and leaks `rate` of them a second."""

    def __init__(self) -> None:
        self._level = 0.0
        self._at = time.monotonic()
        self._lock = threading.Lock()

    def admits(self, rate: float, burst: int) -> bool:
        """Whether one more drop fits; a request that is turned away adds nothing."""
        with self._lock:
            now = time.monotonic()
            self._level = max(0.0, self._level - (now - self._at) * rate)
            self._at = now
            if self._level + 1 > burst:
                return False
            self._level += 1
            return True
