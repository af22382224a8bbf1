"""How sure a count is: the exact interval of a Poisson mean (Garwood 1936)."""

import functools
import math
from collections.abc import Callable
from typing import Final

import numpy as np

# Beyond, a cell says enough by itself, and its interval is that of a normal count.
MOST: Final = 1_000
_TAIL: Final = 0.025
# Halves of a few hundred crimes: far finer than the six decimals that anybody wants.
_STEPS: Final = 50
# A map of the country has a thousand counts: one by one, their sums would take half a minute.
_LOG_FACTORIALS: Final = np.array([math.lgamma(events + 1) for events in range(MOST + 1)])


@functools.cache
def garwood(count: int) -> tuple[float, float]:
    """The 95 % interval of the mean that a count of 0 to MOST was drawn from.

    Below the lower end a count as high, above the upper end one as low, comes up with a chance of 2.5 %.
    """
    # Twelve standard deviations, and room for small counts.
    most = count + 12 * math.sqrt(count + 1) + 12
    lower = 0.0 if count == 0 else _root(lambda mean: 1 - _at_most(count - 1, mean) - _TAIL, 0, most)
    return lower, _root(lambda mean: _TAIL - _at_most(count, mean), 0, most)


def _at_most(count: int, mean: float) -> float:
    """Chance of `count` events or fewer."""
    if mean == 0:
        return 1.0
    terms = np.arange(count + 1) * math.log(mean) - mean - _LOG_FACTORIALS[: count + 1]
    return float(np.exp(terms).sum())


def _root(rising: Callable[[float], float], low: float, high: float) -> float:
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) > 0 else (middle, high)
    return (low + high) / 2
