"""Locks that the kernel lets go of when their holder dies, however it dies."""

import fcntl
import os
from pathlib import Path


def take(path: Path) -> int | None:
    """Lock `path` and return the open file that holds the lock, or None when another holds it.

    The lock belongs to the open file, so a process that inherits it keeps it: a server started with it is
    alive as long as the lock is taken, and no process id, which another program may have by now, is asked.
    """
    # Read-only, so that a server under another account cannot write to a file of ours.
    lock = os.open(path, os.O_RDONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def is_free(path: Path) -> bool:
    """Whether nobody holds the lock `path`."""
    lock = take(path)
    if lock is None:
        return False
    os.close(lock)
    return True
