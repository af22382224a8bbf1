"""Files are read before they are asked for, while PostgreSQL writes those before them and holds the month."""

import ctypes
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from jobs.archive import rows
from jobs.archive.opening import Archive, Member
from jobs.archive.rows import Sheet

READERS: Final = 2
M_ARENA_MAX: Final = -8
# Bytes of files, about a third of a month of the country; read, they take half as much.
MOST: Final = 32 * 2**20


@dataclass
class Ahead:
    """Reads an archive's files in the order in which they will be asked for."""

    archive: Archive
    left: deque[Member]
    _categories: frozenset[str] = frozenset()
    _waiting: deque[tuple[Member, Future[Sheet]]] = field(default_factory=deque)
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(READERS))

    def __enter__(self) -> Self:
        _keep_little_memory()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)

    def know(self, categories: frozenset[str]) -> None:
        """Read with these categories; what was read with others is read anew."""
        if categories == self._categories:
            return
        self._categories = categories
        while self._waiting:
            member, sheet = self._waiting.pop()
            sheet.cancel()
            self.left.appendleft(member)

    def take(self, member: Member) -> Sheet:
        """The next of the order that is this file; those before it are given up. Raises MemberRefused."""
        while self._waiting and self._waiting[0][0] is not member:
            self._waiting.popleft()[1].cancel()
        if not self._waiting:
            while self.left and self.left.popleft() is not member:
                pass
            self._begin(member)
        _, sheet = self._waiting.popleft()
        self._fill()
        return sheet.result()

    def _fill(self) -> None:
        size = sum(member.size for member, _ in self._waiting)
        while self.left and (size := size + self.left[0].size) <= MOST:
            self._begin(self.left.popleft())

    def _begin(self, member: Member) -> None:
        self._waiting.append((member, self._threads.submit(self._read, member, self._categories)))

    def _read(self, member: Member, categories: frozenset[str]) -> Sheet:
        with self.archive.open(member) as file:
            return rows.read(member, file, categories)


def _keep_little_memory() -> None:
    """Have what is freed given back: a third of the memory in all, and no slower."""
    import pyarrow as pa

    pa.set_memory_pool(pa.system_memory_pool())
    # glibc has an arena for each thread otherwise, and keeps them; other C libraries know no such thing.
    with suppress(AttributeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)
