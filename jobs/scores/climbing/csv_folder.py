"""Reader of a folder of climbing data: four files, `mountains`, `routes`, `accidents` and `accident_weather`.

Each is .csv or .csv.gz.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final, TextIO

from jobs.scores.climbing.reading import COLUMNS, Climbing, ClimbingDataError, read

# Of a file, unpacked. That of 168,000 routes has 20 MB.
MOST_BYTES: Final = 512 * 2**20


def read_folder(path: Path) -> Climbing:
    """Everything in a folder. Raises ClimbingDataError, naming the file or the columns that are missing."""
    return read(lambda name: _lines(path, name))


def _lines(folder: Path, name: str) -> Iterator[dict[str, str | None]]:
    path = _file(folder, name)
    try:
        with _opened(path) as file:
            reader = csv.DictReader(file, restkey="")
            missing = [column for column in COLUMNS[name].split() if column not in (reader.fieldnames or ())]
            if missing:
                raise ClimbingDataError(
                    f"{path} lacks the columns {', '.join(missing)}. It needs {COLUMNS[name].replace(' ', ', ')}"
                )
            yield from reader
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise ClimbingDataError(f"{path} cannot be read ({error}): download it again") from error


def _file(folder: Path, name: str) -> Path:
    for path in (folder / f"{name}.csv", folder / f"{name}.csv.gz"):
        if path.is_file():
            return path
    raise ClimbingDataError(f"{folder} has neither {name}.csv nor {name}.csv.gz: choose a folder that has one of them")


class _Bounded(io.RawIOBase):
    """Bytes of a file, which are not more than MOST_BYTES: a packed file of some MB may have no end."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._left = MOST_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        read = self._file.read(len(buffer))
        self._left -= len(read)
        if self._left < 0:
            raise OSError(f"it has more than {MOST_BYTES // 2**20} MB")
        buffer[: len(read)] = read
        return len(read)

    def close(self) -> None:
        self._file.close()
        super().close()


def _opened(path: Path) -> TextIO:
    file: Any = gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # noqa: SIM115 - closed by its wrapper
    return io.TextIOWrapper(io.BufferedReader(_Bounded(file)), encoding="utf-8-sig", newline="")
