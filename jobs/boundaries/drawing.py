"""The features of a file, and the borders that come of them: one of them all, or one for each name."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import shapely

from jobs.boundaries import rings
from jobs.boundaries.degrees import look_swapped
from jobs.boundaries.errors import BorderRefused
from jobs.boundaries.rings import Land, Points
from jobs.problems import given

# Every border is read with each answer that needs one, and crimes are snapped to points that are farther apart.
MOST_POINTS: Final = 100_000
_APOSTROPHES: Final = re.compile(r"['\u2019]")


@dataclass(frozen=True)
class Border:
    """Land that is valid, and what was mended or passed over, for people."""

    land: Land
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Drawing:
    """One feature of a file."""

    label: str
    """Which feature it is, for people; empty where there is one only."""
    polygons: Sequence[Sequence[Points]]
    """Each an outer ring with its holes."""
    properties: dict[str, Any] = field(default_factory=dict)
    landless: Counter[str] = field(default_factory=Counter)
    """{kind of geometry that holds no land: how many}"""

    def border(self) -> Border:
        """Its land. Raises BorderRefused."""
        points = sum(len(ring) for polygon in self.polygons for ring in polygon)
        try:
            _refuse_too_many(points)
            return Border(*rings.land(self.polygons))
        except BorderRefused as error:
            raise BorderRefused(labelled(self.label, error)) from None


def labelled(label: str, error: BorderRefused) -> str:
    """What is wrong, with the feature that it is wrong with."""
    return f"{label}: {error}" if label else str(error)


def united(drawings: Sequence[Drawing]) -> Border:
    """The land of all of them; they may touch and overlap. Raises BorderRefused."""
    passed_over = sum((drawing.landless for drawing in drawings), Counter[str]())
    landless = ", ".join(f"{count} {kind}" for kind, count in passed_over.items())
    if not (drawn := [drawing for drawing in drawings if drawing.polygons]):
        raise BorderRefused(f"there is no Polygon in it{f', only {landless}' if landless else ''}: a border needs one")
    _refuse_swapped(drawn)
    borders = [drawing.border() for drawing in drawn]
    notes = [note for border in borders for note in border.notes]
    return Border(_union(borders), (*notes, *[f"ignored, because they have no area: {landless}"] * bool(landless)))


def named(drawings: Sequence[Drawing], name_property: str) -> dict[str, tuple[str, list[Drawing]]]:
    """{slug: (name, the features of that name)} Raises BorderRefused."""
    found: dict[str, tuple[str, list[Drawing]]] = {}
    for drawing in drawings:
        name = _name(drawing, name_property)
        known, same = found.setdefault(slug_of(name), (name, []))
        if known != name:
            raise BorderRefused(f"{known} and {name} would both become the area {slug_of(name)}")
        same.append(drawing)
    return found


def slug_of(name: str) -> str:
    """The name in lower-case ASCII words, joined by hyphens."""
    plain = unicodedata.normalize("NFKD", _APOSTROPHES.sub("", name)).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def _name(drawing: Drawing, name_property: str) -> str:
    value = drawing.properties.get(name_property)
    if value is None or isinstance(value, bool | dict | list) or not slug_of(str(value)):
        has = ", ".join(map(str, drawing.properties)) or "none"
        found = "nothing" if value is None else given(value)
        raise BorderRefused(
            labelled(
                drawing.label,
                BorderRefused(
                    f"its property {name_property} has no name (found {found:.60}). Its properties: {has:.300}"
                ),
            )
        )
    return str(value)


def _union(borders: Sequence[Border]) -> Land:
    if len(borders) == 1:
        return borders[0].land
    land = rings.as_land(rings.polygons_of(shapely.union_all([border.land for border in borders])))
    _refuse_too_many(shapely.count_coordinates(land))
    return land


def _refuse_swapped(drawings: Iterable[Drawing]) -> None:
    """Before anything else: who mends other faults of a file that is swapped does so in vain."""
    every = np.concatenate([ring for drawing in drawings for polygon in drawing.polygons for ring in polygon])
    if len(every) and look_swapped(lat=every[:, 1], lng=every[:, 0]):
        lat, lng = every[0]
        raise BorderRefused(
            f"latitude and longitude look swapped: its first point is {lat:.10g}, {lng:.10g}. Longitude comes first, "
            f"{lng:.10g}, {lat:.10g}: swap them in all of its points"
        )


def _refuse_too_many(points: int) -> None:
    if points > MOST_POINTS:
        raise BorderRefused(
            f"its border has {points} points, more than {MOST_POINTS}: use a generalised edition, or simplify it"
        )
