"""Climbing grades on one scale of difficulty: YDS, V, WI, AI, M, A and C.

5.0 to 5.9 are 0 to 9, 5.10a is 10, 5.15d is 15.75. A grade that the scale does not know is nan.
"""

import math
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import numpy as np

from jobs.scores.model import Floats

# Difficulties of the published model; those of the other scales stand in _SCALES.
_MODIFIER: Final = {"+": 0.25, "-": -0.25, "": 0.0}
_LETTER: Final = {"a": 0.0, "b": 0.25, "c": 0.5, "d": 0.75, "": 0.5}
_YDS: Final = re.compile(r"5\.(?:(?P<hard>1[0-5])(?P<letter>[a-d]?)|(?P<easy>[0-9]))(?P<modifier>[+-]?)")

# Scale: its lowest number, the difficulty of that number, the step from one number to the next.
_SCALES: Final = {
    "v": (0, 10.0, 0.4),
    "wi": (1, 6.0, 1.2),
    "ai": (1, 7.0, 1.4),
    "m": (1, 7.0, 0.6),
    "a": (0, 8.0, 1.2),
    "c": (0, 8.0, 1.2),
}
_SCALED: Final = re.compile(r"(?P<scale>wi|ai|v|m|a|c)(?P<number>\d{1,2})(?P<modifier>[+-]?)")
_EASIEST_BOULDER: Final = re.compile(r"vb(?P<modifier>[+-]?)")
_EASIEST_BOULDER_DIFFICULTY: Final = 9.5
# What a shortened second end takes over from the first: "5.10a/b", "5.10/11", "WI4/5".
_PREFIXES: Final = (re.compile(r"5\.1[0-5](?=[a-d]?[+-]?$)"), re.compile(r"5\."), re.compile(r"[a-z]+"))


@lru_cache(4096)  # many routes, few grades
def difficulty(text: str | None) -> float:
    """Difficulty of a grade such as `5.10a`, `5.9+`, `5.10b/c`, `V4`, `WI4`, `AI3`, `M5`, `A2`; nan if unknown."""
    ends = [end.strip() for end in (text or "").lower().split("/")]
    if len(ends) == 1:
        return _single(ends[0])
    return (_single(ends[0]) + _second(*ends)) / 2 if len(ends) == 2 else math.nan


def difficulties(texts: Iterable[str | None]) -> Floats:
    """Difficulty of each grade, shape (n,); nan where unknown."""
    return np.fromiter((difficulty(text) for text in texts), dtype=np.float64)


def _single(grade: str) -> float:
    if found := _YDS.fullmatch(grade):
        number, letter = (found["hard"], _LETTER[found["letter"]]) if found["hard"] else (found["easy"], 0.0)
        return int(number) + letter + _MODIFIER[found["modifier"]]
    if found := _EASIEST_BOULDER.fullmatch(grade):
        return _EASIEST_BOULDER_DIFFICULTY + _MODIFIER[found["modifier"]]
    if found := _SCALED.fullmatch(grade):
        lowest, start, step = _SCALES[found["scale"]]
        above = int(found["number"]) - lowest
        return start + step * above + _MODIFIER[found["modifier"]] if above >= 0 else math.nan
    return math.nan


def _second(first: str, second: str) -> float:
    prefixes = (found[0] for pattern in _PREFIXES if (found := pattern.match(first)))
    readings = (_single(prefix + second) for prefix in ("", *prefixes) if second)
    return next((reading for reading in readings if not math.isnan(reading)), math.nan)
