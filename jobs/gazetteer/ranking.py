"""How well a name is what somebody looked for."""

from difflib import SequenceMatcher
from typing import Final

from jobs.gazetteer import names

LEAST: Final = 0.6
"""Of what is no beginning of a name: less is another name."""
# A name that goes on is a little less than one that ends.
_BEGINNING, _WORDS = 0.97, 0.95
_ORDER = 0.9


def score(wanted: str, key: str) -> float:
    """From 0 to 1, for two keys: the same words, or the same letters in the same order, in all or at the beginning."""
    if f" {wanted}" in f" {key}":
        return 1.0 if wanted == key else _WORDS
    # One letter may be too few.
    begin = key[: len(wanted) + 1]
    alike = _alike(wanted, key) if begin == key else max(_alike(wanted, key), _BEGINNING * _alike(wanted, begin))
    return max(alike, _ORDER * _dice(wanted, key))


def _alike(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other, autojunk=False).ratio()


def _dice(wanted: str, key: str) -> float:
    own, theirs = set(names.grams_wanted(wanted)), set(names.grams(key))
    return 2 * len(own & theirs) / (len(own) + len(theirs) or 1)
