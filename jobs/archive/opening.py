"""An archive is opened: a zip file, or a folder of CSVs. Hostile ones are refused before anything is read."""

import datetime as dt
import itertools
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import IO, Final

from jobs.archive import directory
from jobs.archive.errors import ArchiveRefused
from jobs.months import parse_month

# 36 months of every force are 4,485 files and some 3.5 GB unpacked, at most 25 MB each.
MOST_ENTRIES: Final = 50_000
MOST_BYTES: Final = 64 * 2**30
MOST_OF_ONE: Final = 2**30
# CSVs of crimes shrink to a sixth. Below that size, what a file unpacks to does no harm.
MOST_SHRUNK: Final = 200
SMALL: Final = 2**20

_NAME = re.compile(r"(?P<month>[12][0-9]{3}-(?:0[1-9]|1[0-2]))-(?P<force>[a-z]+(?:-[a-z]+)*)-street\.csv")
_RELEASE = re.compile(r"(?P<release>[12][0-9]{3}-(?:0[1-9]|1[0-2]))\.zip")
_NESTED = {".zip", ".gz", ".bz2", ".xz", ".7z", ".rar", ".tar", ".tgz", ".zst"}


@dataclass(frozen=True)
class Member:
    """The crimes of a force in a month."""

    name: str
    month: dt.date
    force: str
    size: int
    """Bytes, unpacked."""
    crc: int | None = None
    """Of its content; none in a folder."""


@dataclass(frozen=True)
class Archive:
    """Members by month, the newest first, and by force."""

    name: str
    members: Sequence[Member]
    _opened: zipfile.ZipFile | Path

    @property
    def release(self) -> dt.date:
        """That of its name, such as `2024-02.zip`; of another name its newest month, which it cannot be before."""
        newest = self.members[0].month
        named = _RELEASE.fullmatch(self.name)
        return max(parse_month(named["release"]), newest) if named else newest

    @cached_property
    def source(self) -> str:
        """What it is, for people and to tell it from others of its name."""
        what = repr([(one.name, one.size, one.crc) for one in self.members])
        return f"archive {self.name} ({zlib.crc32(what.encode()):08x})"

    @contextmanager
    def open(self, member: Member) -> Iterator[IO[bytes]]:
        """The content of a member. Raises ArchiveRefused where it is damaged."""
        try:
            if isinstance(self._opened, Path):
                with (self._opened / member.name).open("rb") as file:
                    yield file
            else:
                with self._opened.open(member.name) as file:
                    yield file
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise ArchiveRefused(
                f"{self.name}: {member.name} is damaged: {error}. Download the archive again"
            ) from None


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """The archive at a path. Raises ArchiveRefused, naming what is wrong with it."""
    with ExitStack() as stack:
        try:
            archive = _folder(path) if path.is_dir() else _zip(path, stack)
        except (ArchiveRefused, zipfile.BadZipFile, NotImplementedError) as error:
            raise ArchiveRefused(f"{path.name}: {error}. Nothing was changed") from None
        except OSError as error:
            raise ArchiveRefused(f"{path.name} cannot be read: {error.strerror}") from None
        yield archive


def _folder(path: Path) -> Archive:
    return _archive(path.name, _in_folder(path), path)


def _zip(path: Path, stack: ExitStack) -> Archive:
    file = stack.enter_context(path.open("rb"))
    if (count := directory.entries(file)) > MOST_ENTRIES:
        raise ArchiveRefused(f"it has {count:,} entries, and no archive has more than {MOST_ENTRIES:,}")
    archive = stack.enter_context(zipfile.ZipFile(file))
    _refuse_hostile(archive.infolist())
    return _archive(path.name, _in_zip(archive), archive)


def _archive(name: str, members: Iterator[Member], content: zipfile.ZipFile | Path) -> Archive:
    found = sorted(members, key=lambda one: (-one.month.toordinal(), one.force))
    if not found:
        raise ArchiveRefused("it has no file such as 2024-01-hampshire-street.csv")
    for one, other in itertools.pairwise(found):
        if (one.month, one.force) == (other.month, other.force):
            raise ArchiveRefused(f"{one.name} and {other.name} are of the same force and month")
    return Archive(name, found, content)


def _member(name: str, size: int, crc: int | None = None) -> Member | None:
    """None for a file of another kind, such as outcomes and stop-and-search."""
    found = _NAME.fullmatch(PurePosixPath(name).name)
    return Member(name, parse_month(found["month"]), found["force"], size, crc) if found else None


def _in_zip(archive: zipfile.ZipFile) -> Iterator[Member]:
    for entry in archive.infolist():
        if member := _member(entry.filename, entry.file_size, entry.CRC):
            yield member


def _in_folder(folder: Path) -> Iterator[Member]:
    for path in folder.rglob("*-street.csv"):
        if path.is_symlink() or not path.is_file():
            raise ArchiveRefused(f"{path.name} is a link or not a file")
        if member := _member(str(path.relative_to(folder)), path.stat().st_size):
            yield member


def _refuse_hostile(entries: Sequence[zipfile.ZipInfo]) -> None:
    names = [entry.filename for entry in entries]
    if len(set(names)) < len(names):
        raise ArchiveRefused("it has two entries of the same name")
    for entry in entries:
        if problem := _problem(entry):
            raise ArchiveRefused(f"{entry.filename[:200]!r} {problem}")
    if (total := sum(entry.file_size for entry in entries)) > MOST_BYTES:
        raise ArchiveRefused(f"it unpacks to {total / 2**30:.0f} GiB, and no archive has more than 64")


def _problem(entry: zipfile.ZipInfo) -> str:
    """What is wrong with an entry, else nothing."""
    path = PurePosixPath(entry.filename)
    many_times = entry.file_size // max(entry.compress_size, 1)
    problems = {
        "leads outside the archive": path.is_absolute() or ".." in path.parts or {"\\", ":"} & set(entry.filename),
        "is a link": stat.S_ISLNK(entry.external_attr >> 16),
        "is encrypted": entry.flag_bits & 0x1,
        "is an archive within the archive": path.suffix.lower() in _NESTED,
        "unpacks to more than 1 GiB, which no file of an archive does": entry.file_size > MOST_OF_ONE,
        f"unpacks to {many_times} times its size": entry.file_size > SMALL and many_times > MOST_SHRUNK,
    }
    return next((words for words, is_so in problems.items() if is_so), "")
