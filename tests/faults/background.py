"""Work beside a run of the fault harness."""

import threading
from typing import Self


class Background:
    """A thread that is at work for the length of a `with`, until it is `over`."""

    over: threading.Event
    _thread: threading.Thread

    def __enter__(self) -> Self:
        self.over = threading.Event()
        self._thread = threading.Thread(target=self.work, name=type(self).__name__, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._thread.join()

    def work(self) -> None:
        """What the thread does."""
        raise NotImplementedError
