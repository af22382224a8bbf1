"""A server process that outlives whoever started it, and of which there is never a second one."""

import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import IO

from worker.engines import locks, sockets
from worker.engines.account import Account
from worker.engines.errors import EngineError

LIMIT_S = 60.0  # for a start, recovery after a crash included, and for a stop
PAUSE_S = 0.02
# Nothing of the owner's: variables such as PGPORT would change what is started.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


class Server(ABC):
    """One server on one data folder. Only the folder's owner holds such an object."""

    name: str
    stop_signal: signal.Signals

    def __init__(self, folder: Path, data: Path, socket_name: str, account: Account) -> None:
        self.data = data
        self.socket = sockets.place(data, socket_name)
        self.account = account
        self._lock = folder / f"{self.name}.lock"
        self._log = folder / f"{self.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients find the server."""

    @abstractmethod
    def command(self) -> list[str]:
        """The server's program and its arguments."""

    @abstractmethod
    def responds(self) -> bool:
        """Whether the server answers, and from our data folder."""

    def ensure(self) -> None:
        """Adopt the server if it is alive, start it if not; return when it answers.

        Raises EngineError when it ends at once, or gives no answer within `LIMIT_S`. In the second case it is
        left alone: it may be recovering, and the next attempt adopts it.
        """
        deadline = time.monotonic() + LIMIT_S
        started = False
        while not self.responds():
            lock = locks.take(self._lock)
            if lock is not None:
                try:
                    if started:
                        self._reap()
                        raise EngineError(f"{self.name} ended while it was starting.{self._last_words()}")
                    self._start(lock)
                    started = True
                finally:
                    os.close(lock)
            elif time.monotonic() > deadline:
                raise EngineError(
                    f"{self.name} is running but did not respond for {LIMIT_S:.0f} s.{self._last_words()}"
                )
            time.sleep(PAUSE_S)

    def stop(self) -> None:
        """Stop the server and wait for its end, at most `LIMIT_S`; harmless when it is not running."""
        deadline = time.monotonic() + LIMIT_S
        asked = False
        while not locks.is_free(self._lock):
            if not asked and (pid := sockets.listener(self.socket)) is not None:
                with suppress(ProcessLookupError):
                    os.kill(pid, self.stop_signal)
                asked = True
            if time.monotonic() > deadline:
                raise EngineError(f"{self.name} did not stop within {LIMIT_S:.0f} s.{self._last_words()}")
            time.sleep(PAUSE_S)
        self._reap()
        if self.socket.parent != self.data:
            with suppress(OSError):
                self.socket.parent.rmdir()

    def _start(self, lock: int) -> None:
        self._reap()
        sockets.secure(self.socket.parent, self.account.uid, self.account.gid)
        with self._new_log() as log:
            self._process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.data,
                env=ENVIRONMENT,
                pass_fds=(lock,),
                start_new_session=True,  # Ctrl-C at the owner's terminal is not for the server
                **self.account.credentials(),
            )

    def _reap(self) -> None:
        """Let a dead child go; PostgreSQL takes its remains for a running server."""
        if self._process is not None:
            self._process.wait()
            self._process = None

    def _new_log(self) -> IO[bytes]:
        """The log of this start, readable by us alone. That of the start before is kept beside it."""
        with suppress(FileNotFoundError):
            self._log.replace(self._log.with_suffix(".log.1"))
        return os.fdopen(os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb")

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines() if self._log.exists() else []
        return "\n".join([f" The end of {self._log}:", *lines[-10:]])
