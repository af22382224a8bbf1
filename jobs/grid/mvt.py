"""Mapbox Vector Tile 2.1, as much of it as polygons need: https://github.com/mapbox/vector-tile-spec/tree/master/2.1"""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

Value = str | bool | int | float
Point = tuple[int, int]
Ring = Sequence[Point]
"""Corners in tile coordinates (x right, y down), clockwise on the screen, the first not repeated."""

# The specification's default.
EXTENT: Final = 4096
# A geometry's type and its commands: sections 4.3.4 and 4.3.1 of the specification.
_POLYGON: Final = 3
_MOVE_TO, _LINE_TO, _CLOSE = 1, 2, 7
# Wire types of protocol buffers.
_VARINT, _FIXED64, _BYTES = 0, 1, 2


def layer(name: str, features: Iterable[tuple[Ring, Mapping[str, Value]]]) -> bytes:
    """A tile of one layer; no bytes at all where there are no features, as the specification wants."""
    keys: dict[str, int] = {}
    values: dict[tuple[type, Value], int] = {}
    encoded = []
    for ring, properties in features:
        tags: list[int] = []
        for key, value in properties.items():
            # True and 1 are equal, and two values here.
            tags += [keys.setdefault(key, len(keys)), values.setdefault((type(value), value), len(values))]
        encoded.append(_feature(tags, ring))
    if not encoded:
        return b""
    # Fields of vector_tile.proto: 15 version, 1 name, 2 features, 3 keys, 4 values, 5 extent.
    parts = [
        _number(15, 2),
        _block(1, name.encode()),
        *(_block(2, feature) for feature in encoded),
        *(_block(3, key.encode()) for key in keys),
        *(_block(4, _value(value)) for _, value in values),
        _number(5, EXTENT),
    ]
    return _block(3, b"".join(parts))


def _feature(tags: Iterable[int], ring: Ring) -> bytes:
    # Fields of a feature: 2 tags, 3 type, 4 geometry.
    return _block(2, _varints(tags)) + _number(3, _POLYGON) + _block(4, _varints(_commands(ring)))


def _commands(ring: Ring) -> Iterator[int]:
    # A command is its id in the lower three bits and its count above; corners are steps from the one before.
    x = y = 0
    for index, corner in enumerate(ring):
        if index == 0:
            yield _MOVE_TO | 1 << 3
        elif index == 1:
            yield _LINE_TO | (len(ring) - 1) << 3
        yield _zigzag(corner[0] - x)
        yield _zigzag(corner[1] - y)
        x, y = corner
    yield _CLOSE | 1 << 3


def _value(value: Value) -> bytes:
    # Fields of a value: 1 string, 3 double, 6 signed integer, 7 bool.
    if isinstance(value, str):
        return _block(1, value.encode())
    if isinstance(value, bool):
        return _number(7, int(value))
    if isinstance(value, float):
        return _varint(3 << 3 | _FIXED64) + struct.pack("<d", value)
    return _number(6, _zigzag(value))


def _zigzag(value: int) -> int:
    # So that small negative numbers are short too: https://protobuf.dev/programming-guides/encoding/#signed-ints
    return value << 1 if value >= 0 else (-value << 1) - 1


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3 | _VARINT) + _varint(value)


def _block(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | _BYTES) + _varint(len(content)) + content


def _varints(values: Iterable[int]) -> bytes:
    return b"".join(map(_varint, values))


def _varint(value: int) -> bytes:
    # Seven bits a byte, the lowest first; the eighth bit says that more follow.
    if value < 0x80:
        return bytes((value,))
    parts = bytearray()
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)
