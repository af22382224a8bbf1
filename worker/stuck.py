"""Processes that are stopped, as by SIGSTOP or a debugger: after a while nobody will continue them."""

import time
from contextlib import suppress
from pathlib import Path

# A stopped process may be continued within this time; then it is of no more use.
STOPPED_S = 30.0


def is_stopped(pid: int) -> bool:
    """Whether the process is stopped; false where there is no /proc."""
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "Tt"
    return False


class StoppedWatch:
    """Looks at one process from time to time."""

    def __init__(self) -> None:
        self._since: float | None = None

    def is_over(self, pid: int) -> bool:
        """Whether the process has been stopped at every look for STOPPED_S."""
        if not is_stopped(pid):
            self._since = None
            return False
        self._since = self._since or time.monotonic()
        return time.monotonic() - self._since > STOPPED_S
