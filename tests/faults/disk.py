"""A disk of its own for PostgreSQL's data, small enough to be filled."""

import contextlib
import errno
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from worker import engines

if TYPE_CHECKING:
    from tests.faults.house import House

SIZE = "600m"
FULL_S = (4.0, 12.0)
# The frozen flows of the harness keep connections; little is written ahead, so that the disk can be small.
_CONFIGURATION = "\nmax_connections = 400\nmax_wal_size = 96MB\nmin_wal_size = 32MB\n"


def fill_disk(house: "House", chance: random.Random) -> str | None:
    """The disk of PostgreSQL's data is full for some seconds, and then is not."""
    assert house.disk is not None
    full_s = chance.uniform(*FULL_S)
    ballast = house.disk / "ballast"
    house.is_disk_full = True
    written = _fill(ballast)
    house.pause(full_s)
    ballast.unlink()
    house.engines.ensure()
    house.is_disk_full = False
    return f"with {written // 2**20} MB for {full_s:.1f} s"


def _fill(ballast: Path) -> int:
    """Write until there is no room. Returns the bytes that it took."""
    written = 0
    with ballast.open("wb", buffering=0) as file:
        for block in (2**20, 4096):
            try:
                while True:
                    written += file.write(bytes(block))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
    return written


@contextlib.contextmanager
def small_disk(place: Path) -> Iterator[Path | None]:
    """A file system in memory, mounted at `place`; none where we may mount nothing (root may)."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0711", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        yield None
        return
    try:
        yield place
    finally:
        # Lazily: what is still open in it goes with the last process.
        subprocess.run(["umount", "-l", str(place)], check=True)


def move_database(folder: Path, disk: Path | None) -> None:
    """Make the database of the engines' folder and put it on the disk, where there is one."""
    with engines.own(folder, lambda _: None):
        pass
    data = folder / "postgres"
    with (data / "postgresql.conf").open("a") as configuration:
        configuration.write(_CONFIGURATION)
    if disk is not None:
        moved = disk / "postgres"
        subprocess.run(["cp", "-a", str(data), str(moved)], check=True)
        shutil.rmtree(data)
        data.symlink_to(moved)
