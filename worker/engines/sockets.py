"""Where an engine's socket is, and which process answers there."""

import hashlib
import os
import re
import socket
import stat
import struct
import sys
from pathlib import Path

from worker.engines.errors import EngineError

LONGEST = 103  # bytes a socket's path may have: 107 on Linux, 103 on macOS
# Not the temporary folder or XDG_RUNTIME_DIR: the environment of the next owner may name others.
SHORT_PLACE = Path("/tmp")  # noqa: S108 - `secure` checks who made the folder in it


def place(data: Path, name: str) -> Path:
    """The path of the socket `name`: in the data folder, or in a short place when a socket cannot be there.

    It cannot when the path is too long, or has a character that PostgreSQL, libpq or a URL takes for syntax.
    """
    path = data / name
    if re.fullmatch(rf"[\w./+-]{{1,{LONGEST}}}", str(path), re.ASCII):
        return path
    return SHORT_PLACE / f"safegrid-{hashlib.sha256(os.fsencode(data)).hexdigest()[:16]}" / name


def secure(folder: Path, uid: int, gid: int) -> None:
    """Make `folder` one that only `uid` can enter; refuse one that another user put there."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (uid, os.geteuid()):
        raise EngineError(f"{folder}, needed for a socket, belongs to another user; remove it and try again")
    if (found.st_uid, found.st_gid) != (uid, gid):
        os.chown(folder, uid, gid)
    folder.chmod(0o700)


def listener(path: Path) -> int | None:
    """The id of the process that listens at the socket `path`, from the kernel; None when nobody does."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        try:
            client.connect(str(path))
            if sys.platform == "darwin":
                return int.from_bytes(client.getsockopt(0, 2, 4), sys.byteorder)  # SOL_LOCAL, LOCAL_PEERPID
            pid, _uid, _gid = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        except OSError:
            return None
    return int(pid)
