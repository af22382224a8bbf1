"""How alike two weather windows are, as one dot product of 48 numbers a window.

A series is centred, scaled and multiplied by the root of its weights, so that the product of two series is their
weighted correlation. A constant series is all zeros and sets a flag instead, so that two of them correlate at 1 and
one of them at 0. The freeze-thaw term is a row of its table on the planned side and a one-hot on the other.
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from jobs.scores.model import (
    DAY_DECAY,
    EXTREME_WEIGHT,
    FEWEST_DAYS,
    LOWEST_SIMILARITY,
    ORDINARY_Z,
    SIMILARITY_WHEN_MISSING,
    WINDOW_DAYS,
    Floats,
    Indices,
)
from jobs.scores.weather.windows import MAXIMUM, MINIMUM, SERIES, Windows

_COUNTS: Final = np.arange(WINDOW_DAYS + 1)
_FREEZE_THAW: Final = 1 - np.abs(np.subtract.outer(_COUNTS, _COUNTS)) / (
    np.maximum(np.maximum.outer(_COUNTS, _COUNTS), 1) + WINDOW_DAYS
)
_TERMS: Final = SERIES + 1
# Of two patterns, as many days are compared as the shorter one has.
_LENGTHS: Final = range(FEWEST_DAYS, WINDOW_DAYS + 1)
# A deviation this small is the rounding of a field that never changed.
_NO_DEVIATION: Final = 1e-9
# A similarity that is exactly at the threshold must not be lost to the rounding of its sum.
_ROUNDING: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Patterns:
    """Windows of accidents, ready to be compared.

    vectors: per number of compared days n (5, 6, 7), shape (accidents, 5n + 13); zeros where fewer are known.
    days: known days, shape (accidents,).
    """

    vectors: dict[int, Floats]
    days: npt.NDArray[np.int8]

    @classmethod
    def of(cls, windows: Windows) -> Self:
        """The patterns of windows with shape (accidents,)."""
        compared = {min(int(days), longest) for days in np.unique(windows.days) if days for longest in _LENGTHS}
        return cls({n: _accident_vectors(windows, n) for n in compared}, windows.days)

    def take(self, indices: Indices) -> Self:
        """The patterns of some accidents, in the order of the indices."""
        return type(self)({n: vectors[indices] for n, vectors in self.vectors.items()}, self.days[indices])


def similarity(planned: Windows, extreme: Floats, accidents: Patterns) -> Floats:
    """W, shape (planned, accidents), of planned windows (planned,) with their extreme factor (planned,)."""
    compared = np.minimum.outer(np.unique(planned.days), np.unique(accidents.days))
    lengths = [int(n) for n in np.unique(compared) if n]
    products = ((n, _planned_vectors(planned, extreme, n) @ accidents.vectors[n].T) for n in lengths)
    if len(lengths) == 1:
        _, alike = next(products)
    else:
        alike = np.zeros((len(planned.days), len(accidents.days)))
        shorter = np.minimum.outer(planned.days, accidents.days)
        for n, product in products:
            np.copyto(alike, product, where=shorter == n)
    alike[planned.days == 0] = SIMILARITY_WHEN_MISSING
    alike[:, accidents.days == 0] = SIMILARITY_WHEN_MISSING
    return alike


def weather_factor(alike: Floats) -> Floats:
    """W' of W, same shape: 0 below 0.25, else W cubed."""
    factor = alike * alike
    factor *= alike
    factor *= alike >= LOWEST_SIMILARITY - _ROUNDING
    return factor


def extreme_factor(means: Floats, history_mean: Floats, history_std: Floats) -> Floats:
    """How far beyond the ordinary the planned weather is, shape (*s,), 1 or more.

    means, history_mean, history_std: temperature, precipitation, wind and visibility in the last axis, shapes that
    broadcast to (*s, 4). A field without history (nan, or no deviation) adds nothing.
    """
    means, history_mean, history_std = np.broadcast_arrays(means, history_mean, history_std)
    known = np.isfinite(means) & np.isfinite(history_mean) & np.isfinite(history_std) & (history_std > _NO_DEVIATION)
    z = np.zeros(means.shape)
    np.divide(np.subtract(means, history_mean, where=known, out=z), history_std, where=known, out=z)
    beyond = np.maximum(np.abs(z) - ORDINARY_Z, 0.0)
    return np.asarray(1.0 + beyond @ EXTREME_WEIGHT, dtype=np.float64)


def _standardised(windows: Windows, days: int) -> tuple[Floats, Floats]:
    """Series (m, 5 * days) whose products are correlations, and flags (m, 5) of the constant ones.

    The first `days` days count. The scaling by the span comes first, so that no square over- or underflows.
    """
    weights = DAY_DECAY ** np.arange(days - 1, -1, -1.0)
    weights /= weights.sum()
    series = np.swapaxes(windows.values[:, :days, :SERIES], 1, 2)
    first = series[..., :1]
    span = np.ptp(series, axis=-1, keepdims=True)
    scaled = np.divide(series - first, span, out=np.zeros(series.shape), where=span > 0)
    centred = scaled - (scaled @ weights)[..., None]
    spread = np.sqrt(np.square(centred) @ weights)[..., None]
    weighted = np.divide(centred * np.sqrt(weights), spread, out=np.zeros(series.shape), where=span > 0)
    return weighted.reshape(len(series), SERIES * days), (span[..., 0] == 0).astype(np.float64)


def _freeze_thaw_days(windows: Windows) -> Indices:
    """Of each whole window, also where fewer days are compared."""
    low, high = windows.values[..., MINIMUM], windows.values[..., MAXIMUM]
    return np.asarray(np.count_nonzero((low < 0) & (high > 0), axis=-1), dtype=np.intp)


def _accident_vectors(windows: Windows, days: int) -> Floats:
    series, constant = _standardised(windows, days)
    thawed = np.eye(WINDOW_DAYS + 1)[_freeze_thaw_days(windows)]
    vectors = np.concatenate([series, constant, thawed], axis=1)
    vectors[windows.days < days] = 0.0
    return vectors


def _planned_vectors(windows: Windows, extreme: Floats, days: int) -> Floats:
    """Like `_accident_vectors`, with halves, table, extreme factor and the sixth folded in.

    (1 + corr) / 2 of five series is 5/2 + the sum of corr / 2; the 5/2 ride on the freeze-thaw row.
    """
    series, constant = _standardised(windows, days)
    thawed = _FREEZE_THAW[_freeze_thaw_days(windows)] + SERIES / 2
    vectors = np.concatenate([series / 2, constant / 2, thawed], axis=1)
    vectors *= (extreme / _TERMS)[:, None]
    vectors[windows.days < days] = 0.0
    return vectors
