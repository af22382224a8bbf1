"""Parts of streets become places: those of a name that touch are one, and those far apart are not."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

from jobs.gazetteer.query import Degrees

# Between points of one street: some 400 m from south to north, and as much from west to east in England.
_GAP_LAT, _GAP_LNG = 0.0036, 0.0058


@dataclass(frozen=True)
class Place:
    """A street, as far as points are named after it."""

    name: str
    key: str
    """The name as it is compared."""
    points: int
    """How many points of the source have this name here."""
    latitude: float
    longitude: float
    """The middle of its points, in degrees."""
    bounds: tuple[float, float, float, float]
    """West, south, east, north in degrees."""
    areas: tuple[str, ...]
    """Slugs of the areas that it lies in, or a part of it."""
    boxes: tuple[tuple[int, int], ...]
    """Row and column of those that it lies in, that of most points first."""

    @classmethod
    def of(cls, parts: Sequence[Any]) -> Self:
        """By rows of its parts; where areas overlap, points are in several of them."""
        fullest: dict[tuple[int, int], Any] = {}
        for part in sorted(parts, key=lambda part: (part.points, part.area)):
            # Put last, also where it is there.
            fullest.pop((part.box_row, part.box_column), None)
            fullest[part.box_row, part.box_column] = part
        own = fullest.values()
        points = sum(part.points for part in own)
        return cls(
            name=parts[0].name,
            key=parts[0].key,
            points=points,
            latitude=sum(part.latitude_sum for part in own) / points,
            longitude=sum(part.longitude_sum for part in own) / points,
            bounds=(
                min(part.west for part in parts),
                min(part.south for part in parts),
                max(part.east for part in parts),
                max(part.north for part in parts),
            ),
            areas=tuple(sorted({part.area for part in parts})),
            boxes=tuple(reversed(fullest)),
        )

    def away(self, spot: Degrees) -> float:
        """Degrees of latitude that its middle is away from a spot; precise enough to compare by."""
        lat, lng = spot
        return math.hypot(self.latitude - lat, (self.longitude - lng) * math.cos(math.radians(lat)))


def joined(parts: Iterable[Any]) -> list[Place]:
    """The places of these parts: rows of `street_parts`, with the name and key of each."""
    of_name: dict[str, dict[tuple[int, int], list[Any]]] = defaultdict(lambda: defaultdict(list))
    for part in parts:
        of_name[part.key][part.box_row, part.box_column].append(part)
    return [Place.of(group) for boxes in of_name.values() for group in _touching(boxes)]


def _touching(boxes: dict[tuple[int, int], list[Any]]) -> Iterator[list[Any]]:
    """Groups of parts that reach each other from box to box."""
    while boxes:
        place = next(iter(boxes))
        group, edge = boxes[place], [(place, boxes.pop(place))]
        while edge:
            (row, column), own = edge.pop()
            for near in [(row + up, column + right) for up in (-1, 0, 1) for right in (-1, 0, 1)]:
                if near in boxes and any(_reach(one, other) for one in own for other in boxes[near]):
                    edge.append((near, boxes.pop(near)))
                    group = group + edge[-1][1]
        yield group


def _reach(one: Any, other: Any) -> bool:
    up: float = max(one.south, other.south) - min(one.north, other.north)
    right: float = max(one.west, other.west) - min(one.east, other.east)
    return up <= _GAP_LAT and right <= _GAP_LNG
