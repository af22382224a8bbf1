"""JSON of very many alike objects, written column by column; json takes several times as long."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from jobs.grid.paths.geodesy import Floats
from jobs.grid.region import Ints

Column = npt.NDArray[Any]
"""A part of every row, shape (rows,) or (rows, width), of bytes: where a row has fewer than the others, they are 0."""

_END: Final = b"\n"
_LARGEST: Final = 10**8
_HEX: Final = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
_NIBBLES: Final = np.arange(56, -1, -4, dtype=np.uint64)


def _fours(style: str, *, zero: bytes, strip: str = "") -> npt.NDArray[np.uint32]:
    """Four digits of each number as the four bytes of one integer, so that they are copied at once."""
    digits = [(style % number).encode() for number in range(10_000)]
    if strip == "leading":
        digits = [one.lstrip(b"0").rjust(4, b"\0") for one in digits]
    if strip == "trailing":
        digits = [one.rstrip(b"0").ljust(4, b"\0") for one in digits]
    digits[0] = zero
    return np.frombuffer(b"".join(digits), dtype=np.uint32)


_ALL: Final = _fours("%04d", zero=b"0000")
_FIRST: Final = _fours("%04d", zero=b"\0\0\0\0", strip="leading")
_ONLY: Final = _fours("%04d", zero=b"0".rjust(4, b"\0"), strip="leading")
_LAST: Final = _fours("%04d", zero=b"\0\0\0\0", strip="trailing")
_ALONE: Final = _fours("%04d", zero=b"0\0\0\0", strip="trailing")


def number(values: Floats) -> list[Column | bytes]:
    """Each to twelve decimals, without zeros at the end but one. values: shape (rows,), below 10**8 in size."""
    size = np.abs(values)
    if not (size < _LARGEST - 1).all():
        raise ValueError("numbers too large to be written")
    floor = np.floor(size)
    part = np.rint((size - floor) * 1e12).astype(np.int64)
    is_carried = part == 10**12
    whole, part = floor.astype(np.uint32) + is_carried, np.where(is_carried, 0, part)
    minus = np.where((values < 0) & ((whole > 0) | (part > 0)), ord("-"), 0).astype(np.uint8)
    return [minus, *_whole(whole), b".", *_part(part)]


def _whole(whole: npt.NDArray[np.uint32]) -> list[Column]:
    if not (whole >= 10_000).any():
        return [_ONLY[whole]]
    high = whole // 10_000
    low = whole - high * 10_000
    return [_FIRST[high], np.where(high > 0, _ALL[low], _ONLY[low])]


def _part(part: Ints) -> list[Column]:
    eight = part // 10_000
    last = (part - eight * 10_000).astype(np.uint32)
    eight = eight.astype(np.uint32)
    first = eight // 10_000
    middle = eight - first * 10_000
    more = last > 0
    return [
        np.where(more | (middle > 0), _ALL[first], _ALONE[first]),
        np.where(more, _ALL[middle], _LAST[middle]),
        _LAST[last],
    ]


def hexadecimal(cells: Ints) -> Column:
    """H3's text of its numbers, 15 digits each."""
    digits: Column = _HEX[(cells.astype(np.uint64)[:, None] >> _NIBBLES) & np.uint64(15)]
    return digits


def words(texts: Sequence[str]) -> Column:
    """Each as it is, shape (texts, width)."""
    encoded = [text.encode() for text in texts]
    width = max(map(len, encoded), default=0)
    joined = b"".join(text.ljust(width, b"\0") for text in encoded)
    return np.frombuffer(joined, dtype=np.uint8).reshape(len(encoded), width)


def written(rows: int, *columns: bytes | Column) -> npt.NDArray[np.uint8]:
    """What the columns say, shape (rows, width), with zeros within."""
    kinds = [(f"S{len(one)}" if isinstance(one, bytes) else (one.dtype, one.shape[1:])) for one in columns]
    table = np.empty(rows, dtype=[(f"{place}", kind) for place, kind in enumerate(kinds)])
    for place, column in enumerate(columns):
        table[f"{place}"] = column
    return table.view(np.uint8).reshape(rows, table.itemsize)


def texts(ends: Ints | None, *columns: bytes | Column) -> list[str]:
    """The rows up to each of `ends` as one text, with a comma between two of them; "" where there are none.

    Each row as one where there are no ends.
    """
    if ends is None:
        return _split(written(_height(columns), *columns, _END))
    rows = int(ends[-1]) if len(ends) else 0
    between = np.full(rows, ord(","), dtype=np.uint8)
    filled = np.flatnonzero(np.diff(ends, prepend=0))
    between[ends[filled] - 1] = ord(_END)
    said = np.full(len(ends), "", dtype=object)
    said[filled] = _split(written(rows, *columns, between))
    return list(said)


def _height(columns: Sequence[bytes | Column]) -> int:
    return next(len(one) for one in columns if not isinstance(one, bytes))


def _split(rows: npt.NDArray[np.uint8]) -> list[str]:
    return rows.tobytes().translate(None, b"\0").decode().split("\n")[:-1]
