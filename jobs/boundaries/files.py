"""Files of borders as people have them: GeoJSON and KML."""

import json
from pathlib import Path
from typing import Any, Final, NoReturn

from jobs.boundaries import geojson, kml
from jobs.boundaries.drawing import Drawing
from jobs.boundaries.errors import BorderRefused

# The districts of the country in a generalised edition have 40.
MOST_MB: Final = 64
_BYTE_ORDER_MARKS: Final = b"\xef\xbb\xbf\xff\xfe"


def drawings_of(path: Path) -> list[Drawing]:
    """The features of a file. Raises BorderRefused, which names it."""
    with path.open("rb") as file:
        data = file.read(MOST_MB * 2**20 + 1)
    try:
        return drawings(data)
    except BorderRefused as error:
        raise BorderRefused(f"{path}: {error}") from None


def drawings(data: bytes) -> list[Drawing]:
    """The features of a file's content. Raises BorderRefused."""
    if len(data) > MOST_MB * 2**20:
        raise BorderRefused(f"it is larger than {MOST_MB} MB: use a generalised edition, or fewer features")
    # UTF-16 has a NUL beside every letter of this.
    start = data[:400].lstrip(_BYTE_ORDER_MARKS).replace(b"\0", b"").lstrip()
    if not start:
        raise BorderRefused("it is empty" if not data else "it is neither GeoJSON nor KML: it has no text")
    if start.startswith(b"PK\x03\x04"):
        raise BorderRefused("it is a zip archive (KMZ is one, too): unpack it first")
    return kml.drawings(data) if start.startswith(b"<") else geojson.drawings(_json(data))


def _json(data: bytes) -> Any:
    try:
        # Of bytes, it knows the byte order marks and encodings of Unicode.
        return json.loads(data, parse_constant=_refuse_constant)
    except RecursionError:
        raise BorderRefused("its lists are nested too deep for GeoJSON") from None
    except ValueError as error:
        raise BorderRefused(f"it is neither GeoJSON nor KML: {error}") from None


def _refuse_constant(name: str) -> NoReturn:
    raise BorderRefused(f"it has {name} where a number is expected")
