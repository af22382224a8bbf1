"""The published parameters of the route safety model, as frozen data.

A climbing type, here *kind*, is an index into `KINDS`; arrays of kinds are int8. The same holds for `SEVERITIES`.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int8]
Indices = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]
Dates = npt.NDArray[np.datetime64]


def _frozen(values: object) -> Floats:
    array = np.array(values, dtype=np.float64)
    array.flags.writeable = False
    return array


KINDS: Final = ("alpine", "ice", "mixed", "trad", "sport", "aid", "boulder", "default")
DEFAULT_KIND: Final = KINDS.index("default")

# By kind, in the order of KINDS: h of the distance factor S, lambda of the age factor T, c of the elevation factor E.
BANDWIDTH_KM: Final = _frozen([75, 50, 60, 40, 25, 30, 20, 50])
DECAY_A_DAY: Final = _frozen([0.9998, 0.9997, 0.9997, 0.9995, 0.999, 0.9995, 0.999, 0.9996])
ELEVATION_SCALE_M: Final = _frozen([1600, 1600, 1600, 2400, 3600, 2400, 6000, 2400])

# R of a pair that the model does not list.
UNLISTED_PAIR: Final = 0.5
# Planned kind down, accident kind across, both in the order of KINDS.
KIND_MATCH: Final = _frozen(
    [
        [1.0, 0.8, 0.9, 0.8, 0.9, 0.6, 0.3, UNLISTED_PAIR],
        [0.9, 1.0, 0.9, 0.5, 0.4, 0.4, 0.2, UNLISTED_PAIR],
        [0.9, 0.9, 1.0, 0.6, 0.5, 0.5, 0.3, UNLISTED_PAIR],
        [0.6, 0.3, 0.5, 1.0, 0.6, 0.8, 0.4, UNLISTED_PAIR],
        [0.3, 0.2, 0.3, 0.7, 1.0, 0.5, 0.6, UNLISTED_PAIR],
        [0.6, 0.3, 0.5, 0.8, 0.5, 1.0, 0.2, UNLISTED_PAIR],
        [0.2, 0.2, 0.3, 0.4, 0.7, 0.3, 1.0, UNLISTED_PAIR],
        [UNLISTED_PAIR] * 8,
    ]
)

SEVERITIES: Final = ("fatal", "serious", "minor", "unknown")
UNKNOWN_SEVERITY: Final = SEVERITIES.index("unknown")
# V, in the order of SEVERITIES.
SEVERITY_WEIGHT: Final = _frozen([1.3, 1.1, 1.0, 1.0])

# The mean radius, as the haversine formula is usually given; the model's 7; and its scale.
EARTH_RADIUS_KM: Final = 6371.0
RISK_A_UNIT: Final = 7.0
HIGHEST_RISK: Final = 100.0

# Of T, E and G: see risk/factors.py, where each formula is said in words.
AGE_SHARE: Final = 0.35
AGE_POWER: Final = 1.5
SEASON_BONUS: Final = 1.05
ELEVATION_BONUS: Final = 0.15
GRADE_WIDTH: Final = 3 / 1.18
LOWEST_GRADE_MATCH: Final = 0.25

# Of W and W': see risk/similarity.py. A day weighs 0.85 of the day after it.
WINDOW_DAYS: Final = 7
FEWEST_DAYS: Final = 5
DAY_DECAY: Final = 0.85
# What stands for a visibility, a cloud cover or a window that is not known; from where on W counts, and |z| is out of
# the ordinary.
UNKNOWN_VISIBILITY_M: Final = 10_000.0
UNKNOWN_CLOUD_PCT: Final = 50.0
SIMILARITY_WHEN_MISSING: Final = 0.5
LOWEST_SIMILARITY: Final = 0.25
ORDINARY_Z: Final = 2.0
# Per unit of |z| beyond ORDINARY_Z: temperature, precipitation, wind, visibility.
EXTREME_WEIGHT: Final = _frozen([0.20, 0.20, 0.20, 0.25])

COLOURS: Final = ("green", "yellow", "orange", "red")
# Where yellow, orange and red begin.
COLOUR_BOUNDS: Final = _frozen([30, 50, 70])


def kind_code(name: str | None) -> int:
    """Index into KINDS of a climbing type in words; a type that the model does not list is the default."""
    word = (name or "").strip().lower()
    return KINDS.index(word) if word in KINDS else DEFAULT_KIND


def severity_code(name: str | None) -> int:
    """Index into SEVERITIES of a severity in words; anything else is unknown."""
    word = (name or "").strip().lower()
    return SEVERITIES.index(word) if word in SEVERITIES else UNKNOWN_SEVERITY


def season(dates: Dates) -> Codes:
    """Season of each date, same shape: 0 Dec-Feb, 1 Mar-May, 2 Jun-Aug, 3 Sep-Nov."""
    months_since_1970 = dates.astype("datetime64[M]").astype(np.int64)
    # 1970 begins in January, season 0 in December.
    return ((months_since_1970 + 1) % 12 // 3).astype(np.int8)


def colour(risk: npt.ArrayLike) -> npt.NDArray[np.str_]:
    """Colour of each unrounded risk, same shape: below 30 green, below 50 yellow, below 70 orange, else red."""
    return np.asarray(COLOURS)[np.searchsorted(COLOUR_BOUNDS, risk, side="right")]
