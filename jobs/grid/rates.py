"""Whether one count is more than another lets expect: exact tests of Poisson rates, and their correction for many.

Of two Poisson counts, given their sum, the first is binomial (Przyborowski and Wilenski, Biometrika 31, 1940). Where
both rates are equal, its share of the sum is its share of the time.
"""

import functools
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

# Further terms change no digit of a double.
_NEGLIGIBLE = 1e-17


def more(count: int, past: int, share: float) -> float:
    """Chance of `count` or more of the `count + past` crimes, each of which falls to the count with chance `share`.

    share: above 0 and below 1; of days d and D, and a rate that may be m times the past one, m d / (m d + D).
    """
    return at_least(count, count + past, share)


def differs(count: int, past: int, share: float) -> float:
    """Chance of a count as far from what `share` lets expect, to either side: twice the smaller tail, at most 1."""
    of = count + past
    return min(1.0, 2 * min(at_least(count, of, share), at_least(past, of, 1 - share)))


@functools.lru_cache(maxsize=2**16)
def at_least(count: int, of: int, chance: float) -> float:
    """P(X >= count) of a binomial X: `of` trials, each with this chance (above 0, below 1)."""
    if count <= 0:
        return 1.0
    if count > of:
        return 0.0
    # Each tail is summed away from the mean, where terms shrink.
    if count > of * chance:
        return _tail(count, of, chance)
    return 1 - _tail(of - count + 1, of, 1 - chance)


def _tail(count: int, of: int, chance: float) -> float:
    term = math.exp(
        math.lgamma(of + 1)
        - math.lgamma(count + 1)
        - math.lgamma(of - count + 1)
        + count * math.log(chance)
        + (of - count) * math.log1p(-chance)
    )
    total, odds = term, chance / (1 - chance)
    for at in range(count, of):
        term *= (of - at) / (at + 1) * odds
        total += term
        if term < total * _NEGLIGIBLE:
            break
    return min(1.0, total)


def adjusted(chances: Sequence[float]) -> npt.NDArray[np.float64]:
    """The chances, shape (n,), after Benjamini and Hochberg (1995), in the same order.

    Of those at most q, a share of q is expected to be chance, however many were looked at.
    """
    given = np.asarray(chances, dtype=np.float64)
    order = np.argsort(given)[::-1]
    ranks = np.arange(len(given), 0, -1)
    result = np.empty_like(given)
    result[order] = np.minimum.accumulate(np.minimum(1.0, given[order] * len(given) / ranks))
    return result
