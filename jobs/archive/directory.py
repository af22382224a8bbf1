"""The end of a zip file, read before anything else: how many entries it claims to have.

Python's zipfile takes half a kilobyte of memory for each, so a zip of a few megabytes could take gigabytes. Layout:
APPNOTE.TXT 4.3.14 and 4.3.16, https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

import os
import struct
from typing import IO

from jobs.archive.errors import ArchiveRefused

_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")
_LONGEST_COMMENT = 0xFFFF
_IN_64 = 0xFFFF


def entries(file: IO[bytes]) -> int:
    """How many entries the directory at the end of a zip file counts. Raises ArchiveRefused where there is none."""
    size = file.seek(0, os.SEEK_END)
    file.seek(start := max(size - _END.size - _LONGEST_COMMENT, 0))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise ArchiveRefused("it is not a complete zip file: download it again")
    count: int = _END.unpack_from(tail, at)[4]
    return _entries_64(file, start + at) if count == _IN_64 else count


def _entries_64(file: IO[bytes], end: int) -> int:
    """The count where it does not fit into the end's own field."""
    file.seek(max(end - _LOCATOR_64.size, 0))
    locator = file.read(_LOCATOR_64.size)
    if not locator.startswith(b"PK\x06\x07"):
        return _IN_64
    file.seek(_LOCATOR_64.unpack(locator)[2])
    record = file.read(_END_64.size)
    if len(record) < _END_64.size or not record.startswith(b"PK\x06\x06"):
        raise ArchiveRefused("its directory is damaged: download it again")
    count: int = _END_64.unpack(record)[7]
    return count
